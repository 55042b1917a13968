package report

import (
	"fmt"
	"math"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
)

// disk adds reading and writing up per worker, in megabytes a second.
func (v *view) disk() *Picture {
	const title = "Disk Throughput Over Time"
	var series []*analysis.Series
	var names []string
	for _, e := range v.nodes {
		read, written := e.Series["disk_read_bytes"], e.Series["disk_written_bytes"]
		if read == nil || written == nil {
			continue
		}
		sum := *read
		sum.Mean, sum.Min, sum.Max = plus(read.Mean, written.Mean), plus(read.Min, written.Min), plus(read.Max, written.Max)
		series, names = append(series, &sum), append(names, v.label(e))
	}
	p := v.linesOf(title, "Read and written (MB/s)", v.nodeNoun(), series, names, 1e-6)
	p.Caption = "Megabytes per second (10⁶ bytes) read from and written to physical disks."
	return p
}

func plus(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}

// histogram shows how often each utilization was seen: what averages hide.
func (v *view) histogram() *Picture {
	const title = "Utilization Histogram"
	p := &plot.Histogram{Title: title, X: plot.Axis{Label: "Utilization (%)", Max: 100}, Y: plot.Axis{Label: "Share of samples (%)"}, Bins: 25, Share: true}
	alt := title + "."
	t := &Table{Caption: "Share of samples by utilization", Head: []string{"Resource", "0–20 %", "20–40 %", "40–60 %", "60–80 %", "80–100 %", "Exactly 0 (time)"}}
	for i, c := range [...]struct{ name, column string }{{"CPU", "cpu_util"}, {"Memory", "memory_util"}, {"GPU", "gpu_util"}} {
		s := v.stats(c.column)
		if s == nil || s.Histogram == nil || c.column == "gpu_util" && len(v.gpuNote()) > 0 {
			continue
		}
		p.Samples = append(p.Samples, plot.Sample{Name: c.name, Counts: s.Histogram, Mean: 100 * float64(s.Mean), Color: plot.Engine(i)})
		row := []string{c.name}
		for k := range 5 {
			n := int64(0)
			for _, x := range s.Histogram[20*k : 20*k+20] {
				n += x
			}
			row = append(row, fmt.Sprintf("%.1f%%", 100*float64(n)/float64(s.Samples)))
		}
		t.Rows = append(t.Rows, append(row, percent(s.IdleSeconds/s.Seconds)))
		alt += fmt.Sprintf(" %s: %s of the samples below 20 %%, %s above 80 %%.", c.name, row[1], row[5])
	}
	pic := &Picture{Title: title, Panel: p, Alt: alt, Table: t, Caption: "How often each utilization was seen, over all workers; dashed lines are the means. Two humps mean switching between working and waiting."}
	if len(p.Samples) == 0 {
		return nothing(title, "No utilization was recorded.")
	}
	return pic
}

// pressure shows how much of the time something waited for CPU, memory or I/O.
func (v *view) pressure() *Picture {
	const title = "Pressure (Time Stalled)"
	p := &plot.Lines{Title: title, X: v.timeAxis(), Y: plot.Axis{Label: "Share of time stalled (%)", Zero: true}}
	x := v.times()
	alt := title + "."
	t := &Table{Caption: "Share of time in which at least one task waited", Head: []string{"Resource", "Average", "Highest worker and bin"}}
	top := 0.0
	for i, c := range [...]struct{ name, column string }{{"CPU", "pressure_cpu_some_ratio"}, {"Memory", "pressure_memory_some_ratio"}, {"I/O", "pressure_io_some_ratio"}} {
		series, _ := v.series(v.nodes, c.column)
		a := analysis.Average(series)
		if a == nil {
			continue
		}
		y := percentOf(a.Mean)
		p.Series = append(p.Series, plot.Series{Name: c.name, X: x, Y: y, Color: plot.Engine(i)})
		high := 100 * highest(a.Max)
		top = math.Max(top, highest(y))
		t.Rows = append(t.Rows, []string{c.name, fmt.Sprintf("%.1f%%", meanOf(y)), fmt.Sprintf("%.1f%%", high)})
		alt += fmt.Sprintf(" %s: %.1f %% of the time on average, %.1f %% at worst.", c.name, meanOf(y), high)
	}
	if len(p.Series) == 0 {
		return nothing(title, "No pressure information was recorded (the kernel offers it since 4.20, where enabled).")
	}
	if top < 1 {
		p.Y = plot.Axis{Label: p.Y.Label, Min: 0, Max: 1}
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Table: t, Caption: "Share of time in which at least one task waited for the resource (Linux pressure stall information), averaged over workers."}
}
