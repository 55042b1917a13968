package plot

import (
	"bytes"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"
)

var update = flag.Bool("update", false, "write the golden images anew (look at every one of them)")

// wave is a deterministic utilization in percent with a gap of its own.
func wave(worker, n int, gap bool) Series {
	s := Series{Name: fmt.Sprintf("worker-%d", worker)}
	for i := range n {
		v := 50 + 30*math.Sin(float64(i)/20+float64(worker)) + 12*math.Sin(float64(i*i%97+worker*31))
		if gap && i > n/3 && i < n/3+n/10 {
			v = math.NaN()
		}
		s.X, s.Y = append(s.X, float64(i)*5), append(s.Y, math.Min(100, math.Max(0, v)))
	}
	return s
}

func average(many []Series) (Series, Band) {
	a := Series{Name: "Average", Color: Ink(), Bold: true, X: many[0].X}
	b := Band{Name: "min–max", Color: SteelBlue(), X: many[0].X}
	for i := range a.X {
		sum, n, lo, hi := 0.0, 0.0, math.Inf(1), math.Inf(-1)
		for _, s := range many {
			if v := s.Y[i]; !math.IsNaN(v) {
				sum, n, lo, hi = sum+v, n+1, math.Min(lo, v), math.Max(hi, v)
			}
		}
		if n == 0 {
			sum, n, lo, hi = math.NaN(), 1, math.NaN(), math.NaN()
		}
		a.Y, b.Low, b.High = append(a.Y, sum/n), append(b.Low, lo), append(b.High, hi)
	}
	return a, b
}

func linesOf(workers, n int) *Lines {
	p := &Lines{Title: "CPU Utilization Over Time", X: Axis{Label: "Time (seconds)"}, Y: Axis{Label: "CPU Utilization (%)", Max: 100}, Noun: "workers"}
	for w := range workers {
		p.Many = append(p.Many, wave(w, n, w == 1 || workers == 1))
	}
	a, b := average(p.Many)
	if workers > 1 {
		p.Series = []Series{a}
	}
	if workers > MaxSeries {
		p.Bands = []Band{b}
	}
	return p
}

func heatmapOf(workers, cols int) *Heatmap {
	p := &Heatmap{Title: "CPU Utilization Heatmap", X: Axis{Label: "Time (seconds)"}, YName: "Worker", To: 600, Max: 100, Label: "CPU Utilization (%)"}
	for w := range workers {
		s := wave(w, cols, w%7 == 1)
		p.Rows, p.Values = append(p.Rows, s.Name), append(p.Values, s.Y)
	}
	return p
}

func timeNodeOf(workers int) *TimeNode {
	p := &TimeNode{Heatmap: *heatmapOf(workers, 120), Color: SteelBlue()}
	p.Title = "CPU Utilization by Node and Time"
	many := linesOf(workers, 120).Many
	p.Average, p.Band = average(many)
	for i, v := range p.Values {
		p.Means = append(p.Means, mean(present(v)))
		p.Rows[i] = fmt.Sprintf("node%04d", i)
	}
	return p
}

func barsOf(workers int) *Bars {
	p := &Bars{Title: "Average Resource Utilization by Worker", X: Axis{Label: "Worker"}, Y: Axis{Label: "Average Utilization (%)"}, Absent: "no GPU",
		Format: func(v float64) string { return fmt.Sprintf("%.1f", v) },
		Sets:   []BarSet{{Name: "CPU", Color: SteelBlue()}, {Name: "Memory", Color: Coral()}, {Name: "GPU", Color: Green()}}}
	for w := range workers {
		p.X.Categories = append(p.X.Categories, fmt.Sprintf("worker-%d", w))
		gpu := math.NaN()
		if w < (workers+1)/2 {
			gpu = 42 + 5*math.Sin(float64(w))
		}
		for k, v := range [...]float64{50 + 9*math.Sin(float64(w)), 55 + 7*math.Cos(float64(w)), gpu} {
			p.Sets[k].Values = append(p.Sets[k].Values, v)
		}
	}
	return p
}

func boxesOf() *Boxes {
	return &Boxes{Title: "Resource Utilization Distribution", Y: Axis{Label: "Utilization (%)", Max: 100}, Boxes: []Box{
		{Name: "CPU", Low: 0, Q1: 32, Median: 50, Q3: 69, High: 100, Mean: 50.3, N: 480, Color: SteelBlue()},
		{Name: "Memory", Low: 25, Q1: 45, Median: 55, Q3: 65, High: 88, Mean: 55, N: 480, Outliers: []float64{3, 5, 97}, Color: Coral()},
		{Name: "GPU", N: 0, Color: Green()},
	}}
}

