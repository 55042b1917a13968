package window

import (
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"nodemeter/collector/metric"
)

// sealedWriter writes chunks as a window's Parquet file, rows in the order
// they come.
type sealedWriter struct {
	w       *parquet.Writer
	fields  []Field
	columns map[string]int // leaf index by name
	values  []parquet.Value
	rows    int
}

// orderedGroup is a schema whose columns keep the order they are given in.
type orderedGroup struct {
	parquet.Group
	order []string
}

func (g orderedGroup) Fields() []parquet.Field {
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(g.order, a.Name()) - slices.Index(g.order, b.Name())
	})
	return fields
}

// fileColumns is the metric columns of a file: the notebook's, then the others.
func fileColumns(fields []Field) (out []Field) {
	for _, name := range notebookColumns() {
		f := Field{Column: name, Type: metric.TypeFloat}
		if i := slices.IndexFunc(fields, func(f Field) bool { return f.Column == name }); i >= 0 {
			f = fields[i]
		}
		out = append(out, f)
	}
	for _, f := range fields {
		if !slices.Contains(notebookColumns(), f.Column) {
			out = append(out, f)
		}
	}
	return out
}

func schemaOf(fields []Field) *parquet.Schema {
	text := func() parquet.Node { return parquet.Encoded(parquet.String(), &parquet.RLEDictionary) }
	g := orderedGroup{Group: parquet.Group{}}
	add := func(name string, n parquet.Node) {
		g.order = append(g.order, name)
		g.Group[name] = n
	}
	add(colTime, parquet.Encoded(parquet.Timestamp(parquet.Microsecond), &parquet.DeltaBinaryPacked))
	add(colWorker, text())
	columns := fileColumns(fields)
	for i, f := range columns {
		if i == len(notebookColumns()) {
			add(colNode, text())
			add(colKind, text())
			add(colID, text())
			add(colInterval, parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.RLEDictionary))
		}
		add(f.Column, parquet.Optional(fieldNode(f)))
	}
	if len(columns) == len(notebookColumns()) {
		add(colNode, text())
		add(colKind, text())
		add(colID, text())
		add(colInterval, parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.RLEDictionary))
	}
	return parquet.NewSchema("window", g)
}

func fieldNode(f Field) parquet.Node {
	switch f.Type {
	case metric.TypeInt:
		return parquet.Encoded(parquet.Leaf(parquet.Int64Type), &parquet.DeltaBinaryPacked)
	case metric.TypeState:
		return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	}
	return parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.RLEDictionary)
}

func newSealedWriter(w io.Writer, m *Meta, cov coverage) (*sealedWriter, error) {
	kv, err := encodeMeta(m, cov)
	if err != nil {
		return nil, err
	}
	options := []parquet.WriterOption{
		schemaOf(m.Fields),
		parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel, Concurrency: 1}),
		parquet.CreatedBy("nodemeter", m.Agent, ""),
		parquet.DataPageStatistics(true),
		parquet.DataPageVersion(1),
	}
	for _, key := range metaKeys() {
		options = append(options, parquet.KeyValueMetadata(key, kv[key]))
	}
	s := &sealedWriter{w: parquet.NewWriter(w, options...), fields: m.Fields, columns: map[string]int{}}
	for i, c := range s.w.Schema().Columns() {
		s.columns[c[0]] = i
	}
	return s, nil
}

// write appends a chunk's rows.
func (s *sealedWriter) write(c *Chunk) error {
	n := c.Len()
	column := func(name string, value func(i int) parquet.Value) error {
		s.values = slices.Grow(s.values[:0], n)[:n]
		at := s.columns[name]
		for i := range s.values {
			s.values[i] = value(i)
		}
		if _, err := s.w.ColumnWriters()[at].WriteRowValues(s.values); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		return nil
	}
	text := func(name, v string) error {
		val := parquet.ByteArrayValue([]byte(v)).Level(0, 0, s.columns[name])
		return column(name, func(int) parquet.Value { return val })
	}
	if err := column(colTime, func(i int) parquet.Value {
		return parquet.Int64Value(c.Time[i]/1000).Level(0, 0, s.columns[colTime])
	}); err != nil {
		return err
	}
	if err := column(colInterval, func(i int) parquet.Value {
		return parquet.DoubleValue(c.Interval[i]).Level(0, 0, s.columns[colInterval])
	}); err != nil {
		return err
	}
	for _, t := range [][2]string{{colWorker, c.Worker}, {colNode, c.Node}, {colKind, c.Kind.String()}, {colID, c.ID}} {
		if err := text(t[0], t[1]); err != nil {
			return err
		}
	}
	for _, f := range fileColumns(s.fields) {
		at := s.columns[f.Column]
		null := parquet.NullValue().Level(0, 0, at)
		col := c.Column(f.Column)
		if err := column(f.Column, func(i int) parquet.Value {
			if col == nil || col.Valid != nil && !col.Valid[i] {
				return null
			}
			return columnValue(col, i).Level(0, 1, at)
		}); err != nil {
			return err
		}
	}
	s.rows += n
	return nil
}

func columnValue(c *Column, i int) parquet.Value {
	switch c.Field.Type {
	case metric.TypeInt:
		return parquet.Int64Value(c.Int[i])
	case metric.TypeState:
		return parquet.ByteArrayValue([]byte(c.Field.States[c.State[i]]))
	}
	return parquet.DoubleValue(c.Float[i])
}

// endGroup closes the row group.
func (s *sealedWriter) endGroup() error {
	s.rows = 0
	return s.w.Flush()
}

func (s *sealedWriter) close() error { return s.w.Close() }
