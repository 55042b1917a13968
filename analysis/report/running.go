package report

import (
	"fmt"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/analysis/tasks"
)

// Running draws how many tasks ran over time on the recording's own time axis,
// so that it reads together with the utilization above it.
func (t *Tasks) Running(r *analysis.Result) *Picture {
	const title = "Tasks Running Over Time"
	v := newView(r)
	span := r.To.Sub(r.From).Seconds() / v.seconds
	p := &plot.Lines{Title: title, X: plot.Axis{Label: "Time (" + v.unit + ")", Max: span}, Y: plot.Axis{Label: "Tasks running", Zero: true}, Noun: "configurations"}
	inside := 0
	alt := title + "."
	for i, c := range t.Set.Configs {
		line := tasks.NewTimeline(t.Set, c.Rows, 400)
		if line == nil {
			continue
		}
		s := plot.Series{Name: c.Label, Color: t.configColor(i), Steps: true}
		for k, n := range line.Running {
			x := (line.From.Sub(r.From).Seconds() + float64(k)*line.Bin) / v.seconds
			s.X, s.Y = append(s.X, x), append(s.Y, n)
			if x >= 0 && x <= span {
				inside++
			}
		}
		alt += fmt.Sprintf(" %s: at most %s at once.", c.Label, short(highest(line.Running)))
		p.Many = append(p.Many, s)
	}
	if len(p.Many) == 0 || inside == 0 {
		return nothing(title, "No task ran while the nodes were recorded: the spans do not overlap, or the zones differ.")
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Wide: true,
		Caption: "Tasks running at once, on the time axis of the recording. Rows of the task file cannot be tied to nodes: it does not say where a task ran."}
}