// shuffled pairs skewed's values differently, so that X and Y are not in step.
func shuffled(n int, scale float64) []float64 {
	vs := skewed(n, scale)
	out := make([]float64, n)
	for i := range out {
		out[i] = vs[(i*37+11)%n]
	}
	return out
}

// skewed is a deterministic exponential-like sample.
func skewed(n int, scale float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = -scale * math.Log(1-(float64((i*7919)%n)+0.5)/float64(n))
	}
	return out
}

// figures are the golden pictures: testdata/<name>.png.
func figures() map[string]*Figure {
	dask, ray := Sample{Name: "Dask", Values: skewed(400, 0.67), Color: SteelBlue()}, Sample{Name: "Ray", Values: skewed(400, 0.28), Color: Coral()}
	seconds := Axis{Label: "Execution Time (seconds)"}
	engines := func(d, r float64) *Bars {
		return &Bars{Title: "Average Throughput by Engine", X: Axis{Categories: []string{"DASK", "RAY"}}, Y: Axis{Label: "Avg Throughput (tasks/sec)"},
			Format: func(v float64) string { return fmt.Sprintf("%.2f", v) },
			Sets:   []BarSet{{Values: []float64{d, r}, Low: []float64{d - 1, r - 1}, High: []float64{d + 1, r + 1}, Colors: Colors(SteelBlue(), Coral())}}}
	}
	return map[string]*Figure{
		"resources-1":   {Columns: 2, Panels: []Panel{linesOf(1, 120), heatmapOf(1, 60), boxesOf(), barsOf(1)}},
		"resources-4":   {Columns: 2, Panels: []Panel{linesOf(4, 120), heatmapOf(4, 60), boxesOf(), barsOf(4)}},
		"resources-500": {Columns: 2, Panels: []Panel{linesOf(500, 120), heatmapOf(500, 120), boxesOf(), barsOf(500)}},
		"resources-40":  {Columns: 2, Panels: []Panel{linesOf(40, 120), heatmapOf(40, 60), boxesOf(), barsOf(40)}},
		"comparative": {Columns: 3, Width: 16, Height: 10, Panels: []Panel{
			&Histogram{Title: "Execution Time Distribution", X: seconds, Y: Axis{Label: "Density"}, Samples: []Sample{dask, ray}},
			&CDF{Title: "Cumulative Distribution Function", X: seconds, Y: Axis{Label: "Cumulative Probability", Max: 1}, Samples: []Sample{dask, ray}},
			&Violins{Title: "Execution Time Violin Plot", Y: seconds, Samples: []Sample{dask, ray}},
			engines(9.32, 9.74), engines(108.6, 56.8),
			&Radar{Title: "Overall Performance Comparison", Spokes: []string{"Throughput", "Efficiency", "Success Rate", "Low Latency"}, Polygons: []Polygon{
				{"Dask", []float64{.945, .759, .98, .88}, SteelBlue()}, {"Ray", []float64{.987, .397, .973, .95}, Coral()}}},
		}},
		"timenode": {Panels: []Panel{timeNodeOf(24), timeNodeOf(1500)}},
		"scaling":  {Columns: 2, Panels: scalingPanels()},
		"latency": {Columns: 2, Panels: []Panel{
			&Scatter{Title: "Wait Time vs Execution Time", X: Axis{Label: "Wait Time (seconds)"}, Y: seconds, Sets: []Points{
				{"dask-64C", skewed(200, .1), shuffled(200, .9), SteelBlue()}, {"ray-128C", skewed(200, .09), shuffled(200, .35), Coral()}}},
			&Bars{Title: "Median Latency Breakdown", X: Axis{Label: "Configuration", Categories: []string{"dask\n64C", "dask\n128C", "ray\n128C", "ray\n256C"}}, Y: Axis{Label: "Time (seconds)"}, Stacked: true,
				Format: func(v float64) string { return fmt.Sprintf("%.3f", v) },
				Sets:   []BarSet{{Name: "Wait Time", Values: []float64{.1, .09, .07, .08}, Color: LightBlue()}, {Name: "Execution Time", Values: []float64{.9, .43, .35, .21}, Color: SteelBlue()}}},
			&Message{Title: "Nothing", Text: "No configuration has a completed task, so there is no latency to draw."},
			&Histogram{Title: "Utilization Histogram", X: Axis{Label: "Utilization (%)", Max: 100}, Y: Axis{Label: "Share of samples (%)"}, Share: true, Bins: 20, Samples: []Sample{{Name: "CPU", Values: skewed(300, 30), Color: SteelBlue()}}},
		}},
	}
}

