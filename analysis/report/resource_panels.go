package report

import (
	"fmt"
	"math"
	"strings"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
)

// choice is a picture that the command line can ask for.
type choice struct {
	name, help string
	build      func(*view) *Picture
}

// resourceChoices are the pictures of a recording: the notebook's four first.
func resourceChoices() []choice {
	return []choice{
		{"cpu", "CPU over time per worker, with the average", func(v *view) *Picture { return v.cpu() }},
		{"heatmap", "worker x time heatmap of CPU (means)", func(v *view) *Picture { return v.heatmap("heatmap", false) }},
		{"boxes", "box plots of CPU, memory and GPU", func(v *view) *Picture { return v.boxes() }},
		{"workers", "average CPU, memory and GPU by worker", func(v *view) *Picture { return v.bars() }},
		{"heatmap-max", "worker x time heatmap of CPU (maxima)", func(v *view) *Picture { return v.heatmap("heatmap-max", true) }},
		{"timenode", "time x node colour plot, band above, averages beside", func(v *view) *Picture { return v.timeNode() }},
		{"memory", "memory over time per worker", func(v *view) *Picture { return v.over("memory") }},
		{"gpu", "GPU over time per worker", func(v *view) *Picture { return v.over("gpu") }},
		{"gpu-heatmap", "GPU x time heatmap", func(v *view) *Picture { return v.gpuHeatmap() }},
		{"network", "network over time per worker", func(v *view) *Picture { return v.over("network") }},
		{"disk", "disk traffic over time per worker", func(v *view) *Picture { return v.disk() }},
		{"histogram", "how often each utilization was seen", func(v *view) *Picture { return v.histogram() }},
		{"pressure", "share of time stalled on CPU, memory, I/O", func(v *view) *Picture { return v.pressure() }},
	}
}

// NotebookPanels are the four of section 5, in its order.
func NotebookPanels() []string { return []string{"cpu", "heatmap", "boxes", "workers"} }

// PanelHelp lists the pictures of a recording, one line each.
func PanelHelp() string {
	var b strings.Builder
	for _, c := range resourceChoices() {
		fmt.Fprintf(&b, "  %-12s %s\n", c.name, c.help)
	}
	return b.String()
}

// PanelNames checks names and spells "all" out.
func PanelNames(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		n := len(out)
		for _, c := range resourceChoices() {
			if c.name == name || name == "all" {
				out = append(out, c.name)
			}
		}
		if len(out) == n {
			return nil, fmt.Errorf("unknown panel %q; known are all and:\n%s", name, strings.TrimRight(PanelHelp(), "\n"))
		}
	}
	return out, nil
}

