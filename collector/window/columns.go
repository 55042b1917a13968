package window

import (
	"math"
	"slices"

	"nodemeter/collector/metric"
)

// The columns that every row has, under their names in Parquet.
const (
	colTime     = "timestamp"
	colWorker   = "worker_id"
	colNode     = "node"
	colKind     = "kind"
	colID       = "id"
	colInterval = "interval_seconds"
)

// notebookColumns stand right after worker_id and exist in every file, as in
// the DataFrame that windows replace.
func notebookColumns() []string {
	return []string{"cpu_util", "memory_util", "gpu_util", "network_mbps"}
}

// journalChunks makes chunks out of an indexed journal, some groups and some
// samples at a time, so that memory stays within cellBudget whatever the
// window's length.
type journalChunks struct {
	j       *journal
	query   Query
	wanted  []bool // by field
	ranks   [2]int32
	groups  []int // that the query selects
	pass    pass
	chunks  []*chunkBuilder
	at      int // next chunk of this pass
	started bool
}

// cellBudget is how many values a pass over a journal may collect (9 bytes each).
const cellBudget = 256 << 10

// pass is one walk over the journal: groups [g0,g1) of the selection, samples
// whose rank is in [r0,r1).
type pass struct {
	g0, g1 int
	r0, r1 int32
}

func newJournalChunks(j *journal, q Query) *journalChunks {
	c := &journalChunks{j: j, query: q, wanted: make([]bool, len(j.fields))}
	for i := range j.fields {
		c.wanted[i] = q.column(j.fields[i].Column)
	}
	for i, g := range j.groups {
		if g.rows > 0 && q.kind(g.entity.Kind) {
			c.groups = append(c.groups, i)
		}
	}
	c.ranks = j.rankRange(q)
	return c
}

// rankRange is which samples, in time order, are within a query's times.
func (j *journal) rankRange(q Query) [2]int32 {
	var before, upto int32
	for _, t := range j.ticks {
		if !q.From.IsZero() && t.time < q.From.UnixNano() {
			before++
		}
		if q.To.IsZero() || t.time < q.To.UnixNano() {
			upto++
		}
	}
	return [2]int32{before, max(before, upto)}
}

// next returns the next chunk, or nil at the end.
func (c *journalChunks) next() (*chunkBuilder, error) {
	for {
		for c.at < len(c.chunks) {
			b := c.chunks[c.at]
			c.at++
			if b.chunk.Len() > 0 {
				return b, nil
			}
		}
		if !c.plan() {
			return nil, nil
		}
		if err := c.load(); err != nil {
			return nil, err
		}
	}
}

// plan decides what the next pass collects.
func (c *journalChunks) plan() bool {
	p := &c.pass
	switch {
	case !c.started:
		c.started = true
		*p = pass{r0: c.ranks[0]}
	case p.r1 < c.ranks[1]: // the same group, later samples
		p.r0 = p.r1
	default:
		p.g0, p.r0 = p.g1, c.ranks[0]
	}
	if p.g0 >= len(c.groups) || p.r0 >= c.ranks[1] {
		return false
	}
	p.g1, p.r1 = p.g0+1, c.ranks[1]
	cells := c.cells(p.g0, int(p.r1-p.r0))
	if cells > cellBudget {
		p.r1 = p.r0 + int32(max(1, cellBudget/c.cells(p.g0, 1)))
		p.r1 = min(p.r1, c.ranks[1])
		return true
	}
	for p.r0 == c.ranks[0] && p.g1 < len(c.groups) {
		more := c.cells(p.g1, int(p.r1-p.r0))
		if cells+more > cellBudget {
			break
		}
		cells += more
		p.g1++
	}
	return true
}

// cells is how many values a group has in a number of samples, at most.
func (c *journalChunks) cells(group, rows int) int {
	g := c.j.groups[c.groups[group]]
	return (2 + len(g.columns)) * min(rows, max(g.rows, 1))
}

// load walks the journal once and fills the pass's chunks.
func (c *journalChunks) load() error {
	p := c.pass
	c.at = 0
	for len(c.chunks) < p.g1-p.g0 {
		c.chunks = append(c.chunks, &chunkBuilder{})
	}
	c.chunks = c.chunks[:p.g1-p.g0]
	slot := make(map[int]*chunkBuilder, len(c.chunks))
	for i, b := range c.chunks {
		gi := c.groups[p.g0+i]
		b.reset(c.j, c.j.groups[gi], c.wanted, min(c.j.groups[gi].rows, int(p.r1-p.r0)))
		slot[gi] = b
	}
	first, last := c.samples(p)
	if first > last {
		return nil
	}
	s := newFrameScanner(c.j.r, c.j.size, c.j.ticks[first].offset)
	for i := first; i <= last; {
		f, _, ok := s.next()
		if !ok {
			break
		}
		if f.typ != frameSample || f.offset != c.j.ticks[i].offset {
			continue
		}
		if t := c.j.ticks[i]; t.rank >= p.r0 && t.rank < p.r1 {
			c.add(f, t, slot)
		}
		i++
	}
	if c.j.disorder {
		for _, b := range c.chunks {
			b.sort()
		}
	}
	return s.err
}

// samples is the first and the last sample, in file order, of a pass.
func (c *journalChunks) samples(p pass) (first, last int) {
	if !c.j.disorder {
		return int(p.r0), int(p.r1) - 1
	}
	first, last = len(c.j.ticks), -1
	for i, t := range c.j.ticks {
		if t.rank >= p.r0 && t.rank < p.r1 {
			first, last = min(first, i), max(last, i)
		}
	}
	return first, last
}

