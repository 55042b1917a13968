package window

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"nodemeter/collector/metric"
)

// maxCells bounds what one row group may take in memory, whatever it declares:
// 16 Mi values of 9 bytes.
const maxCells = 16 << 20

// sealedChunks reads a sealed window's rows as chunks, one row group at a time.
type sealedChunks struct {
	s     *sealed
	query Query
	dec   *columnDecoder
	group int // next one

	base    [5]columnData // in the order of baseColumns
	columns []columnData  // of metrics
	picked  []pickedColumn
	kinds   []metric.EntityKind // of the dictionary of column kind; 0 is not wanted
	runs    []run
	at      int // next run
	chunk   Chunk
	cells   int
}

// baseColumns are the columns that make a row.
func baseColumns() [5]string { return [5]string{colTime, colKind, colID, colWorker, colInterval} }

// pickedColumn is a metric column that the current row group has values of.
type pickedColumn struct {
	field *Field
	data  *columnData
	state []uint8
}

// run is rows [from,to) of one entity in ascending time.
type run struct {
	from, to   int
	kind       metric.EntityKind
	id, worker []byte
}

// start begins a window; buffers of the one before are used again.
func (c *sealedChunks) start(s *sealed, q Query) error {
	c.s, c.query, c.group, c.runs, c.at = s, q, 0, c.runs[:0], 0
	if c.dec == nil {
		var err error
		if c.dec, err = newColumnDecoder(); err != nil {
			return err
		}
	}
	c.dec.r = s.r
	return nil
}

// next returns the next chunk, or nil at the end.
func (c *sealedChunks) next() *Chunk {
	for {
		for c.at < len(c.runs) {
			r := c.runs[c.at]
			c.at++
			return c.build(r)
		}
		if c.group >= len(c.s.footer.groups) {
			return nil
		}
		c.runs, c.at = c.runs[:0], 0
		g := c.group
		c.group++
		if c.skipGroup(g) {
			continue
		}
		if err := c.load(g); err != nil {
			c.s.problem(-1, err, fmt.Sprintf("row group %d: %d rows", g, c.s.footer.groups[g].rows))
			c.runs = c.runs[:0]
		}
	}
}

// columnIndex is a column's place in the schema, or -1.
func (s *sealed) columnIndex(name string) int {
	return slices.IndexFunc(s.footer.columns, func(c footerColumn) bool { return c.name == name })
}

// skipGroup reports whether a row group's statistics rule it out.
func (c *sealedChunks) skipGroup(g int) bool {
	i := c.s.columnIndex(colTime)
	if i < 0 || !c.s.proved {
		return false
	}
	st := c.s.footer.groups[g].chunks[i]
	if len(st.min) != 8 || len(st.max) != 8 {
		return false
	}
	least, most := int64(binary.LittleEndian.Uint64(st.min)), int64(binary.LittleEndian.Uint64(st.max))
	if !c.query.From.IsZero() && most < c.query.From.UnixMicro() || !c.query.To.IsZero() && least > c.query.To.UnixMicro() {
		return true
	}
	if k := c.s.columnIndex(colKind); k >= 0 && c.query.Kinds != nil {
		st := c.s.footer.groups[g].chunks[k]
		kind, err := metric.ParseEntityKind(string(st.min))
		return err == nil && bytes.Equal(st.min, st.max) && !c.query.kind(kind)
	}
	return false
}

// load decodes a row group: first what makes its rows, then the columns that
// the query and the entities found call for.
func (c *sealedChunks) load(g int) error {
	rows := int(c.s.footer.groups[g].rows)
	c.cells = 0
	for i, name := range baseColumns() {
		at := c.s.columnIndex(name)
		if at < 0 {
			return fmt.Errorf("there is no column %s", name)
		}
		if want := baseType(name); c.s.footer.columns[at].typ != want {
			return fmt.Errorf("column %s is of another type", name)
		}
		if err := c.decode(&c.base[i], g, at, 0, rows); err != nil {
			return err
		}
	}
	c.findRuns(rows)
	if len(c.runs) == 0 {
		return nil
	}
	from, to := rows, 0
	for _, r := range c.runs {
		from, to = min(from, r.from), max(to, r.to)
	}
	return c.pick(g, from, to)
}

func baseType(name string) int64 {
	switch name {
	case colTime:
		return parquetInt64
	case colInterval:
		return parquetDouble
	}
	return parquetByteArray
}

// decode decodes one column of a row group and reports its damage.
func (c *sealedChunks) decode(out *columnData, g, at, from, to int) error {
	group := c.s.footer.groups[g]
	if c.cells += int(group.rows); c.cells > maxCells {
		return errors.New("the row group is larger than any that windows have")
	}
	chunk, col := group.chunks[at], c.s.footer.columns[at]
	if sp, bad := c.s.damaged(chunk.offset, chunk.size); bad {
		out.reset(col.typ, int(group.rows))
		c.s.problem(sp.from, fmt.Errorf("bytes %d-%d are damaged", sp.from, sp.to), fmt.Sprintf("column %s in row group %d", col.name, g))
		return nil
	}
	for _, d := range c.dec.decode(out, col, chunk, int(group.rows), from, to) {
		c.s.problem(d.offset, d.err, fmt.Sprintf("column %s, rows %d-%d of row group %d", col.name, d.from, d.to, g))
	}
	return nil
}