// Resources builds the named pictures of a recording; "all" stands for every one.
func Resources(r *analysis.Result, names []string) ([]*Picture, error) {
	names, err := PanelNames(names)
	if err != nil {
		return nil, err
	}
	v := newView(r)
	var out []*Picture
	for _, name := range names {
		for _, c := range resourceChoices() {
			if c.name == name {
				p := c.build(v)
				p.Name = name
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// cpu is the notebook's first panel.
func (v *view) cpu() *Picture {
	p := v.lines("CPU Utilization Over Time", "CPU Utilization (%)", "cpu_util", 100)
	p.Caption = v.about(fmt.Sprintf("CPU utilization of every %[1]s, and in bold the average over the %[1]ss present at each time. Lines stop at gaps.", v.noun()))
	return p
}

// over is a column over time as the first panel has it.
func (v *view) over(name string) *Picture {
	var p *Picture
	switch name {
	case "memory":
		p = v.lines("Memory Utilization Over Time", "Memory Utilization (%)", "memory_util", 100)
		p.Caption = "Share of memory that is not available to new programs."
		if !v.ofNodes() {
			p.Caption = v.about("Share of the memory of its node.")
		}
	case "gpu":
		p = v.lines("GPU Utilization Over Time", "GPU Utilization (%)", "gpu_util", 100)
		p.Caption = "Mean over each worker's GPUs, idle ones included; a GPU counts as busy while at least one kernel was running. " + strings.Join(v.gpuNote(), " ")
	default:
		series, names := v.series(v.nodes, "network_mbps")
		p = v.linesOf("Network Throughput Over Time", "Network (Mbit/s)", v.nodeNoun(), series, names, 1)
		p.Caption = "Megabits per second (10⁶), received and sent, over physical links."
	}
	return p
}

// lines draws a column of the workers over time, factor times its value.
func (v *view) lines(title, label, column string, factor float64) *Picture {
	series, names := v.series(v.workers, column)
	return v.linesOf(title, label, v.noun()+"s", series, names, factor)
}

func (v *view) linesOf(title, label, noun string, series []*analysis.Series, names []string, factor float64) *Picture {
	p := &plot.Lines{Title: title, X: v.timeAxis(), Y: plot.Axis{Label: label, Zero: true}, Noun: noun}
	if strings.HasSuffix(label, "(%)") {
		p.Y = plot.Axis{Label: label, Max: 100}
	}
	x := v.times()
	for i, s := range series {
		p.Many = append(p.Many, plot.Series{Name: names[i], X: x, Y: scaled(s.Mean, factor)})
	}
	pic := &Picture{Title: title, Panel: p, Alt: title + ": no data."}
	average := analysis.Average(series)
	if average == nil {
		return nothing(title, "Nothing of this kind was recorded.")
	}
	if len(series) == 1 {
		p.Many[0].Color = plot.SteelBlue()
	} else {
		p.Series = []plot.Series{{Name: "Average", X: x, Y: scaled(average.Mean, factor), Color: plot.Ink(), Bold: true}}
	}
	if len(series) > plot.MaxSeries {
		p.Bands = []plot.Band{{Name: "min–max", X: x, Low: scaled(average.Min, factor), High: scaled(average.Max, factor), Color: plot.SteelBlue()}}
	}
	lo, hi := rangeOf(average.Mean)
	pic.Alt = fmt.Sprintf("%s, line chart of %d %s over %s. The average runs between %s and %s; single samples reach from %s to %s.", title, len(series), noun,
		analysis.FormatDuration(v.r.To.Sub(v.r.From)), short(lo*factor), short(hi*factor), short(lowest(average.Min)*factor), short(highest(average.Max)*factor))
	return pic
}

func rangeOf(vs []float64) (lo, hi float64) { return lowest(vs), highest(vs) }

func lowest(vs []float64) float64 {
	out := math.NaN()
	for _, x := range vs {
		if !(out <= x) && !math.IsNaN(x) {
			out = x
		}
	}
	return out
}

func highest(vs []float64) float64 {
	out := math.NaN()
	for _, x := range vs {
		if !(out >= x) && !math.IsNaN(x) {
			out = x
		}
	}
	return out
}

func short(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return analysis.FormatShort(math.Round(v*100) / 100)
}

// boxes is the notebook's third panel.
func (v *view) boxes() *Picture {
	const title = "Resource Utilization Distribution"
	p := &plot.Boxes{Title: title, Y: plot.Axis{Label: "Utilization (%)", Min: -3, Max: 103}, Notes: v.gpuNote()}
	t := &Table{Caption: "Five numbers and mean, in percent", Head: []string{"Resource", "Samples", "Lower whisker", "Q1", "Median", "Q3", "Upper whisker", "Mean", "Outlying values"}}
	alt := title + ", box plots."
	for _, c := range [...]struct {
		name, column string
		i            int
	}{{"CPU", "cpu_util", 0}, {"Memory", "memory_util", 1}, {"GPU", "gpu_util", 2}} {
		b := v.box(c.column)
		box := plot.Box{Name: c.name, N: b.N, Low: 100 * b.WhiskerLow, Q1: 100 * b.Q1, Median: 100 * b.Median, Q3: 100 * b.Q3, High: 100 * b.WhiskerHigh, Mean: 100 * b.Mean, Outliers: percentOf(b.Outliers), Color: plot.Engine(c.i)}
		p.Boxes = append(p.Boxes, box)
		if b.N == 0 {
			alt += " " + c.name + ": no data."
			continue
		}
		row := []string{c.name, fmt.Sprint(b.N)}
		for _, x := range [...]float64{box.Low, box.Q1, box.Median, box.Q3, box.High, box.Mean} {
			row = append(row, fmt.Sprintf("%.1f", x))
		}
		t.Rows = append(t.Rows, append(row, fmt.Sprint(len(b.Outliers))))
		alt += fmt.Sprintf(" %s: median %.1f %%, half of the samples between %.1f and %.1f %%.", c.name, box.Median, box.Q1, box.Q3)
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Table: t,
		Caption: "All " + v.noun() + "s' samples together; the GPU over the " + v.noun() + "s that have one. Boxes hold half of the samples, whiskers reach 1.5 box heights, the cross is the mean, circles are values beyond."}
}

// bars is the notebook's fourth panel, in natural order of names.
func (v *view) bars() *Picture {
	title := "Average Resource Utilization by " + v.row()
	p := &plot.Bars{Title: title, X: plot.Axis{Label: v.row()}, Y: plot.Axis{Label: "Average Utilization (%)", Max: 107}, Absent: "no GPU",
		Sets:   []plot.BarSet{{Name: "CPU", Color: plot.Engine(0)}, {Name: "Memory", Color: plot.Engine(1)}, {Name: "GPU", Color: plot.Engine(2)}},
		Format: func(x float64) string { return fmt.Sprintf("%.1f", x) }}
	t := &Table{Caption: "Averages, weighted by time, with coverage", Head: []string{v.row(), "CPU", "Memory", "GPU", "Samples", "Coverage", "Gaps"}}
	for _, e := range v.workers {
		p.X.Categories = append(p.X.Categories, v.label(e))
		row := []string{v.label(e)}
		for i, column := range [...]string{"cpu_util", "memory_util", "gpu_util"} {
			mean := analysis.NaN()
			if v.has(e, column) {
				mean = e.Stats[column].Mean
			}
			p.Sets[i].Values = append(p.Sets[i].Values, 100*float64(mean))
			row = append(row, percent(mean))
		}
		t.Rows = append(t.Rows, append(row, fmt.Sprint(e.Presence.Seen), coverage(&e.Presence), fmt.Sprint(e.Presence.GapCount)))
	}
	alt := fmt.Sprintf("%s, bars for %d %ss.", title, len(v.workers), v.noun())
	for i, s := range p.Sets {
		if lo, hi := rangeOf(s.Values); !math.IsNaN(lo) {
			alt += fmt.Sprintf(" %s between %.1f and %.1f %%.", s.Name, lo, hi)
		} else {
			alt += " " + p.Sets[i].Name + ": no data."
		}
	}
	if gpu := p.Sets[2]; math.IsNaN(highest(gpu.Values)) { // a legend without bars would only puzzle
		p.Sets, p.Notes = p.Sets[:2], []string{"No " + v.noun() + " has a GPU."}
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Table: t.limit(),
		Caption: v.about("Averages weighted by the time each sample covers, " + v.noun() + "s in natural order. " + strings.Join(v.gpuNote(), " "))}
}
