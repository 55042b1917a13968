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
	j.bottlenecks(p)
	return j.mind(p)
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
