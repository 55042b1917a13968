package report

import (
	"fmt"
	"strings"
	"time"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/analysis/tasks"
	"nodemeter/collector/metric"
)

// maxCurves bounds the pictures of single configurations.
const maxCurves = 6

// joinBlocks show what the nodes did while each configuration's tasks were there.
func (t *Tasks) joinBlocks() []Block {
	if t.Join == nil {
		return nil
	}
	use := &Table{Caption: "Means over the time in which tasks were there", Head: []string{"Configuration", "Nodes", "Coverage", "Goodput", "CPU", "CPU peak", "Memory", "GPU", "Network", "No task ran"}}
	cost := &Table{Caption: "What it took; per task means per successful task", Head: []string{"Configuration", "Tasks", "Core-seconds busy", "of recorded", "per task", "GPU-seconds", "per task", "GPU energy", "per task"}}
	var bound []string
	var curves []*Picture
	for i, c := range t.Join.Configs {
		if c.Reason != "" {
			use.Rows = append(use.Rows, []string{c.Label, "-", c.Reason, "-", "-", "-", "-", "-", "-", "-"})
			continue
		}
		use.Rows = append(use.Rows, []string{c.Label, fmt.Sprint(len(c.Nodes)), part(c.Coverage), figure(c.Goodput), part(c.CPU), part(c.CPUPeak), part(c.Memory), part(c.GPU), analysis.FormatValue(c.Network, metric.Mbps), part(c.IdleShare)})
		x := c.Cost
		cost.Rows = append(cost.Rows, []string{c.Label, fmt.Sprint(c.Tasks), figure(x.CoreSeconds), part(x.CoreSeconds / x.CoreSecondsAvailable), figure(x.CoreSecondsPerTask), figure(x.GPUSeconds), figure(x.GPUSecondsPerTask), energy(x.GPUJoules), energy(x.JoulesPerTask)})
		if p := t.curve(i); p != nil && len(curves) < maxCurves {
			curves = append(curves, p)
		} else if c.Bottleneck != "" {
			bound = append(bound, c.Label+": "+c.Bottleneck)
		}
	}
	blocks := []Block{{Heading: "By configuration", Table: use.limit()}}
	if t.hasCosts() {
		blocks = append(blocks, Block{Table: cost.limit()})
	}
	return append(blocks, Block{Pictures: curves}, Block{Notes: append(bound, t.Join.Warnings...)})
}

// hasCosts is false for a CSV of samples, which has neither core counts nor power.
func (t *Tasks) hasCosts() bool {
	for _, c := range t.Join.Configs {
		if !c.Cost.CoreSeconds.IsNaN() || !c.Cost.GPUSeconds.IsNaN() || !c.Cost.GPUJoules.IsNaN() {
			return true
		}
	}
	return false
}

func energy(n analysis.Number) string {
	if n.IsNaN() {
		return "-"
	}
	return analysis.FormatEnergy(float64(n))
}

// curve draws one configuration's running tasks under the nodes' utilization,
// both in percent: of the most tasks at once, and of the nodes.
func (t *Tasks) curve(i int) *Picture {
	c := t.Join.Configs[i]
	if c.Timeline == nil || c.Curve == nil {
		return nil
	}
	title := "Tasks and Utilization: " + strings.ReplaceAll(c.Label, "\n", " ")
	end := c.Timeline.From.Add(time.Duration(c.Timeline.Bin * float64(len(c.Timeline.Running)) * float64(time.Second)))
	unit, seconds := plot.TimeUnit(end.Sub(c.Timeline.From).Seconds())
	p := &plot.Lines{Title: title, X: plot.Axis{Label: "Time (" + unit + ")"}, Y: plot.Axis{Label: "Utilization (%)", Max: 107}}
	for k, line := range [...]struct {
		name   string
		values []analysis.Number
	}{{"CPU", c.Curve.CPU}, {"Memory", c.Curve.Memory}, {"GPU", c.Curve.GPU}} {
		s := plot.Series{Name: line.name, Color: plot.Engine(k), Bold: true}
		for b, v := range line.values {
			x := (c.Curve.From.Sub(c.Timeline.From).Seconds() + (float64(b)+0.5)*c.Curve.Bin) / seconds
			s.X, s.Y = append(s.X, x), append(s.Y, 100*float64(v))
		}
		if highest(s.Y) >= 0 {
			p.Series = append(p.Series, s)
		}
	}
	top := highest(c.Timeline.Running)
	running := plot.Band{Name: "Tasks running (100 % = " + short(top) + " at once)", Color: plot.Qualitative(15)}
	for b, n := range c.Timeline.Running {
		running.X = append(running.X, (float64(b)+0.5)*c.Timeline.Bin/seconds)
		running.Low, running.High = append(running.Low, 0), append(running.High, 100*n/top)
	}
	p.Bands = []plot.Band{running}
	return &Picture{Title: title, Panel: p, Caption: c.Bottleneck,
		Alt: fmt.Sprintf("%s. CPU %s, memory %s, GPU %s on average; at most %s tasks at once; no task ran for %s of the time.", title, part(c.CPU), part(c.Memory), part(c.GPU), short(top), part(c.IdleShare))}
}

// takeaways are the sentences of nodemeter tasks summary.
func (t *Tasks) takeaways() []string {
	return tasks.Takeaways(t.Set, &t.Scaling, t.Join)
}
