package analysis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// analyzer is the accumulating side of Analyze; one goroutine owns it.
type analyzer struct {
	o       *Options
	csv     bool
	exact   int
	bins    int
	result  *Result
	tracks  map[Entity]*track
	node    string
	meta    *window.Meta
	events  []metric.Event // of the node being read
	all     map[string]*Distribution
	pooled  map[string]*Distribution // over workers, where they are an axis
	pending []pendingSeries
	cells   int
	frame   *frameBuilder
	draw    []string
	groups  *grouping // nil unless jobs or users are asked for
}

// pendingSeries is a series whose grid is not known yet.
type pendingSeries struct {
	owner  *EntityResult
	column string
	unit   metric.Unit
	binned binned
}

func newAnalyzer(o *Options, csv bool) *analyzer {
	a := &analyzer{
		o: o, csv: csv, exact: exactLimit, bins: o.Bins, tracks: map[Entity]*track{}, all: map[string]*Distribution{}, pooled: map[string]*Distribution{},
		result: &Result{Zone: o.Zone, by: o.By, group: o.Group}, frame: &frameBuilder{},
		draw: append(slices.Clone(seriesColumns), o.Columns...),
	}
	if o.Group != "" {
		a.groups = newGrouping(o.Group)
		a.groups.job = o.Job
	}
	if csv {
		a.exact = DefaultMaxRows // the frame is in memory anyway
		a.frame = nil
	}
	return a
}

func (a *analyzer) read(ctx context.Context, sources []source) error {
	var total, read int64
	for _, s := range sources {
		total += s.bytes
	}
	return decode(ctx, sources, a.use, func(s source) {
		read += s.bytes
		if a.o.Progress != nil {
			a.o.Progress(read, total)
		}
	})
}

func (a *analyzer) use(p piece) error {
	switch {
	case p.meta != nil:
		a.useMeta(p.meta)
	case p.chunk != nil:
		a.useChunk(p.chunk)
	}
	a.result.Problems = append(a.result.Problems, p.problems...)
	return nil
}

func (a *analyzer) useMeta(m *window.Meta) {
	if m.Node != a.node {
		a.finishNode()
		a.node = m.Node
	}
	a.meta = m
	if a.frame != nil {
		a.frame.window(m.Interval)
	}
	if a.groups != nil {
		a.groups.window(m.Interval)
	}
	a.result.Interval = max(a.result.Interval, m.Interval)
	a.events = append(a.events, m.Events...)
}

func (a *analyzer) useChunk(c *window.Chunk) {
	if c.Len() == 0 {
		return
	}
	if c.Node != a.node && !a.csv {
		a.finishNode()
		a.node = c.Node
	}
	e := entityOf(c)
	t := a.tracks[e]
	if t == nil {
		t = &track{entity: e, exact: a.exact, bins: a.bins, draw: a.draw}
		a.tracks[e] = t
	}
	t.seen.interval = int64(a.meta.Interval) // an agent may have been started again with another
	t.meta = entityInfo(a.meta, e, t.meta)
	if a.groups != nil && t.member == nil && c.Kind == metric.Worker {
		t.member = a.groups.member(c.Node, t.meta)
	}
	if a.frame != nil && c.Kind == metric.Node {
		a.frame.add(c)
	}
	t.add(c)
	if a.csv {
		a.finishNode()
	}
}

func entityInfo(m *window.Meta, e Entity, known []metric.Label) []metric.Label {
	for i := range m.Entities {
		if x := &m.Entities[i]; x.Kind == e.Kind && x.ID == e.ID && len(x.Info) > 0 {
			return x.Info
		}
	}
	return known
}

// finishNode closes the accounts of the node read so far: sources come node by
// node, so nothing more of it can follow.
func (a *analyzer) finishNode() {
	keys := make([]Entity, 0, len(a.tracks))
	for e := range a.tracks {
		keys = append(keys, e)
	}
	slices.SortFunc(keys, compareEntities)
	nodeFirst := int64(0)
	for _, e := range keys {
		t := a.tracks[e]
		var all map[string]*Distribution
		switch {
		case e.Kind == metric.Node:
			all, nodeFirst = a.all, t.seen.first // nodes sort first
		case e.Kind == metric.Worker && a.groups == nil:
			all = a.pooled
		}
		r := t.finish(a.events, all)
		if t.member != nil {
			t.member.leave(t, r, nodeFirst)
		}
		a.result.Entities = append(a.result.Entities, r)
		for _, c := range t.columns {
			if len(c.series.cells) > 0 {
				a.pending = append(a.pending, pendingSeries{r, c.field.Column, seriesUnit(&c.field), c.series})
				a.cells += len(c.series.cells)
			}
		}
	}
	clear(a.tracks)
	a.result.Events = append(a.result.Events, a.events...)
	a.events = nil
	a.bound()
}

