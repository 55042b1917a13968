package analysis

import (
	"slices"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// track accumulates one entity's rows, chunk by chunk in ascending time.
type track struct {
	entity  Entity
	meta    []metric.Label
	seen    seen
	columns []*accumulator
	joint   JointUse
	exact   int      // values that a percentile may keep
	bins    int      // cells a series may have
	draw    []string // columns that get a series
	scratch []float64
	starts  int64        // rows with which an agent started: they have no rates
	member  *groupMember // nil unless it is a worker to be added up with others
}

// accumulator collects one column of one entity.
type accumulator struct {
	field  window.Field
	dist   *Distribution
	series binned
	// counters
	initial      float64 // the first value
	previous     float64
	previousAt   int64
	hasPrevious  bool
	increase     float64
	resets       int64
	bins         int   // cells the series may have; 0 for none
	onStart      int64 // values on rows with which an agent started
	stateSeconds []float64
}

// EntityResult is all that is known of one entity.
type EntityResult struct {
	Entity   Entity
	Presence Presence
	// Stats are by column: of a gauge its values, of a counter its rates per second.
	Stats map[string]*Stats
	// Increase is by how much a counter grew over the span, resets left out.
	Increase map[string]Increase
	// States is how many seconds a state metric spent in each state.
	States map[string]map[string]float64
	// Series are the columns over time, on Result.Grid; nil when not asked for.
	Series map[string]*Series
	// Use is what needs several columns at once.
	Use JointUse
	// Info is identity: model, driver, link type.
	Info []metric.Label
}

// Increase is the growth of a counter.
type Increase struct {
	Total  float64 // in the counter's unit
	Resets int64   // steps back: what was counted since the last value before one is not in Total
}

// column finds or makes the accumulator of a column.
func (t *track) column(f *window.Field) *accumulator {
	for _, a := range t.columns {
		if a.field.Column == f.Column {
			return a
		}
	}
	a := &accumulator{field: *f, dist: newDistribution(seriesUnit(f), t.exact), series: binned{width: t.width()}}
	if slices.Contains(t.draw, f.Column) {
		a.bins = t.bins
	}
	t.columns = append(t.columns, a)
	return a
}

func (t *track) width() int64 {
	if t.seen.interval > 0 {
		return t.seen.interval
	}
	return int64(time.Second)
}

// nominal is the weight of a row whose real interval is unknown, in seconds.
func (t *track) nominal() float64 { return float64(t.width()) / 1e9 }

// add takes a chunk. Rows whose time has been seen are left out.
func (t *track) add(c *window.Chunk) {
	if keep := t.rows(c); keep != nil {
		c = pickRows(c, keep)
	}
	weights := t.weights(c)
	for i := range c.Columns {
		col := &c.Columns[i]
		a := t.column(col.Field)
		switch {
		case col.Field.Type == metric.TypeState:
			a.addStates(col, weights)
		case col.Field.Kind == metric.Counter:
			a.addCounter(c.Time, t.floats(col, c.Len()), col.Valid, t)
		default:
			a.addGauge(c.Time, t.floats(col, c.Len()), col.Valid, weights)
		}
		a.countStarts(c, col)
	}
	for _, s := range c.Interval {
		if s == 0 {
			t.starts++
		}
	}
	t.joint.add(c, weights)
	if t.member != nil {
		t.member.add(c, weights)
	}
}

// rows returns the rows to use, nil for all of them.
func (t *track) rows(c *window.Chunk) []int32 {
	before := t.seen.repeated
	var keep []int32
	for i, at := range c.Time {
		ok := t.seen.add(at)
		if !ok && keep == nil {
			keep = make([]int32, 0, len(c.Time))
			for j := range i {
				keep = append(keep, int32(j))
			}
		}
		if ok && t.seen.repeated > before {
			keep = append(keep, int32(i))
		}
	}
	return keep
}

// pickRows is the chunk with some of its rows only.
func pickRows(c *window.Chunk, rows []int32) *window.Chunk {
	out := *c
	out.Time, out.Interval = pick(c.Time, rows), pick(c.Interval, rows)
	out.Columns = make([]window.Column, len(c.Columns))
	for i := range c.Columns {
		from := &c.Columns[i]
		out.Columns[i] = window.Column{Field: from.Field, Float: pick(from.Float, rows), Int: pick(from.Int, rows), State: pick(from.State, rows), Valid: pick(from.Valid, rows)}
	}
	return &out
}

func pick[T any](from []T, rows []int32) []T {
	if from == nil {
		return nil
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}

func (t *track) weights(c *window.Chunk) []float64 {
	nominal := t.nominal()
	w := make([]float64, c.Len())
	for i := range w {
		w[i] = nominal
		if c.Interval != nil && c.Interval[i] > 0 {
			w[i] = c.Interval[i]
		}
	}
	return w
}

// floats are a column's values as float64, in memory that the next call uses again.
func (t *track) floats(col *window.Column, n int) []float64 {
	if col.Field.Type == metric.TypeFloat {
		return col.Float
	}
	t.scratch = slices.Grow(t.scratch[:0], n)[:n]
	for i, v := range col.Int {
		t.scratch[i] = float64(v)
	}
	return t.scratch
}

func (a *accumulator) countStarts(c *window.Chunk, col *window.Column) {
	for i, s := range c.Interval {
		// An agent's first row: its interval is known to be none.
		if s == 0 && (col.Valid == nil || col.Valid[i]) {
			a.onStart++
		}
	}
}

func (a *accumulator) addGauge(times []int64, values []float64, valid []bool, weights []float64) {
	for i, v := range values {
		if valid != nil && !valid[i] || v-v != 0 { // v-v is NaN of NaN and of infinities
			continue
		}
		a.dist.add(v, weights[i])
		if a.bins > 0 {
			a.series.add(times[i], v, weights[i], a.bins)
		}
	}
}

// addCounter turns a counter into rates between its own values. A step back is
// a gap, not a spike; growth across a gap in time counts in the total but makes no rate.
func (a *accumulator) addCounter(times []int64, values []float64, valid []bool, t *track) {
	longest := 1.5 * t.nominal()
	for i, v := range values {
		if valid != nil && !valid[i] || v-v != 0 {
			continue
		}
		before, at, had := a.previous, a.previousAt, a.hasPrevious
		a.previous, a.previousAt, a.hasPrevious = v, times[i], true
		switch {
		case !had:
			a.initial = v
			continue
		case v < before:
			a.resets++
			continue
		}
		a.increase += v - before
		seconds := float64(times[i]-at) / 1e9
		if seconds <= 0 || t.seen.interval > 0 && seconds > longest {
			continue
		}
		rate := (v - before) / seconds
		a.dist.add(rate, seconds)
		if a.bins > 0 {
			a.series.add(times[i], rate, seconds, a.bins)
		}
	}
}

func (a *accumulator) addStates(col *window.Column, weights []float64) {
	if a.stateSeconds == nil {
		a.stateSeconds = make([]float64, 256)
	}
	for i, w := range weights {
		if col.Valid == nil || col.Valid[i] {
			a.stateSeconds[col.State[i]] += w
		}
	}
}

// finish closes the account. The distributions are merged into all (by column)
// and given up, so that memory does not grow with the number of entities.
func (t *track) finish(events []metric.Event, all map[string]*Distribution) *EntityResult {
	r := &EntityResult{
		Entity: t.entity, Presence: t.seen.presence(events), Stats: map[string]*Stats{}, Increase: map[string]Increase{},
		States: map[string]map[string]float64{}, Use: t.joint, Info: t.meta,
	}
	for _, a := range t.columns {
		name := a.field.Column
		if a.stateSeconds != nil {
			r.States[name] = a.states()
			continue
		}
		if a.field.Kind == metric.Counter {
			r.Increase[name] = Increase{a.increase, a.resets}
		}
		if a.dist.n == 0 {
			continue
		}
		a.dist.expected = r.Presence.Expected
		if a.onStart == 0 || a.field.Kind == metric.Counter {
			a.dist.expected -= t.starts
		}
		r.Stats[name] = a.dist.stats()
		if all == nil {
			continue
		}
		if all[name] == nil {
			all[name] = newDistribution(a.dist.unit, t.exact)
		}
		all[name].merge(a.dist)
		a.dist = nil
	}
	return r
}

func (a *accumulator) states() map[string]float64 {
	out := map[string]float64{}
	for i, s := range a.stateSeconds {
		if s == 0 {
			continue
		}
		name := "unknown"
		if i < len(a.field.States) {
			name = a.field.States[i]
		}
		out[name] += s
	}
	return out
}
