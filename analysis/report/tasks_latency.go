package report

import (
	"fmt"
	"math"
	"strings"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/analysis/tasks"
)

// latencyBoxes are box plots of execution time, one a configuration.
func (t *Tasks) latencyBoxes() *Picture {
	const title = "Execution Time Distribution"
	p := &plot.Boxes{Title: title, X: plot.Axis{Label: "Configuration"}, Y: plot.Axis{Label: "Execution Time (seconds)", Zero: true}}
	alt := title + ", box plots."
	names := t.names()
	for i, c := range t.Latency.Configs {
		b := c.Exec.Box
		box := plot.Box{Name: names[i], N: b.N, Low: float64(b.Low), Q1: float64(b.Q1), Median: float64(b.Median), Q3: float64(b.Q3), High: float64(b.High), Mean: float64(b.Mean), Color: t.configColor(i)}
		for _, o := range b.Outliers {
			box.Outliers = append(box.Outliers, float64(o))
		}
		p.Boxes = append(p.Boxes, box)
		alt += fmt.Sprintf(" %s: median %s s, half between %s and %s s, %d tasks.", c.Label, figure(b.Median), figure(b.Q1), figure(b.Q3), b.N)
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Caption: "Successful tasks. Boxes hold half of the tasks, whiskers reach 1.5 box heights, the cross is the mean, circles are tasks beyond."}
}

// waitScatter is every task's wait against its execution.
func (t *Tasks) waitScatter() *Picture {
	const title = "Wait Time vs Execution Time"
	p := &plot.Scatter{Title: title, X: plot.Axis{Label: "Wait Time (seconds)"}, Y: plot.Axis{Label: "Execution Time (seconds)"}}
	names := t.names()
	shown := 0
	for i, c := range t.Set.Configs {
		set := plot.Points{Name: strings.ReplaceAll(names[i], "\n", " "), Color: t.configColor(i)}
		for _, r := range c.Rows {
			if w, x := t.Set.Wait[r], t.Set.Exec[r]; !math.IsNaN(w+x) && t.Set.Status[r] != tasks.StatusFailed {
				set.X, set.Y = append(set.X, w), append(set.Y, x)
			}
		}
		shown += len(set.X)
		p.Sets = append(p.Sets, set)
	}
	if shown == 0 {
		return noTasks(title)
	}
	return &Picture{Title: title, Panel: p, Alt: fmt.Sprintf("%s, scatter plot of %d tasks of %d configurations.", title, shown, len(p.Sets)),
		Caption: "One mark a task that did not fail; shades are configurations of one engine. Marks of all configurations are drawn in turns, so that none covers the others."}
}

// percentileBars are percentiles of execution time with their intervals.
func (t *Tasks) percentileBars() *Picture {
	const title = "Execution Time Percentiles"
	p := &plot.Bars{Title: title, X: plot.Axis{Label: "Percentile"}, Y: plot.Axis{Label: "Execution Time (seconds)"}}
	table := &Table{Caption: "Execution, wait and total seconds; ~ marks a percentile that rests on too few tasks", Head: []string{"Configuration", "Tasks", "Time"}}
	for _, q := range tasks.Percentiles() {
		name := fmt.Sprintf("P%g", q)
		p.X.Categories, table.Head = append(p.X.Categories, name), append(table.Head, name)
	}
	names := t.names()
	for i, c := range t.Latency.Configs {
		set := plot.BarSet{Name: strings.ReplaceAll(names[i], "\n", " "), Color: t.configColor(i)}
		for _, q := range c.Exec.Percentiles {
			set.Values = append(set.Values, float64(q.Value))
			set.Low, set.High = append(set.Low, float64(q.Low)), append(set.High, float64(q.High))
		}
		p.Sets = append(p.Sets, set)
		for _, d := range [...]struct {
			name string
			of   *tasks.Distribution
		}{{"execution", &c.Exec}, {"wait", &c.Wait}, {"total", &c.Total}} {
			row := []string{c.Label, fmt.Sprint(d.of.N), d.name}
			for _, q := range d.of.Percentiles {
				row = append(row, unsure(q))
			}
			table.Rows = append(table.Rows, row)
		}
	}
	if len(p.Sets) > plot.MaxSeries {
		p.Legend = t.engineKeys()
		p.Notes = []string{fmt.Sprintf("%d configurations in their order, shades of their engine's colour.", len(p.Sets))}
	}
	return &Picture{Title: title, Panel: p, Table: table.limit(), Alt: title + ", bars for P50 to P99 of " + fmt.Sprint(len(p.Sets)) + " configurations; the figures are in the table.",
		Caption: "Successful tasks; whiskers are 95 % intervals by order statistics, missing where too few tasks lie beyond the percentile."}
}

func unsure(q tasks.PercentileValue) string {
	if q.Unsure && !q.Value.IsNaN() {
		return "~" + figure(q.Value)
	}
	return figure(q.Value)
}

// medianBars sets the medians side by side: stacked, as in the notebook, they
// would claim a median total that is not one.
func (t *Tasks) medianBars() *Picture {
	const title = "Median Latency Breakdown"
	p := &plot.Bars{Title: title, X: plot.Axis{Label: "Configuration", Categories: t.names()}, Y: plot.Axis{Label: "Time (seconds)"},
		Format: func(v float64) string { return fmt.Sprintf("%.3g", v) }, Sets: []plot.BarSet{
			{Name: "Wait Time (P50)", Color: plot.LightBlue()}, {Name: "Execution Time (P50)", Color: plot.SteelBlue()}, {Name: "Total (P50)", Color: plot.Qualitative(10)}}}
	alt := title + "."
	for _, c := range t.Latency.Configs {
		w, x, sum := c.Wait.At(50), c.Exec.At(50), c.Total.At(50)
		for i, v := range [...]analysis.Number{w, x, sum} {
			p.Sets[i].Values = append(p.Sets[i].Values, float64(v))
		}
		alt += fmt.Sprintf(" %s: wait %s, execution %s, total %s s.", c.Label, figure(w), figure(x), figure(sum))
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Caption: "Medians of waiting, executing and both together. Medians do not add up, so they stand side by side; the notebook stacks the first two."}
}

// meanBars stacks means, which do add up.
func (t *Tasks) meanBars() *Picture {
	const title = "Mean Latency Breakdown"
	p := &plot.Bars{Title: title, X: plot.Axis{Label: "Configuration", Categories: t.names()}, Y: plot.Axis{Label: "Time (seconds)"}, Stacked: true,
		Format: func(v float64) string { return fmt.Sprintf("%.3g", v) }, Sets: []plot.BarSet{
			{Name: "Wait Time (mean)", Color: plot.LightBlue()}, {Name: "Execution Time (mean)", Color: plot.SteelBlue()}}}
	alt := title + "."
	for _, c := range t.Latency.Configs {
		p.Sets[0].Values, p.Sets[1].Values = append(p.Sets[0].Values, float64(c.Wait.Mean)), append(p.Sets[1].Values, float64(c.Exec.Mean))
		alt += fmt.Sprintf(" %s: waiting is %s of the total.", c.Label, part(c.WaitShare))
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Caption: "Means of waiting and executing, stacked: means add up."}
}