func scalingPanels() []Panel {
	nodes := []float64{1, 2, 4, 8, 16}
	n := Axis{Label: "Number of Nodes", Log2: true}
	red := Engine(1)
	return []Panel{
		&Lines{Title: "Strong Scaling: Speedup", X: n, Y: Axis{Label: "Speedup", Log2: true}, Series: []Series{
			{Name: "Ideal Linear", X: nodes, Y: nodes, Color: red, Dashed: true}, {Name: "Actual", X: nodes, Y: []float64{1, 1.89, 2.87, 3.55, 7.09}, Color: SteelBlue(), Marker: true, Bold: true}}},
		&Lines{Title: "Strong Scaling: Parallel Efficiency", X: n, Y: Axis{Label: "Parallel Efficiency (%)", Max: 110}, Rules: []Rule{{Name: "Ideal (100%)", At: 100, Color: red}, {Name: "Good (80%)", At: 80, Color: Qualitative(13)}},
			Series: []Series{{Name: "Actual", X: nodes, Y: []float64{100, 94, 72, 44, 44}, Color: Green(), Marker: true, Bold: true}}},
		&Lines{Title: "Weak Scaling: Execution Time", X: n, Y: Axis{Label: "Execution Time (seconds)", Zero: true}, Rules: []Rule{{Name: "Ideal (constant)", At: 5.05, Color: red}},
			Series: []Series{{Name: "Actual", X: nodes, Y: []float64{5.05, 5.47, 5.39, 5.22, 5.52}, Color: Qualitative(10), Marker: true, Bold: true, Labels: []string{"1024 tasks", "2048 tasks", "4096 tasks", "8192 tasks", "16384 tasks"}}}},
		&Lines{Title: "No data at all", X: n, Y: Axis{Label: "Weak Scaling Efficiency (%)"}},
	}
}

// TestGolden compares every picture with the one that was looked at.
func TestGolden(t *testing.T) {
	for name, f := range figures() {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			f.DPI = 60
			if err := f.Render(&got, "png"); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".png")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			same, err := cmpimg.EqualApprox("png", want, got.Bytes(), 0.02)
			if err != nil || !same {
				bad := filepath.Join(t.ArtifactDir(), name+".png")
				_ = os.WriteFile(bad, got.Bytes(), 0o644)
				t.Errorf("%s differs from the golden image (%v); what was drawn is %s", path, err, bad)
			}
		})
	}
}

// TestGoldenCanFail shows that the tolerance does not hide a missing line.
func TestGoldenCanFail(t *testing.T) {
	draw := func(p *Lines) []byte {
		var b bytes.Buffer
		if err := (&Figure{Panels: []Panel{p}}).Render(&b, "png"); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	whole, less := linesOf(4, 120), linesOf(4, 120)
	less.Many = less.Many[1:]
	if same, err := cmpimg.EqualApprox("png", draw(whole), draw(less), 0.02); err != nil || same {
		t.Errorf("a picture without worker-0 counts as the same (%v)", err)
	}
}

// TestRepeatable renders everything twice in every format.
func TestRepeatable(t *testing.T) {
	for name, f := range figures() {
		for _, format := range Formats() {
			var a, b bytes.Buffer
			f.DPI = 40
			if err := f.Render(&a, format); err != nil {
				t.Fatalf("%s %s: %v", name, format, err)
			}
			if err := f.Render(&b, format); err != nil {
				t.Fatalf("%s %s: %v", name, format, err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s as %s: two runs differ", name, format)
			}
			if a.Len() == 0 {
				t.Errorf("%s as %s: nothing written", name, format)
			}
		}
	}
}

func TestSize(t *testing.T) {
	var b bytes.Buffer
	f := Figure{Panels: []Panel{boxesOf()}, Width: 4, Height: 3}
	if err := f.Render(&b, "png"); err != nil {
		t.Fatal(err)
	}
	img, err := png.DecodeConfig(&b)
	if err != nil || img.Width != 4*DefaultDPI || img.Height != 3*DefaultDPI {
		t.Errorf("got %d x %d (%v)", img.Width, img.Height, err)
	}
	f.Width = 1e6
	if err := f.Render(&b, "png"); err == nil {
		t.Error("a figure of a million inches was drawn")
	}
	f.Width = 4
	if err := f.Render(&b, "bmp"); err == nil || !strings.Contains(err.Error(), "png, svg, pdf") {
		t.Errorf("an unknown format: %v", err)
	}
}

// A typing error in a size must not ask for all memory.
func TestSizesThatCannotBe(t *testing.T) {
	for _, f := range []Figure{
		{Width: math.NaN(), Height: 5}, {Width: 5, Height: math.Inf(1)}, {Width: -1, Height: 5}, {Width: 101, Height: 5},
		{Width: 5, Height: 5, DPI: 10000}, {Width: 100, Height: 100, DPI: 1200},
	} {
		if err := f.Render(io.Discard, "png"); err == nil {
			t.Errorf("%g x %g inches at %d dots an inch was drawn", f.Width, f.Height, f.DPI)
		}
	}
}
