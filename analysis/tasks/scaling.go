package tasks

import (
	"fmt"
	"math"
	"slices"

	"nodemeter/analysis/stat"
)

// Scaling is every scaling study that the rows hold.
type Scaling struct {
	Studies []ScalingStudy `json:"studies"`
	Notes   []string       `json:"notes,omitempty"`
}

// ScalingStudy is one kind of scaling of one series (an engine, or a label).
type ScalingStudy struct {
	Kind   string `json:"kind"` // "strong" or "weak"
	Series string `json:"series,omitempty"`
	// Unit is what sizes are counted in: "cores" where every row has them, "nodes" otherwise.
	Unit   string         `json:"unit"`
	Points []ScalingPoint `json:"points"`
	// Law fits Amdahl's law to a strong study and Gustafson's to a weak one; nil with
	// fewer than two sizes.
	Law *ScalingLaw `json:"law,omitempty"`
	// GoodUpTo is the largest size reached with at least 80 % efficiency at it and at every
	// smaller one.
	GoodUpTo Number   `json:"efficient_up_to"`
	Notes    []string `json:"notes,omitempty"`
}

// ScalingPoint is all runs of one size; figures are against the smallest size.
type ScalingPoint struct {
	Nodes Number `json:"nodes"`
	Cores Number `json:"cores"`
	Tasks Number `json:"tasks"`
	Runs  int    `json:"runs"`
	// Time is the median of the runs, in seconds.
	Time    Number `json:"time_seconds"`
	Fastest Number `json:"fastest_seconds"`
	Slowest Number `json:"slowest_seconds"`
	// Ratio is the size over the smallest size: the ideal speed-up.
	Ratio Number `json:"ratio"`
	// Speedup is the reference's time over Time; for weak scaling, throughput over the
	// reference's throughput (the scaled speed-up).
	Speedup Number `json:"speedup"`
	// Efficiency is Speedup over Ratio.
	Efficiency Number `json:"efficiency"`
	// Serial is Karp and Flatt's experimentally determined serial fraction for strong
	// scaling, and its counterpart by Gustafson for weak; null at the reference.
	Serial Number `json:"serial_fraction"`
	// Fitted is what the law predicts for Speedup.
	Fitted Number `json:"fitted_speedup"`
}

// ScalingLaw is the serial fraction that fits best. It is relative to the reference:
// what does not get faster when the reference grows.
type ScalingLaw struct {
	Name   string `json:"name"`
	Serial Number `json:"serial_fraction"`
	// Interval is 95 %; null with fewer than four sizes.
	Interval [2]Number `json:"ci95"`
	// Limit is the largest possible speed-up by Amdahl's law, 1/Serial; null where there
	// is none.
	Limit Number `json:"speedup_limit"`
	// Worst is the largest relative deviation of a point's speed-up from the law.
	Worst Number `json:"worst_deviation"`
}

// NewScaling groups rows by kind and series. Rows may be in any order, sizes may
// repeat.
func NewScaling(rows []ScalingRow) Scaling {
	var s Scaling
	var order []string
	groups := map[string][]ScalingRow{}
	for _, r := range rows {
		key := r.Kind + "\x00" + r.Label
		if _, ok := groups[key]; !ok {
			order = append(order, key)
		}
		groups[key] = append(groups[key], r)
	}
	slices.SortStableFunc(order, func(a, b string) int { return int(a[0]) - int(b[0]) }) // strong before weak
	for _, key := range order {
		s.Studies = append(s.Studies, newStudy(groups[key]))
	}
	return s
}

func newStudy(rows []ScalingRow) ScalingStudy {
	st := ScalingStudy{Kind: rows[0].Kind, Series: rows[0].Label, Unit: "cores", GoodUpTo: none()}
	for _, r := range rows {
		if !(r.Cores > 0) {
			st.Unit = "nodes"
		}
	}
	size := func(r ScalingRow) float64 {
		if st.Unit == "cores" {
			return r.Cores
		}
		return r.Nodes
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b ScalingRow) int { return compareFloats(size(a), size(b)) })
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && size(rows[n]) == size(rows[0]) {
			n++
		}
		if size(rows[0]) > 0 {
			st.Points = append(st.Points, newPoint(rows[:n]))
		} else {
			st.Notes = append(st.Notes, fmt.Sprintf("%s without a size left out", countNoun(n, "row")))
		}
		rows = rows[n:]
	}
	st.measure()
	return st
}

