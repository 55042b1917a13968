package tasks

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"nodemeter/analysis/stat"
)

// WriteText prints what the nodes did meanwhile.
func (j *Join) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("What the nodes did meanwhile (means over the time in which tasks were there)")
	var rows, cost [][]string
	for _, c := range j.Configs {
		if c.Reason != "" {
			continue
		}
		rows = append(rows, []string{c.Label, strconv.Itoa(len(c.Nodes)), percent(c.Coverage), four(c.Goodput), percent(c.CPU), percent(c.CPUPeak), percent(c.Memory), percent(c.GPU), four(c.Network), percent(c.IdleShare)})
		x := c.Cost
		cost = append(cost, []string{c.Label, strconv.Itoa(c.Tasks), four(x.CoreSeconds), percent(x.CoreSeconds / x.CoreSecondsAvailable), four(x.CoreSecondsPerTask), four(x.GPUSeconds), four(x.GPUSecondsPerTask),
			four(x.GPUJoules), four(x.JoulesPerTask)})
	}
	for _, c := range j.Configs {
		if c.Reason != "" {
			p.paragraph("- ", c.Label+": no figures, "+c.Reason)
		}
	}
	if len(rows) == 0 {
		return j.mind(p)
	}
	p.table(1, []string{"configuration", "nodes", "coverage", "goodput/s", "CPU", "peak", "memory", "GPU", "Mbit/s", "no task ran"}, rows)
	if j.costs() {
		p.head("What it cost (per task: per successful task)")
		p.table(1, []string{"configuration", "tasks", "core-s used", "of recorded", "per task", "GPU-s", "per task", "GPU J", "per task"}, cost)
	} else {
		p.head("What it cost is not known: it takes cpu_count, GPU power or energy, which a CSV of samples does not have")
	}
	j.curves(p)
	j.bottlenecks(p)
	return j.mind(p)
}

// curves draws running tasks over the utilization of the nodes, both over the
// configuration's own time.
func (j *Join) curves(p *page) {
	p.head("Tasks running, and CPU and GPU, over each configuration's time (blank: no samples)")
	var rows [][]string
	for _, c := range j.Configs {
		if c.Reason != "" || c.Timeline == nil || c.Curve == nil {
			continue
		}
		length := c.To.Sub(c.From).Seconds()
		line := func(label, of string, from time.Time, bin float64, ys []float64, top float64, unit string) {
			offset := c.From.Sub(from).Seconds()
			rows = append(rows, []string{label, of, spark(ys, offset/bin, length/bin, top), unit})
		}
		most := slices.Max(c.Timeline.Running)
		line(c.Label, "running", c.Timeline.From, c.Timeline.Bin, c.Timeline.Running, most, "of "+significant(most, 3)+" at most")
		line("", "CPU", c.Curve.From, c.Curve.Bin, floats(c.Curve.CPU), 1, "of 100%")
		if known(c.GPU) {
			line("", "GPU", c.Curve.From, c.Curve.Bin, floats(c.Curve.GPU), 1, "of 100%")
		}
	}
	p.table(4, []string{"configuration", "", "", ""}, rows)
}

// spark draws ys[from:from+length] in 60 cells, each the mean of what it covers, from 0
// to top.
func spark(ys []float64, from, length, top float64) string {
	const cells = 60
	blocks := []rune("▁▂▃▄▅▆▇█")
	var out strings.Builder
	for i := range cells {
		a, b := int(from+length*float64(i)/cells), int(math.Ceil(from+length*float64(i+1)/cells))
		mean := stat.Mean(ys[min(max(a, 0), len(ys)):min(max(b, 0), len(ys))])
		if math.IsNaN(mean) || !(top > 0) {
			out.WriteRune(' ')
			continue
		}
		out.WriteRune(blocks[min(max(int(mean/top*8), 0), 7)])
	}
	return out.String()
}

func floats(xs []Number) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = float64(x)
	}
	return out
}

// bottlenecks says what bound each configuration.
func (j *Join) bottlenecks(p *page) {
	p.head("What bound it")
	for _, c := range j.Configs {
		if c.Reason == "" {
			p.paragraph("- ", c.Label+": "+c.Bottleneck)
			for _, f := range c.Findings {
				p.paragraph("    ", f)
			}
		}
	}
}

// mind prints the warnings and ends the page.
func (j *Join) mind(p *page) error {
	if len(j.Warnings) > 0 {
		p.head("Mind")
		p.notes(j.Warnings)
	}
	return p.done()
}

// costs says whether any configuration has a cost.
func (j *Join) costs() bool {
	for _, c := range j.Configs {
		if known(c.Cost.CoreSeconds) || known(c.Cost.GPUSeconds) || known(c.Cost.GPUJoules) {
			return true
		}
	}
	return false
}
