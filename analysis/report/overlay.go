package report

import (
	"fmt"
	"math"
	"strings"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
)

// Overlay draws two recordings in the same four pictures as one: averages over
// the time since each began, distributions and means side by side. Names are
// what the recordings are called in legends.
func Overlay(a, b *analysis.Result, names [2]string) []*Picture {
	o := overlay{views: [2]*view{newView(a), newView(b)}, names: names}
	o.unit, o.seconds = plot.TimeUnit(math.Max(a.To.Sub(a.From).Seconds(), b.To.Sub(b.From).Seconds()))
	return []*Picture{
		o.over("CPU Utilization Over Time", "CPU Utilization (%)", "cpu_util"),
		o.over("GPU Utilization Over Time", "GPU Utilization (%)", "gpu_util"),
		o.boxes(), o.means(),
		o.over("Memory Utilization Over Time", "Memory Utilization (%)", "memory_util"),
		o.histogram(),
	}
}

type overlay struct {
	views   [2]*view
	names   [2]string
	unit    string
	seconds float64
}

func (o *overlay) over(title, label, column string) *Picture {
	p := &plot.Lines{Title: title, X: plot.Axis{Label: "Time since the beginning (" + o.unit + ")"}, Y: plot.Axis{Label: label, Max: 100}}
	alt := title + "."
	for i, v := range o.views {
		series, _ := v.series(v.workers, column)
		average := analysis.Average(series)
		if average == nil {
			continue
		}
		x := scaled(v.times(), v.seconds/o.seconds)
		p.Series = append(p.Series, plot.Series{Name: o.names[i], X: x, Y: percentOf(average.Mean), Color: plot.Engine(i), Bold: true})
		if len(series) > 1 {
			p.Bands = append(p.Bands, plot.Band{Name: letter(i) + ", min–max", X: x, Low: percentOf(average.Min), High: percentOf(average.Max), Color: plot.Tint(plot.Engine(i), 0.4)})
		}
		alt += fmt.Sprintf(" %s: %.1f %% on average over %d workers.", o.names[i], 100*meanOf(average.Mean), len(series))
	}
	if len(p.Series) == 0 {
		return nothing(title, "Neither recording has any.")
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Caption: "Average over workers, and the band between lowest and highest, each recording from its own beginning."}
}

func (o *overlay) boxes() *Picture {
	const title = "Resource Utilization Distribution"
	p := &plot.Boxes{Title: title, Y: plot.Axis{Label: "Utilization (%)", Min: -3, Max: 103}}
	for _, c := range resources() {
		for i, v := range o.views {
			b := v.box(c.column)
			p.Boxes = append(p.Boxes, plot.Box{Name: c.name + "\n" + letter(i), N: b.N, Low: 100 * b.WhiskerLow, Q1: 100 * b.Q1, Median: 100 * b.Median, Q3: 100 * b.Q3, High: 100 * b.WhiskerHigh,
				Mean: 100 * b.Mean, Outliers: percentOf(b.Outliers), Color: plot.Engine(i)})
		}
	}
	return &Picture{Title: title, Panel: p, Alt: title + ", box plots of both recordings.", Caption: "All workers' samples together; the GPU over the workers that have one."}
}

func (o *overlay) means() *Picture {
	const title = "Average Resource Utilization"
	p := &plot.Bars{Title: title, Y: plot.Axis{Label: "Average Utilization (%)", Max: 107}, Format: oneDigit}
	alt := title + "."
	for i, v := range o.views {
		set := plot.BarSet{Name: o.names[i], Color: plot.Engine(i)}
		for _, c := range resources() {
			mean := math.NaN()
			if b := v.box(c.column); b.N > 0 {
				mean = 100 * b.Mean
			}
			if s := v.stats(c.column); s != nil && (c.column != "gpu_util" || len(v.gpuNote()) == 0) {
				mean = 100 * float64(s.Mean)
			}
			set.Values = append(set.Values, mean)
			alt += fmt.Sprintf(" %s of %s: %s %%.", c.name, o.names[i], short(mean))
		}
		p.Sets = append(p.Sets, set)
	}
	for _, c := range resources() {
		p.X.Categories = append(p.X.Categories, c.name)
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Caption: "Averages over all workers, weighted by time."}
}

func (o *overlay) histogram() *Picture {
	const title = "CPU Utilization Histogram"
	p := &plot.Histogram{Title: title, X: plot.Axis{Label: "CPU Utilization (%)", Max: 100}, Y: plot.Axis{Label: "Share of samples (%)"}, Bins: 25, Share: true}
	for i, v := range o.views {
		if s := v.stats("cpu_util"); s != nil && s.Histogram != nil {
			p.Samples = append(p.Samples, plot.Sample{Name: o.names[i], Counts: s.Histogram, Mean: 100 * float64(s.Mean), Color: plot.Engine(i)})
		}
	}
	if len(p.Samples) == 0 {
		return nothing(title, "Neither recording has any.")
	}
	return &Picture{Title: title, Panel: p, Alt: title + " of " + strings.Join(o.names[:], " and ") + ".", Caption: "How often each utilization was seen; dashed lines are the means."}
}

// letter is a recording's short name.
func letter(i int) string { return string(rune('A' + i)) }

// resource is a column that the box plots and bars show.
type resource struct{ name, column string }

func resources() []resource {
	return []resource{{"CPU", "cpu_util"}, {"Memory", "memory_util"}, {"GPU", "gpu_util"}}
}
