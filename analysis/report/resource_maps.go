package report

import (
	"fmt"
	"math"
	"time"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
)

// maxColumns is how many columns a heatmap on paper can still tell apart.
const maxColumns = 300

// matrix is series as rows, bins folded together until there are at most maxColumns.
type matrix struct {
	rows     []string
	values   [][]float64
	from, to float64 // edges, in the time axis's unit
	per      int     // grid bins a column
}

// fold averages (or takes the maximum of) neighbouring bins, in percent.
func (v *view) fold(series []*analysis.Series, names []string, highest bool) matrix {
	g := v.r.Grid
	m := matrix{rows: names, per: max(1, (g.Bins+maxColumns-1)/maxColumns)}
	columns := (g.Bins + m.per - 1) / m.per
	m.from = g.From.Sub(v.r.From).Seconds() / v.seconds
	m.to = m.from + float64(columns*m.per)*g.Width.Seconds()/v.seconds
	if -m.from*v.seconds < g.Width.Seconds() && m.per == 1 && g.Width == v.r.Interval {
		m.to, m.from = m.to-m.from, 0
	}
	for _, s := range series {
		row := make([]float64, columns)
		for c := range row {
			row[c] = foldBins(s, c*m.per, min((c+1)*m.per, g.Bins), highest)
		}
		m.values = append(m.values, row)
	}
	return m
}

// foldBins is the mean over bins weighted by their samples, or their maximum, in percent.
func foldBins(s *analysis.Series, from, to int, highest bool) float64 {
	sum, n, top := 0.0, 0.0, math.NaN()
	for i := from; i < to && i < len(s.Mean); i++ {
		if s.Samples[i] == 0 || math.IsNaN(s.Mean[i]) {
			continue
		}
		sum += s.Mean[i] * float64(s.Samples[i])
		n += float64(s.Samples[i])
		if !(top >= s.Max[i]) {
			top = s.Max[i]
		}
	}
	if highest || n == 0 {
		return 100 * top
	}
	return 100 * sum / n
}

// heatmap is the notebook's second panel: by aggregation, not every tenth sample.
func (v *view) heatmap(name string, highest bool) *Picture {
	title, label, how := "CPU Utilization Heatmap", "CPU Utilization (%)", "mean"
	if highest {
		title, label, how = "CPU Utilization Heatmap (Maximum)", "Highest CPU Utilization (%)", "highest sample"
	}
	series, names := v.series(v.workers, "cpu_util")
	return v.heatmapOf(title, label, how, v.row(), series, names, highest)
}

func (v *view) heatmapOf(title, label, how, row string, series []*analysis.Series, names []string, highest bool) *Picture {
	if len(series) == 0 {
		return nothing(title, "Nothing of this kind was recorded.")
	}
	m := v.fold(series, names, highest)
	p := &plot.Heatmap{Title: title, X: v.timeAxis(), YName: row, Rows: m.rows, From: m.from, To: m.to, Values: m.values, Max: 100, Label: label, Highest: highest}
	cell := analysis.FormatDuration(v.r.Grid.Width * time.Duration(m.per))
	gaps := 0
	for _, r := range m.values {
		for _, x := range r {
			if math.IsNaN(x) {
				gaps++
			}
		}
	}
	return &Picture{Title: title, Panel: p, Tall: len(names) > 12,
		Caption: fmt.Sprintf("Each cell is the %s over %s; the scale is always 0 to 100 %%, hatched cells have no samples.", how, cell),
		Alt:     fmt.Sprintf("%s of %d rows by %d columns of %s each; %s. %d of %d cells have no samples.", title, len(m.rows), len(m.values[0]), cell, v.extremes(m), gaps, len(m.rows)*len(m.values[0]))}
}

// extremes names the hottest and the coolest row.
func (v *view) extremes(m matrix) string {
	hot, cool := -1, -1
	means := make([]float64, len(m.values))
	for i, r := range m.values {
		means[i] = meanOf(r)
		if math.IsNaN(means[i]) {
			continue
		}
		if hot < 0 || means[i] > means[hot] {
			hot = i
		}
		if cool < 0 || means[i] < means[cool] {
			cool = i
		}
	}
	if hot < 0 {
		return "no row has data"
	}
	return fmt.Sprintf("%s is highest at %.1f %% on average, %s lowest at %.1f %%", m.rows[hot], means[hot], m.rows[cool], means[cool])
}

func meanOf(vs []float64) float64 {
	sum, n := 0.0, 0.0
	for _, x := range vs {
		if !math.IsNaN(x) {
			sum, n = sum+x, n+1
		}
	}
	return sum / n
}

// timeNode is the colour plot with a band above and averages beside it.
func (v *view) timeNode() *Picture {
	title := "CPU Utilization by Time and " + v.row()
	series, names := v.series(v.workers, "cpu_util")
	pic := v.heatmapOf(title, "CPU Utilization (%)", "mean", v.row(), series, names, false)
	heat, ok := pic.Panel.(*plot.Heatmap)
	if !ok {
		return pic
	}
	average := analysis.Average(series)
	x := v.times()
	p := &plot.TimeNode{Heatmap: *heat, Color: plot.SteelBlue(),
		Band:    plot.Band{Name: "min–max", X: x, Low: percentOf(average.Min), High: percentOf(average.Max), Color: plot.SteelBlue()},
		Average: plot.Series{Name: "Average", X: x, Y: percentOf(average.Mean), Color: plot.Ink(), Bold: true}}
	for _, e := range v.workers {
		if s := e.Stats["cpu_util"]; e.Series["cpu_util"] != nil && v.has(e, "cpu_util") {
			p.Means = append(p.Means, 100*float64(s.Mean))
		}
	}
	pic.Panel, pic.Tall, pic.Wide = p, true, true
	pic.Caption = fmt.Sprintf("Above: the average over %[1]ss and the band between the lowest and the highest sample. Beside: each %[1]s's average. ", v.noun()) + pic.Caption
	return pic
}

// gpuHeatmap has one row a GPU; of a CSV, one a worker that has one.
func (v *view) gpuHeatmap() *Picture {
	of := v.gpus
	if len(of) == 0 {
		of = v.nodes
	}
	series, names := v.series(of, "gpu_util")
	pic := v.heatmapOf("GPU Utilization Heatmap", "GPU Utilization (%)", "mean", "GPU", series, names, false)
	pic.Caption += " A GPU counts as busy while at least one kernel was running."
	return pic
}