// seriesUnit is the unit of a column's series: of a counter, its growth a second.
func seriesUnit(f *window.Field) metric.Unit {
	if f.Kind == metric.Counter {
		return rateUnit(f.Unit)
	}
	return f.Unit
}

// bound halves all series as long as they take too much memory together.
func (a *analyzer) bound() {
	for a.cells > maxCells && a.bins > 32 {
		a.bins /= 2
		a.cells = 0
		for i := range a.pending {
			b := &a.pending[i].binned
			for len(b.cells) > a.bins {
				b.coarsen()
			}
			b.cells = slices.Clip(slices.Clone(b.cells))
			a.cells += len(b.cells)
		}
	}
}

func (a *analyzer) finish() (*Result, error) {
	a.finishNode()
	r := a.result
	if len(r.Entities) == 0 {
		return nil, a.nothing()
	}
	slices.SortStableFunc(r.Entities, func(x, y *EntityResult) int { return compareEntities(x.Entity, y.Entity) })
	r.From, r.To = r.Entities[0].Presence.First, r.Entities[0].Presence.Last
	for _, e := range r.Entities {
		if e.Presence.First.Before(r.From) {
			r.From = e.Presence.First
		}
		if e.Presence.Last.After(r.To) {
			r.To = e.Presence.Last
		}
	}
	r.Overall = map[string]*Stats{}
	for name, d := range a.all {
		r.Overall[name] = d.stats()
	}
	var groups *Axis
	if a.groups != nil {
		r.Groups = a.groups.finish()
		if a.groups.width > a.groups.tick {
			r.groupWidth = time.Duration(a.groups.width)
		}
		groups = a.groupAxis()
		a.bound()
	}
	r.Axis = a.axis(groups)
	a.lay()
	if a.frame != nil {
		r.Frame = a.frame.frame()
	}
	r.Missing = a.missing()
	slices.SortStableFunc(r.Events, func(x, y metric.Event) int { return cmp.Compare(x.Time.UnixNano(), y.Time.UnixNano()) })
	r.Use = r.use()
	return r, r.addFindings(a.o.Rules)
}

func (a *analyzer) nothing() error {
	where := Escape(strings.Join(a.result.Inputs.Paths, ", "))
	switch {
	case len(a.result.Problems) > 0:
		p := a.result.Problems[0]
		return fmt.Errorf("%w in %s: %d problems; the first: %s: %w", errNothing, where, len(a.result.Problems), Escape(p.File), p.Err)
	case !a.o.From.IsZero() || !a.o.To.IsZero() || len(a.o.Nodes) > 0:
		return fmt.Errorf("%w in %s for the time and nodes asked for", errNothing, where)
	}
	return fmt.Errorf("%w in %s: is nodemeterd recording there?", errNothing, where)
}

// lay puts all series on one grid, the finest that none of them exceeds.
func (a *analyzer) lay() {
	if len(a.pending) == 0 {
		return
	}
	width := int64(1)
	for _, p := range a.pending {
		width = max(width, p.binned.width)
	}
	var from, to int64
	for {
		from, to = floorDiv(a.result.From.UnixNano(), width), floorDiv(a.result.To.UnixNano(), width)+1
		if to-from <= int64(a.bins) && (to-from <= 32 || (to-from)*int64(len(a.pending)) <= maxCells) {
			break
		}
		width *= 2
	}
	g := Grid{From: time.Unix(0, from*width), Width: time.Duration(width), Bins: int(to - from)}
	a.result.Grid = g
	for i := range a.pending {
		p := &a.pending[i]
		s := newSeries(p.owner.Entity, p.column, p.unit, g.Bins)
		p.binned.onto(g, s)
		p.binned.cells = nil
		if p.owner.Series == nil {
			p.owner.Series = map[string]*Series{}
		}
		p.owner.Series[p.column] = s
	}
	a.pending = nil
}

// Section5 computes section 5 of the notebook; nil where there were too many rows.
func (r *Result) Section5() *Section5 {
	if r.Frame == nil || r.Frame.Len() > section5Limit {
		return nil
	}
	return NewSection5(r.Frame)
}

func (a *analyzer) missing() []string {
	var out []string
	for _, n := range a.o.Nodes {
		if !slices.ContainsFunc(a.result.Entities, func(e *EntityResult) bool { return e.Entity.Node == n }) {
			out = append(out, n)
		}
	}
	return out
}
