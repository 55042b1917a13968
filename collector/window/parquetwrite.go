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
	w       *parquet.GenericWriter[any]
	fields  []Field        // in the file's order
	columns map[string]int // leaf index by name
	values  []parquet.Value
	nulls   []parquet.Value
	rows    int // in the row group
	last    metric.EntityKind
}

// Row groups end at these many rows. The node has row groups of its own, so
// that reading a node alone touches nothing else; other entities share theirs.
//
// Pages hold an hour of one metric at 1 Hz: 3,600 doubles. Smaller ones take
// more space, larger ones more memory while sealing.
const (
	pageBytes      = 64 << 10
	nodeGroupRows  = 8 << 10
	otherGroupRows = 32 << 10
)

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

// schemaOf is the schema of a window. There is no column for the node: its
// partition directory says it, and engines on Arrow refuse a file that says it too.
func schemaOf(fields []Field) *parquet.Schema {
	g := orderedGroup{Group: parquet.Group{}}
	add := func(name string, n parquet.Node) {
		g.order = append(g.order, name)
		g.Group[name] = n
	}
	text := parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	columns := fileColumns(fields)
	add(colTime, parquet.Encoded(parquet.Timestamp(parquet.Microsecond), &parquet.DeltaBinaryPacked))
	add(colWorker, text)
	for i, f := range columns {
		if i == len(notebookColumns()) {
			break
		}
		add(f.Column, parquet.Optional(fieldNode(f)))
	}
	add(colKind, text)
	add(colID, text)
	add(colInterval, parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.Plain))
	for _, f := range columns[len(notebookColumns()):] {
		add(f.Column, parquet.Optional(fieldNode(f)))
	}
	return parquet.NewSchema("window", g)
}

// fieldNode is a metric column. The encodings are those that came out smallest
// on a recording (BenchmarkEncodings).
func fieldNode(f Field) parquet.Node {
	switch f.Type {
	case metric.TypeInt:
		return parquet.Encoded(parquet.Leaf(parquet.Int64Type), &parquet.DeltaBinaryPacked)
	case metric.TypeState:
		return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	}
	return parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.Plain)
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
		parquet.DataPageVersion(1),
		parquet.PageBufferSize(pageBytes),
	}
	for _, key := range metaKeys() {
		options = append(options, parquet.KeyValueMetadata(key, kv[key]))
	}
	s := &sealedWriter{w: parquet.NewGenericWriter[any](w, options...), fields: fileColumns(m.Fields), columns: map[string]int{}, values: make([]parquet.Value, 0, 1024)}
	for i, c := range s.w.Schema().Columns() {
		s.columns[c[0]] = i
	}
	return s, nil
}

// write appends a chunk's rows.
func (s *sealedWriter) write(c *Chunk) error {
	most := otherGroupRows
	if c.Kind == metric.Node {
		most = nodeGroupRows
	}
	if s.rows > 0 && (s.rows+c.Len() > most || c.Kind != s.last && metric.Node == s.last) {
		if err := s.w.Flush(); err != nil {
			return err
		}
		s.rows = 0
	}
	s.last = c.Kind
	text := func(name, v string) error {
		val := parquet.ByteArrayValue([]byte(v)).Level(0, 0, s.columns[name])
		return s.column(name, c.Len(), func(int) parquet.Value { return val })
	}
	err := s.column(colTime, c.Len(), func(i int) parquet.Value { return parquet.Int64Value(c.Time[i]/1000).Level(0, 0, s.columns[colTime]) })
	if err == nil {
		err = s.column(colInterval, c.Len(), func(i int) parquet.Value {
			return parquet.DoubleValue(c.Interval[i]).Level(0, 0, s.columns[colInterval])
		})
	}
	for _, t := range [][2]string{{colWorker, c.Worker}, {colKind, c.Kind.String()}, {colID, c.ID}} {
		if err == nil {
			err = text(t[0], t[1])
		}
	}
	if err != nil {
		return err
	}
	s.rows += c.Len()
	return s.metrics(c)
}

// metrics appends a chunk's metric columns, and absence for those it has not.
func (s *sealedWriter) metrics(c *Chunk) error {
	for i := range s.fields {
		name := s.fields[i].Column
		at := s.columns[name]
		null := parquet.NullValue().Level(0, 0, at)
		col := c.Column(name)
		value := func(i int) parquet.Value {
			if col.Valid != nil && !col.Valid[i] {
				return null
			}
			return columnValue(col, i).Level(0, 1, at)
		}
		if col == nil {
			if err := s.absent(name, c.Len()); err != nil {
				return err
			}
			continue
		}
		if err := s.column(name, c.Len(), value); err != nil {
			return err
		}
	}
	return nil
}

// absent appends n absent values to a column: most of what is written for a
// node of many cores, so it is made once.
func (s *sealedWriter) absent(name string, n int) error {
	for len(s.nulls) < cap(s.values) {
		s.nulls = append(s.nulls, parquet.NullValue())
	}
	w := s.w.ColumnWriters()[s.columns[name]]
	for ; n > 0; n -= min(n, len(s.nulls)) {
		if _, err := w.WriteRowValues(s.nulls[:min(n, len(s.nulls))]); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	return nil
}

// column appends n values to a column, a few at a time.
func (s *sealedWriter) column(name string, n int, value func(i int) parquet.Value) error {
	w := s.w.ColumnWriters()[s.columns[name]]
	for i := 0; i < n; {
		s.values = s.values[:0]
		for ; i < n && len(s.values) < cap(s.values); i++ {
			s.values = append(s.values, value(i))
		}
		if _, err := w.WriteRowValues(s.values); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
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

func (s *sealedWriter) close() error { return s.w.Close() }
