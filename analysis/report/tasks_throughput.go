package report

import (
	"fmt"
	"image/color"
	"math"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/analysis/tasks"
)

func twoDigits(v float64) string { return fmt.Sprintf("%.2f", v) }
func oneDigit(v float64) string  { return fmt.Sprintf("%.1f", v) }

// throughputBars sets goodput beside the notebook's throughput.
func (t *Tasks) throughputBars() *Picture {
	const title = "Task Throughput by Configuration"
	p := &plot.Bars{Title: title, X: plot.Axis{Categories: t.names()}, Y: plot.Axis{Label: "Throughput (tasks/second)"}, Format: oneDigit}
	all, good := plot.BarSet{Name: "all tasks / span"}, plot.BarSet{Name: "successful / busy time"}
	limited := 0
	for i, c := range t.Throughput.Configs {
		col := t.configColor(i)
		all.Values, all.Colors = append(all.Values, float64(c.Throughput)), append(all.Colors, plot.Tint(col, 0.55))
		good.Values, good.Colors = append(good.Values, float64(c.Goodput)), append(good.Colors, col)
		good.Low, good.High = append(good.Low, float64(c.GoodputInterval[0])), append(good.High, float64(c.GoodputInterval[1]))
		if c.ArrivalLimited {
			limited++
		}
	}
	p.Sets = []plot.BarSet{all, good}
	p.Legend = append([]plot.Key{{Name: "faint: all tasks / span", Color: plot.Tint(plot.Qualitative(15), 0.55)}, {Name: "full: successful / busy time", Color: plot.Qualitative(15)}}, t.engineKeys()...)
	caption := "Faint bars are the notebook's throughput, all tasks over first submission to last completion; full bars are goodput, successful tasks over the time in which tasks were there. Error bars: 95 % over repeated runs."
	if limited > 0 {
		caption += fmt.Sprintf(" %d of %d configurations finished tasks as fast as they were submitted: their bars show the submitter's rate.", limited, len(t.Throughput.Configs))
		p.Notes = append(p.Notes, fmt.Sprintf("%d of %d configurations are limited by the rate of submission.", limited, len(t.Throughput.Configs)))
	}
	return &Picture{Name: "throughput", Title: title, Panel: p, Caption: caption, Alt: t.throughputAlt(title)}
}

func (t *Tasks) throughputAlt(title string) string {
	alt := title + "."
	for i, c := range t.Throughput.Configs {
		if i == 8 {
			return alt + fmt.Sprintf(" And %d more.", len(t.Throughput.Configs)-i)
		}
		alt += fmt.Sprintf(" %s: goodput %s, throughput %s tasks per second.", c.Label, figure(c.Goodput), figure(c.Throughput))
	}
	return alt
}

func (t *Tasks) engineKeys() []plot.Key {
	var keys []plot.Key
	for _, e := range t.engines {
		keys = append(keys, plot.Key{Name: engineName(e), Color: t.engineColor(e)})
	}
	return keys
}

// efficiencyBars is efficiency without a unit: goodput per core against the same
// engine's smallest configuration.
func (t *Tasks) efficiencyBars() *Picture {
	const title = "Parallel Efficiency"
	set := plot.BarSet{}
	alt := title + "."
	for i, c := range t.Throughput.Configs {
		set.Values, set.Colors = append(set.Values, 100*float64(c.Efficiency)), append(set.Colors, t.configColor(i))
		alt += fmt.Sprintf(" %s: %s.", c.Label, part(c.Efficiency))
	}
	p := &plot.Bars{Title: title, X: plot.Axis{Categories: t.names()}, Y: plot.Axis{Label: "Efficiency (% of smallest configuration)"}, Format: oneDigit, Sets: []plot.BarSet{set}, Legend: t.engineKeys()}
	return &Picture{Title: title, Panel: p, Alt: alt, Caption: "Goodput per core, relative to the configuration of the same engine with the fewest cores (100 %)."}
}

// throughputScaling has an ideal line for each engine, from its own smallest configuration.
func (t *Tasks) throughputScaling() *Picture {
	const title = "Throughput Scaling"
	p := &plot.Lines{Title: title, X: plot.Axis{Label: "Total Cores", Log2: true}, Y: plot.Axis{Label: "Throughput (tasks/second)", Log2: true}}
	for _, e := range t.engines {
		x, y := t.byCores(e)
		if len(x) == 0 {
			continue
		}
		c := t.engineColor(e)
		if len(x) > 1 {
			ideal := []float64{y[0], y[0] * x[len(x)-1] / x[0]}
			p.Series = append(p.Series, plot.Series{Name: "Ideal Linear (" + engineName(e) + ")", X: []float64{x[0], x[len(x)-1]}, Y: ideal, Color: plot.Faded(c, 0.8), Dashed: true})
		}
		p.Series = append(p.Series, plot.Series{Name: engineName(e), X: x, Y: y, Color: c, Bold: true, Marker: true})
	}
	if len(p.Series) == 0 {
		return noTasks(title)
	}
	return &Picture{Title: title, Panel: p, Alt: title + ": goodput over cores, a line for each of " + fmt.Sprint(len(t.engines)) + " engines, beside its ideal.",
		Caption: "Goodput over cores, both axes logarithmic, with each engine's ideal from its own smallest configuration."}
}

