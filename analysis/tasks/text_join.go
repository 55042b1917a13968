package tasks

import (
	"io"
	"strconv"
)

// WriteText prints what the nodes did meanwhile.
func (j *Join) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("What the nodes did meanwhile (means over the time in which tasks were there)")
	var rows, cost [][]string
	for _, c := range j.Configs {
		if c.Reason != "" {
			rows = append(rows, []string{c.Label, "-", c.Reason})
			continue
		}
		rows = append(rows, []string{c.Label, strconv.Itoa(len(c.Nodes)), percent(c.Coverage), four(c.Goodput), percent(c.CPU), percent(c.CPUPeak), percent(c.Memory), percent(c.GPU), four(c.Network), percent(c.IdleShare)})
		x := c.Cost
		cost = append(cost, []string{c.Label, strconv.Itoa(c.Tasks), four(x.CoreSeconds), percent(x.CoreSeconds / x.CoreSecondsAvailable), four(x.CoreSecondsPerTask), four(x.GPUSeconds), four(x.GPUSecondsPerTask),
			four(x.GPUJoules), four(x.JoulesPerTask)})
	}
	p.table(1, []string{"configuration", "nodes", "coverage", "goodput/s", "CPU", "peak", "memory", "GPU", "Mbit/s", "no task ran"}, rows)
	switch {
	case len(cost) == 0:
	case !j.costs():
		p.head("What it cost is not known: it takes cpu_count, GPU power or energy, which a CSV of samples does not have")
	default:
		p.head("What it cost (per task: per successful task)")
		p.table(1, []string{"configuration", "tasks", "core-s used", "of recorded", "per task", "GPU-s", "per task", "GPU J", "per task"}, cost)
	}
	if len(cost) > 0 {
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