// findRuns splits the rows into runs of one entity and keeps what the query selects.
func (c *sealedChunks) findRuns(rows int) {
	c.kinds = c.kinds[:0]
	for _, name := range c.base[1].dict {
		kind, err := metric.ParseEntityKind(string(name))
		if err != nil || !c.query.kind(kind) {
			kind = 0
		}
		c.kinds = append(c.kinds, kind)
	}
	last := -1 // the row before, when it belongs to the last run
	for i := range rows {
		if !c.wanted(i) {
			last = -1
			continue
		}
		if last >= 0 && c.same(last, i) {
			c.runs[len(c.runs)-1].to = i + 1
			last = i
			continue
		}
		kind := c.kinds[c.base[1].indexes[i]]
		if kind == 0 {
			last = -1
			continue
		}
		c.runs = append(c.runs, run{from: i, to: i + 1, kind: kind, id: c.text(2, i), worker: c.text(3, i)})
		last = i
	}
}

// wanted reports whether row i is there in whole and within the query's times.
func (c *sealedChunks) wanted(i int) bool {
	for k := range c.base {
		if !c.base[k].valid[i] {
			return false
		}
	}
	t := c.base[0].ints[i]
	const most = 1 << 53 // microseconds: the year 2255
	return t > -most && t < most &&
		(c.query.From.IsZero() || t >= ceilMicro(c.query.From.UnixNano())) && (c.query.To.IsZero() || t < ceilMicro(c.query.To.UnixNano()))
}

// ceilMicro is the first microsecond not before ns.
func ceilMicro(ns int64) int64 {
	us := ns / 1000
	if us*1000 < ns {
		us++
	}
	return us
}

// same reports whether rows i and k belong to one run.
func (c *sealedChunks) same(i, k int) bool {
	if c.base[0].ints[k] < c.base[0].ints[i] {
		return false
	}
	for col := 1; col <= 3; col++ {
		if d := &c.base[col]; d.indexes[i] != d.indexes[k] {
			return false
		}
	}
	return true
}

func (c *sealedChunks) text(col, row int) []byte { return c.base[col].dict[c.base[col].indexes[row]] }

// pick decodes the metric columns that the query selects and that have values.
func (c *sealedChunks) pick(g, from, to int) error {
	c.picked = c.picked[:0]
	for i := range c.s.meta.Fields {
		f := &c.s.meta.Fields[i]
		at := c.s.columnIndex(f.Column)
		if at < 0 || !c.query.column(f.Column) {
			continue
		}
		chunk := c.s.footer.groups[g].chunks[at]
		if c.s.proved && chunk.nulls == chunk.values {
			continue
		}
		if c.s.footer.columns[at].typ != parquetType(f.Type) {
			c.s.problem(-1, fmt.Errorf("column %s is not of the type that the metadata says", f.Column), "the column")
			continue
		}
		n := len(c.picked)
		if n == len(c.columns) {
			c.columns = append(c.columns, columnData{})
		}
		if err := c.decode(&c.columns[n], g, at, from, to); err != nil {
			return err
		}
		c.picked = append(c.picked, pickedColumn{field: f})
	}
	for i := range c.picked { // c.columns has its final place now
		p := &c.picked[i]
		p.data = &c.columns[i]
		if p.field.Type == metric.TypeState {
			c.states(p)
		}
	}
	return nil
}

func parquetType(t metric.Type) int64 {
	switch t {
	case metric.TypeInt:
		return parquetInt64
	case metric.TypeState:
		return parquetByteArray
	}
	return parquetDouble
}

// states turns a state column's dictionary into the field's numbers.
func (c *sealedChunks) states(p *pickedColumn) {
	numbers := make([]int, len(p.data.dict))
	for i, name := range p.data.dict {
		numbers[i] = slices.Index(p.field.States, string(name))
	}
	p.state = make([]uint8, len(p.data.indexes))
	for i, k := range p.data.indexes {
		switch {
		case !p.data.valid[i]:
		case numbers[k] < 0:
			p.data.valid[i] = false // a state that the metadata does not name
			p.data.present--
		default:
			p.state[i] = uint8(numbers[k])
		}
	}
}

// build makes a run's chunk; its slices are parts of the decoded columns.
func (c *sealedChunks) build(r run) *Chunk {
	ch := &c.chunk
	ch.Node, ch.Kind, ch.ID, ch.Worker = c.s.meta.Node, r.kind, string(r.id), string(r.worker)
	ch.Time = slices.Grow(ch.Time[:0], r.to-r.from)
	for _, us := range c.base[0].ints[r.from:r.to] {
		ch.Time = append(ch.Time, us*1000)
	}
	ch.Interval = c.base[4].floats[r.from:r.to:r.to]
	ch.Columns = ch.Columns[:0]
	for i := range c.picked {
		p := &c.picked[i]
		col := Column{Field: p.field}
		if p.data.present < len(p.data.valid) {
			valid := p.data.valid[r.from:r.to:r.to]
			if !slices.Contains(valid, true) {
				continue
			}
			if slices.Contains(valid, false) {
				col.Valid = valid
			}
		}
		switch p.field.Type {
		case metric.TypeFloat:
			col.Float = p.data.floats[r.from:r.to:r.to]
		case metric.TypeInt:
			col.Int = p.data.ints[r.from:r.to:r.to]
		case metric.TypeState:
			col.State = p.state[r.from:r.to:r.to]
		}
		ch.Columns = append(ch.Columns, col)
	}
	return ch
}