func (c *journalChunks) add(f frame, at journalTick, slot map[int]*chunkBuilder) {
	cur := cursor{b: f.payload}
	t := decodeTick(&cur)
	for n := cur.count(5); n > 0 && !cur.bad; n-- {
		g, points := c.j.reading(&cur)
		b := slot[g]
		if g < 0 || b == nil {
			continue
		}
		row := b.row(t, at.rank)
		c.j.eachPoint(points, func(field int, bits uint64) { b.set(row, field, bits) })
	}
}

// chunkBuilder fills one chunk row by row and keeps its memory.
type chunkBuilder struct {
	chunk  Chunk
	ranks  []int32
	column []int // by field: index into chunk.Columns, or -1
	// columns is the memory of chunk.Columns.
	columns []Column
}

// reset starts a chunk of a group, of about so many rows.
func (b *chunkBuilder) reset(j *journal, g *group, wanted []bool, rows int) {
	c := &b.chunk
	c.Node, c.Kind, c.ID, c.Worker = j.header.node, g.entity.Kind, g.entity.ID, g.entity.Worker
	c.Time, c.Interval, b.ranks = slices.Grow(c.Time[:0], rows), slices.Grow(c.Interval[:0], rows), slices.Grow(b.ranks[:0], rows)
	b.column = slices.Grow(b.column[:0], len(j.fields))[:len(j.fields)]
	for i := range b.column {
		b.column[i] = -1
	}
	n := 0
	for _, field := range g.columns {
		if !wanted[field] {
			continue
		}
		if n == len(b.columns) {
			b.columns = append(b.columns, Column{})
		}
		b.columns[n].start(&j.fields[field], rows)
		b.column[field] = n
		n++
	}
	c.Columns = b.columns[:n]
}

// start empties a column for a field and about so many rows.
func (c *Column) start(f *Field, rows int) {
	c.Field = f
	c.Float, c.Int, c.State, c.Valid = c.Float[:0], c.Int[:0], c.State[:0], slices.Grow(c.Valid[:0], rows)
	switch f.Type {
	case metric.TypeFloat:
		c.Float = slices.Grow(c.Float, rows)
	case metric.TypeInt:
		c.Int = slices.Grow(c.Int, rows)
	case metric.TypeState:
		c.State = slices.Grow(c.State, rows)
	}
}

// row opens a row of absent values. An entity that a hostile sample has twice
// gets its second reading merged into the first.
func (b *chunkBuilder) row(t tick, rank int32) int {
	c := &b.chunk
	if n := len(b.ranks); n > 0 && b.ranks[n-1] == rank {
		return n - 1
	}
	c.Time = append(c.Time, t.time/1000*1000) // windows keep microseconds
	c.Interval = append(c.Interval, roundTo(float64(t.interval)/1e9, 1e-6))
	b.ranks = append(b.ranks, rank)
	for i := range c.Columns {
		col := &c.Columns[i]
		col.Valid = append(col.Valid, false)
		switch col.Field.Type {
		case metric.TypeFloat:
			col.Float = append(col.Float, 0)
		case metric.TypeInt:
			col.Int = append(col.Int, 0)
		case metric.TypeState:
			col.State = append(col.State, 0)
		}
	}
	return len(b.ranks) - 1
}

func (b *chunkBuilder) set(row, field int, bits uint64) {
	at := b.column[field]
	if at < 0 {
		return
	}
	col := &b.chunk.Columns[at]
	col.Valid[row] = true
	switch col.Field.Type {
	case metric.TypeFloat:
		v := roundTo(math.Float64frombits(bits), col.Field.Step)
		col.Float[row] = v
		if math.IsNaN(v) || math.IsInf(v, 0) {
			col.Float[row], col.Valid[row] = 0, false // no writer of ours makes one
		}
	case metric.TypeInt:
		col.Int[row] = int64(bits)
	case metric.TypeState:
		col.State[row] = uint8(bits)
	}
}

// roundTo rounds to a multiple of step; the result is the double nearest to
// the decimal number, so that 0.1234 prints as 0.1234.
func roundTo(v, step float64) float64 {
	if step == 0 {
		return v
	}
	if inv := math.Round(1 / step); inv >= 1 && math.Abs(inv*step-1) < 1e-9 {
		if r := math.Round(v * inv); math.Abs(r) < 1<<53 {
			return r/inv + 0 // + 0 turns -0 into 0
		}
		return v
	}
	if r := math.Round(v / step); math.Abs(r) < 1<<53 {
		return r*step + 0
	}
	return v
}

// sort puts rows into time order after a clock stepped back within a window.
func (b *chunkBuilder) sort() {
	if slices.IsSorted(b.ranks) {
		return
	}
	perm := make([]int, len(b.ranks))
	for i := range perm {
		perm[i] = i
	}
	slices.SortStableFunc(perm, func(x, y int) int { return int(b.ranks[x]) - int(b.ranks[y]) })
	c := &b.chunk
	c.Time, c.Interval, b.ranks = permute(c.Time, perm), permute(c.Interval, perm), permute(b.ranks, perm)
	for i := range c.Columns {
		col := &c.Columns[i]
		col.Float, col.Int, col.State, col.Valid = permute(col.Float, perm), permute(col.Int, perm), permute(col.State, perm), permute(col.Valid, perm)
	}
}

func permute[T any](s []T, perm []int) []T {
	if len(s) == 0 {
		return s
	}
	out := make([]T, len(s))
	for i, p := range perm {
		out[i] = s[p]
	}
	return out
}

// column and kind say what a query selects.
func (q Query) column(name string) bool { return q.Columns == nil || slices.Contains(q.Columns, name) }

func (q Query) kind(k metric.EntityKind) bool { return q.Kinds == nil || slices.Contains(q.Kinds, k) }

func (q Query) node(name string) bool { return q.Nodes == nil || slices.Contains(q.Nodes, name) }