// newPoint joins the runs of one size.
func newPoint(rows []ScalingRow) ScalingPoint {
	var times []float64
	for _, r := range rows {
		times = append(times, r.Time)
	}
	d := stat.Describe(times, 50)
	r := rows[0]
	return ScalingPoint{
		Nodes: Number(r.Nodes), Cores: Number(r.Cores), Tasks: Number(r.Tasks), Runs: len(rows),
		Time: Number(d.Percentiles[0]), Fastest: Number(d.Min), Slowest: Number(d.Max), Serial: none(), Fitted: none(),
	}
}

func (st *ScalingStudy) size(p ScalingPoint) Number {
	if st.Unit == "cores" {
		return p.Cores
	}
	return p.Nodes
}

// measure fills in the figures against the smallest size, and the law.
func (st *ScalingStudy) measure() {
	if len(st.Points) == 0 {
		return
	}
	ref := st.Points[0]
	good := true
	for i := range st.Points {
		p := &st.Points[i]
		p.Ratio = st.size(*p) / st.size(ref)
		p.Speedup = ref.Time / p.Time
		if !(ref.Time > 0) || !(p.Time > 0) {
			p.Speedup = none() // nothing is known, which 0 would not say
		}
		if st.Kind == "weak" {
			work := p.Tasks / ref.Tasks
			if !known(work) {
				work = p.Ratio // weak scaling by its name: work in proportion to the size
			}
			p.Speedup *= work
		}
		p.Efficiency = p.Speedup / p.Ratio
		if i > 0 {
			p.Serial = st.serial(*p)
		}
		if good = good && p.Efficiency >= 0.8; good {
			st.GoodUpTo = st.size(*p)
		}
	}
	st.fit()
	st.remarks()
}

// serial is Karp and Flatt's (1990) metric, or Gustafson's law (1988) solved for the
// serial fraction.
func (st *ScalingStudy) serial(p ScalingPoint) Number {
	if st.Kind == "weak" {
		return (p.Ratio - p.Speedup) / (p.Ratio - 1)
	}
	return (1/p.Speedup - 1/p.Ratio) / (1 - 1/p.Ratio)
}

// fit finds the serial fraction by least squares. Both laws are linear in it:
// Amdahl's 1/S - 1/p = s (1 - 1/p), Gustafson's p - S = s (p - 1). Amdahl's is weighted
// by speed-up, so that each run counts by its relative error.
func (st *ScalingStudy) fit() {
	var xs, ys []float64
	for _, p := range st.Points[1:] {
		x, y := float64(p.Ratio-1), float64(p.Ratio-p.Speedup)
		if st.Kind == "strong" {
			x, y = float64(p.Speedup*(1-1/p.Ratio)), float64(1-p.Speedup/p.Ratio)
		} else {
			x, y = x/float64(p.Ratio), y/float64(p.Ratio)
		}
		if !math.IsNaN(x*y) && !math.IsInf(x*y, 0) {
			xs, ys = append(xs, x), append(ys, y)
		}
	}
	s, low, high := stat.SlopeThroughOrigin(xs, ys)
	if math.IsNaN(s) {
		return
	}
	law := &ScalingLaw{Name: "Amdahl", Serial: Number(s), Interval: [2]Number{Number(low), Number(high)}, Limit: none(), Worst: none()}
	if st.Kind == "weak" {
		law.Name = "Gustafson"
	} else if s > 0 {
		law.Limit = Number(1 / s)
	}
	for i := range st.Points {
		p := &st.Points[i]
		p.Fitted = law.speedup(p.Ratio)
		if d := Number(math.Abs(float64(p.Fitted/p.Speedup - 1))); known(d) && !(law.Worst >= d) {
			law.Worst = d
		}
	}
	st.Law = law
}

// speedup is what the law predicts at a size.
func (l *ScalingLaw) speedup(ratio Number) Number {
	if l.Name == "Gustafson" {
		return ratio - l.Serial*(ratio-1)
	}
	return 1 / (l.Serial + (1-l.Serial)/ratio)
}

