package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/analysis/stat"
	"nodemeter/collector/metric"
)

// view is a recording as the pictures of section 5 need it.
type view struct {
	r       *analysis.Result
	workers []*analysis.EntityResult // the notebook's workers: nodes, or a CSV's workers
	gpus    []*analysis.EntityResult
	unit    string  // of the time axis
	seconds float64 // a unit's length
	csv     bool
}

func newView(r *analysis.Result) *view {
	v := &view{r: r, csv: r.Inputs.Kind == analysis.KindCSV}
	for _, e := range r.Entities {
		switch e.Entity.Kind {
		case metric.Node:
			v.workers = append(v.workers, e)
		case metric.GPU, metric.MIG:
			v.gpus = append(v.gpus, e)
		}
	}
	v.unit, v.seconds = plot.TimeUnit(r.To.Sub(r.From).Seconds())
	return v
}

// label names a worker: a CSV's worker_id alone.
func (v *view) label(e *analysis.EntityResult) string {
	if v.csv && e.Entity.Worker != "" {
		return e.Entity.Worker
	}
	return e.Entity.Label()
}

func (v *view) timeAxis() plot.Axis { return plot.Axis{Label: "Time (" + v.unit + ")"} }

// times are the grid's bins on the time axis: offsets from the first sample, in
// its unit. A bin that holds one sample stands where the sample does, a wider one at its middle.
func (v *view) times() []float64 {
	g := v.r.Grid
	shift := g.From.Sub(v.r.From)
	if v.r.Interval > 0 && g.Width > v.r.Interval {
		shift += (g.Width - v.r.Interval) / 2
	} else if g.Bins > 0 {
		shift = max(shift, 0)
	}
	x := make([]float64, g.Bins)
	for i := range x {
		x[i] = (shift + time.Duration(i)*g.Width).Seconds() / v.seconds
	}
	return x
}

// clock writes an instant, or an offset where the recording has no clock.
func (v *view) clock(t time.Time) string {
	if v.r.Frame != nil && v.r.Frame.NoClock {
		return "offset " + analysis.FormatDuration(time.Duration(t.UnixNano()))
	}
	return t.In(v.r.Zone).Format("2006-01-02 15:04:05 MST")
}

// origin says what time zero is.
func (v *view) origin() string {
	return "Time 0 is " + v.clock(v.r.From) + "."
}

// series are the workers' series of a column, those that have one.
func (v *view) series(of []*analysis.EntityResult, column string) ([]*analysis.Series, []string) {
	var out []*analysis.Series
	var names []string
	for _, e := range of {
		if s := e.Series[column]; s != nil && v.has(e, column) {
			out, names = append(out, s), append(names, v.label(e))
		}
	}
	return out, names
}

// has reports whether an entity has the device behind a column. In the
// notebook's CSV a worker without GPU reads 0 throughout, as an idle one does:
// a GPU that was never used counts as none there, and the pictures say so.
func (v *view) has(e *analysis.EntityResult, column string) bool {
	s := e.Stats[column]
	if s == nil || s.Samples == 0 {
		return false
	}
	return !v.csv || column != "gpu_util" || s.Max > 0
}

// gpuNote is said where the CSV's zeros had to be interpreted.
func (v *view) gpuNote() []string {
	for _, e := range v.workers {
		if s := e.Stats["gpu_util"]; v.csv && s != nil && s.Samples > 0 && !(s.Max > 0) {
			return []string{"Workers whose gpu_util is never above 0 are taken as having no GPU."}
		}
	}
	return nil
}

// percentOf scales ratios; the ends of an average of nothing stay NaN.
func percentOf(vs []float64) []float64 { return scaled(vs, 100) }

func scaled(vs []float64, by float64) []float64 {
	out := make([]float64, len(vs))
	for i, x := range vs {
		out[i] = x * by
	}
	return out
}

// stats are the figures of a column over all workers that have it.
func (v *view) stats(column string) *analysis.Stats {
	s := v.r.Overall[column]
	if s == nil || s.Samples == 0 {
		return nil
	}
	return s
}

// box is a column's box in percent over the workers that have one.
func (v *view) box(column string) stat.Box {
	if !v.csv || v.r.Frame == nil || column != "gpu_util" {
		if s := v.stats(column); s != nil {
			return s.Box
		}
		return stat.NewBox(nil)
	}
	f := v.r.Frame
	at := slices.Index(analysis.FrameColumns[:], column)
	with := map[string]bool{}
	for _, e := range v.workers {
		with[e.Entity.Worker] = v.has(e, column)
	}
	var values []float64
	for i, w := range f.Worker {
		if f.Values[at] != nil && with[f.Names[w]] && !math.IsNaN(f.Values[at][i]) {
			values = append(values, f.Values[at][i])
		}
	}
	return stat.NewBox(values)
}

// coverage writes seen of expected samples.
func coverage(p *analysis.Presence) string {
	c := p.Coverage()
	if math.IsNaN(c) {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*c)
}

func percent(n analysis.Number) string { return analysis.FormatValue(n, metric.Ratio) }
