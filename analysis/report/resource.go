package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/analysis/stat"
	"nodemeter/collector/metric"
)

// view is a recording as the pictures of section 5 need it.
type view struct {
	r       *analysis.Result
	workers []*analysis.EntityResult // the rows of the pictures: see analysis.Axis
	nodes   []*analysis.EntityResult // or a CSV's workers
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
			v.nodes = append(v.nodes, e)
		case metric.GPU, metric.MIG:
			v.gpus = append(v.gpus, e)
		}
	}
	v.workers = r.Axis.Rows
	v.unit, v.seconds = plot.TimeUnit(r.To.Sub(r.From).Seconds())
	return v
}

// label names a row: a CSV's worker_id alone, and a worker without the node
// where there is only one.
func (v *view) label(e *analysis.EntityResult) string {
	if e.Entity.Worker != "" && (v.csv || e.Entity.Node == "" || e.Entity.Kind == metric.Worker && len(v.nodes) == 1) {
		return e.Entity.Worker
	}
	return e.Entity.Label()
}

// noun is what a row is called: the notebook calls nodes workers too.
func (v *view) noun() string {
	if n := v.r.Axis.Name; n == "job" || n == "user" {
		return n
	}
	return "worker"
}

// row is the noun as a heading.
func (v *view) row() string { return strings.ToUpper(v.noun()[:1]) + v.noun()[1:] }

// about adds what shares are of to a caption.
func (v *view) about(caption string) string {
	if v.r.Axis.Unit == "" {
		return caption
	}
	return strings.TrimSpace(caption) + " " + v.r.Axis.Unit
}

// nodeNoun is what nodes are called beside rows that are none.
func (v *view) nodeNoun() string {
	if v.ofNodes() {
		return "workers"
	}
	return "nodes"
}

// ofNodes reports whether the rows are the nodes.
func (v *view) ofNodes() bool { return v.r.Axis.Name == "node" }

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

// stats are the figures of a column over all rows that have it.
func (v *view) stats(column string) *analysis.Stats { return sampled(v.r.Axis.Overall[column]) }

// ofAll are those over all nodes.
func (v *view) ofAll(column string) *analysis.Stats { return sampled(v.r.Overall[column]) }

func sampled(s *analysis.Stats) *analysis.Stats {
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