// remarks says what a reader of the table must know.
func (st *ScalingStudy) remarks() {
	note := func(format string, args ...any) { st.Notes = append(st.Notes, fmt.Sprintf(format, args...)) }
	ref := st.Points[0]
	if len(st.Points) < 2 {
		note("one size only: nothing to scale against")
		return
	}
	if st.size(ref) > 1 && st.Unit == "nodes" || st.Unit == "cores" && ref.Nodes > 1 {
		note("the smallest run has %s nodes; speed-up and serial fraction are relative to it", count(ref.Nodes))
	}
	single := true
	for _, p := range st.Points {
		single = single && p.Runs < 2
		if p.Efficiency > 1.02 {
			note("more than ideal at %s %s (%.0f%%): a faster cache or an unlucky reference run", count(st.size(p)), st.Unit, 100*float64(p.Efficiency))
		}
		if !(p.Time > 0) {
			note("no speed-up at %s %s: the time is zero or missing", count(st.size(p)), st.Unit)
		}
	}
	if single {
		note("one run of each size: differences of a few per cent may be chance")
	}
	if st.Law == nil {
		return
	}
	if st.Law.Worst > 0.1 {
		note("%s's law misses a point by %.0f%%: something other than a serial part limits these runs, or they vary", st.Law.Name, 100*float64(st.Law.Worst))
	}
	if first, last := st.Points[1].Serial, st.Points[len(st.Points)-1].Serial; st.Kind == "strong" && len(st.Points) > 3 && last > first*1.5 && first > 0 {
		note("the serial fraction grows from %.3f to %.3f: overhead grows with size (communication, imbalance)", float64(first), float64(last))
	}
}

// ScalingFromConfigs derives scaling rows from measured configurations: an engine's
// configurations of different sizes are a strong study where they ran the same
// number of tasks, a weak one where tasks per core are the same (both within 2 %). Time
// is the busy time. Notes say what did not fit.
func ScalingFromConfigs(s *Set) ([]ScalingRow, []string) {
	var rows []ScalingRow
	var notes []string
	for _, engine := range s.engines() {
		var own []ScalingRow
		for _, c := range s.Configs {
			if c.Engine == engine {
				own = append(own, s.scalingRows(c)...)
			}
		}
		kind := kindOf(own)
		if kind == "" {
			notes = append(notes, fmt.Sprintf("%s: no scaling study; it takes two sizes with the same number of tasks (strong) or of tasks per core (weak)", engine))
			continue
		}
		for _, r := range own {
			r.Kind = kind
			rows = append(rows, r)
		}
	}
	for _, t := range NewThroughput(s).Configs {
		if t.ArrivalLimited {
			notes = append(notes, fmt.Sprintf("%s is arrival-limited: its time measures the submitter, and its scaling says nothing", t.Label))
		}
	}
	return rows, notes
}

// scalingRows is one row for each run of a configuration.
func (s *Set) scalingRows(c *Config) []ScalingRow {
	var out []ScalingRow
	byFile, order := s.byFile(c.Rows)
	for _, f := range order {
		rows := byFile[f]
		if o := s.Occupied(rows); o.Busy > 0 {
			out = append(out, ScalingRow{Label: c.Engine, Nodes: c.Nodes, Cores: c.Cores, Tasks: float64(len(rows)), Time: float64(o.Busy)})
		}
	}
	return out
}

// kindOf tells strong from weak scaling by the number of tasks; empty for neither.
func kindOf(rows []ScalingRow) string {
	if len(rows) < 2 {
		return ""
	}
	sizes, fixed, proportional := false, true, true
	for _, r := range rows[1:] {
		size := r.Cores / rows[0].Cores
		if math.IsNaN(size) {
			size = r.Nodes / rows[0].Nodes
		}
		sizes = sizes || math.Abs(size-1) > 0.02
		work := r.Tasks / rows[0].Tasks
		fixed = fixed && math.Abs(work-1) <= 0.02
		proportional = proportional && math.Abs(work/size-1) <= 0.02
	}
	switch {
	case !sizes:
		return ""
	case fixed:
		return "strong"
	case proportional:
		return "weak"
	}
	return ""
}
