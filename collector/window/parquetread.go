package window

import (
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"nodemeter/collector/metric"
)

// sealed is a window's Parquet file as its readers see it.
type sealed struct {
	path     string
	file     *parquet.File
	meta     Meta
	coverage coverage
	fields   map[string]*Field
}

func openSealed(path string, r io.ReaderAt, size int64) (s *sealed, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("damaged Parquet metadata: %v", p)
		}
	}()
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	s = &sealed{path: path, file: f, fields: map[string]*Field{}}
	if s.meta, s.coverage, err = decodeMeta(f.Lookup); err != nil {
		return nil, err
	}
	for i := range s.meta.Fields {
		s.fields[s.meta.Fields[i].Column] = &s.meta.Fields[i]
	}
	return s, nil
}

// sealedChunks reads a sealed window's rows as chunks.
type sealedChunks struct {
	s     *sealed
	query Query
	group int
	queue []*Chunk
}

func (c *sealedChunks) next() (*Chunk, error) {
	for len(c.queue) == 0 {
		groups := c.s.file.RowGroups()
		if c.group >= len(groups) {
			return nil, nil
		}
		if err := c.read(groups[c.group]); err != nil {
			return nil, err
		}
		c.group++
	}
	ch := c.queue[0]
	c.queue = c.queue[1:]
	return ch, nil
}

func (c *sealedChunks) read(g parquet.RowGroup) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged Parquet data: %v", p)
		}
	}()
	n := int(g.NumRows())
	index := map[string]int{}
	for i, path := range c.s.file.Schema().Columns() {
		index[path[0]] = i
	}
	load := func(name string) ([]parquet.Value, error) {
		values := make([]parquet.Value, n)
		pages := g.ColumnChunks()[index[name]].Pages()
		defer pages.Close()
		for at := 0; at < n; {
			p, err := pages.ReadPage()
			if err != nil {
				return nil, err
			}
			vr := p.Values()
			for {
				k, err := vr.ReadValues(values[at:])
				at += k
				if err == io.EOF || k == 0 {
					break
				}
				if err != nil {
					return nil, err
				}
			}
		}
		for i := range values {
			values[i] = values[i].Clone()
		}
		return values, nil
	}
	base := map[string][]parquet.Value{}
	for _, name := range []string{colTime, colWorker, colNode, colKind, colID, colInterval} {
		if base[name], err = load(name); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	cols := map[string][]parquet.Value{}
	for name := range c.s.fields {
		if _, ok := index[name]; !ok || !c.query.column(name) {
			continue
		}
		if cols[name], err = load(name); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	same := func(i, j int) bool {
		for _, name := range []string{colWorker, colKind, colID} {
			if base[name][i].String() != base[name][j].String() {
				return false
			}
		}
		return true
	}
	for i := 0; i < n; {
		j := i + 1
		for j < n && same(i, j) {
			j++
		}
		c.run(base, cols, i, j)
		i = j
	}
	return nil
}

func (c *sealedChunks) run(base, cols map[string][]parquet.Value, i, j int) {
	kind, err := metric.ParseEntityKind(base[colKind][i].String())
	if err != nil || !c.query.kind(kind) {
		return
	}
	ch := &Chunk{Node: c.s.meta.Node, Kind: kind, ID: base[colID][i].String(), Worker: base[colWorker][i].String()}
	var rows []int
	for r := i; r < j; r++ {
		t := base[colTime][r].Int64() * 1000
		if !c.query.From.IsZero() && t < c.query.From.UnixNano() || !c.query.To.IsZero() && t >= c.query.To.UnixNano() {
			continue
		}
		rows = append(rows, r)
		ch.Time = append(ch.Time, t)
		ch.Interval = append(ch.Interval, base[colInterval][r].Double())
	}
	if len(rows) == 0 {
		return
	}
	for k := range c.s.meta.Fields {
		f := &c.s.meta.Fields[k]
		values := cols[f.Column]
		if values == nil {
			continue
		}
		col, any := Column{Field: f}, false
		for _, r := range rows {
			v := values[r]
			col.Valid = append(col.Valid, !v.IsNull())
			any = any || !v.IsNull()
			switch f.Type {
			case metric.TypeFloat:
				col.Float = append(col.Float, v.Double())
			case metric.TypeInt:
				col.Int = append(col.Int, v.Int64())
			case metric.TypeState:
				col.State = append(col.State, uint8(max(0, slices.Index(f.States, v.String()))))
			}
		}
		if any {
			ch.Columns = append(ch.Columns, col)
		}
	}
	c.queue = append(c.queue, ch)
}