// byCores are an engine's goodputs in ascending order of cores; configurations
// of equal cores are averaged.
func (t *Tasks) byCores(engine string) (x, y []float64) {
	sums, counts := map[float64]float64{}, map[float64]float64{}
	for _, c := range t.Throughput.Configs {
		if cores, g := float64(c.Cores), float64(c.Goodput); c.Engine == engine && cores > 0 && g > 0 {
			sums[cores], counts[cores] = sums[cores]+g, counts[cores]+1
		}
	}
	x = sortedKeys(sums)
	for _, cores := range x {
		y = append(y, sums[cores]/counts[cores])
	}
	return x, y
}

// engineScores is a radar chart with the first n of the notebook's spokes.
func (t *Tasks) engineScores(title string, n int) *Picture {
	spokes := []string{"Throughput", "Efficiency", "Success Rate", "Low Latency"}[:n]
	p := &plot.Radar{Title: title, Spokes: spokes, Notes: []string{"1 is the best configuration measured here."}}
	table := &Table{Caption: "Scores, 1 is best", Head: append([]string{"Engine"}, spokes...)}
	alt := title + ", radar chart."
	for _, s := range t.Comparison.Scores {
		values := []analysis.Number{s.Goodput, s.PerCore, s.SuccessRate, s.LowLatency}[:n]
		row := []string{engineName(s.Engine)}
		alt += " " + engineName(s.Engine) + ":"
		shape := plot.Polygon{Name: engineName(s.Engine), Color: t.engineColor(s.Engine)}
		for i, v := range values {
			shape.Values = append(shape.Values, float64(v))
			row = append(row, figure(v))
			alt += fmt.Sprintf(" %s %s", spokes[i], figure(v))
			if i < n-1 {
				alt += ","
			}
		}
		alt += "."
		p.Polygons, table.Rows = append(p.Polygons, shape), append(table.Rows, row)
	}
	if len(p.Polygons) == 0 {
		return nothing(title, "No engine is known: name the engines in a runs.yaml.")
	}
	return &Picture{Title: title, Panel: p, Alt: alt, Table: table,
		Caption: "Each engine's mean over its configurations, relative to the best configuration measured here; scores of different reports cannot be compared."}
}

// engineThroughput is the mean goodput of an engine's configurations.
func (t *Tasks) engineThroughput() *Picture {
	return t.engineBars("Average Throughput by Engine", "Avg Throughput (tasks/sec)", func(c *tasks.ConfigThroughput) float64 { return float64(c.Goodput) })
}

// engineEfficiency is the notebook's, in tasks a second for 1000 cores.
func (t *Tasks) engineEfficiency() *Picture {
	return t.engineBars("Average Efficiency by Engine", "Avg Efficiency (tasks/sec per 1000 cores)", func(c *tasks.ConfigThroughput) float64 { return 1000 * float64(c.PerCore) })
}

// engineBars averages over an engine's configurations, the spread as error bars.
func (t *Tasks) engineBars(title, label string, of func(*tasks.ConfigThroughput) float64) *Picture {
	p := &plot.Bars{Title: title, Y: plot.Axis{Label: label}, Format: twoDigits}
	set := plot.BarSet{}
	alt := title + "."
	for _, e := range t.engines {
		sum, n, lo, hi := 0.0, 0.0, math.Inf(1), math.Inf(-1)
		for i := range t.Throughput.Configs {
			if c := &t.Throughput.Configs[i]; c.Engine == e && !math.IsNaN(of(c)) {
				sum, n, lo, hi = sum+of(c), n+1, math.Min(lo, of(c)), math.Max(hi, of(c))
			}
		}
		if n < 2 {
			lo, hi = math.NaN(), math.NaN()
		}
		p.X.Categories = append(p.X.Categories, fmt.Sprintf("%s\n(n = %.0f)", engineName(e), n))
		set.Values, set.Colors = append(set.Values, sum/n), append(set.Colors, color.Color(t.engineColor(e)))
		set.Low, set.High = append(set.Low, lo), append(set.High, hi)
		alt += fmt.Sprintf(" %s: %s.", engineName(e), figure(analysis.Number(sum/n)))
	}
	p.Sets = []plot.BarSet{set}
	return &Picture{Title: title, Panel: p, Alt: alt, Caption: "Unweighted mean over an engine's n configurations; the whiskers run from its smallest to its largest. Engines may have run on different numbers of cores."}
}
