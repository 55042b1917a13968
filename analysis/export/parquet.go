package export

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// ordered is a group whose columns keep the notebook's order; parquet.Group sorts them by name.
type ordered struct {
	parquet.Group
	names []string
}

func (o ordered) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range o.Group.Fields() {
		byName[f.Name()] = f
	}
	out := make([]parquet.Field, len(o.names))
	for i, n := range o.names {
		out[i] = byName[n]
	}
	return out
}

func nodeOf(t metric.Type) parquet.Node {
	switch t {
	case metric.TypeInt:
		return parquet.Int(64)
	case metric.TypeState:
		return parquet.String()
	}
	return parquet.Leaf(parquet.DoubleType)
}

func schemaOf(columns []window.Field, o Options) *parquet.Schema {
	g := ordered{Group: parquet.Group{}, names: o.names(columns)}
	for _, n := range g.names {
		switch n {
		case "timestamp":
			g.Group[n] = parquet.Timestamp(parquet.Microsecond)
		case "time_offset", "interval_seconds":
			g.Group[n] = parquet.Leaf(parquet.DoubleType)
		default: // names; the metric columns follow
			g.Group[n] = parquet.String()
		}
		g.Group[n] = parquet.Compressed(g.Group[n], &parquet.Zstd)
	}
	for _, c := range columns {
		g.Group[c.Column] = parquet.Compressed(parquet.Optional(nodeOf(c.Type)), &parquet.Zstd)
	}
	return parquet.NewSchema("samples", g)
}

// groupRows is how many rows are held in memory until they are written.
const groupRows = 1 << 16

// Parquet writes the frame as one Parquet file: timestamp as UTC microseconds,
// ratios and rates as doubles, counts and bytes as 64-bit integers, a cell
// without a value as null.
func Parquet(w io.Writer, f *Frame, o Options) (rows int, err error) {
	pw := parquet.NewWriter(w, schemaOf(f.Columns(), o), parquet.MaxRowsPerRowGroup(groupRows))
	batch := make([]parquet.Row, 0, 1024)
	flush := func() error {
		n, err := pw.WriteRows(batch)
		rows += n
		batch = batch[:0]
		return err
	}
	for f.Next() {
		batch = append(batch, rowValues(f, o))
		if len(batch) == cap(batch) {
			if err := flush(); err != nil {
				return rows, fmt.Errorf("write rows: %w", err)
			}
		}
	}
	if err := f.Err(); err != nil {
		return rows, err
	}
	if err := flush(); err != nil {
		return rows, fmt.Errorf("write rows: %w", err)
	}
	return rows, pw.Close()
}

func rowValues(f *Frame, o Options) parquet.Row {
	r := f.Row()
	row := make(parquet.Row, 0, len(r.Values)+7)
	add := func(v parquet.Value, level int) { row = append(row, v.Level(0, level, len(row))) }
	add(parquet.Int64Value(r.Time/1000), 0)
	add(parquet.DoubleValue(r.Offset), 0)
	add(parquet.ByteArrayValue([]byte(r.Worker)), 0)
	for i, c := range f.Columns() {
		v := o.fill(c.Column, r.Values[i])
		switch {
		case !v.OK:
			add(parquet.NullValue(), 0)
		case v.Type == metric.TypeInt:
			add(parquet.Int64Value(v.Int), 1)
		case v.Type == metric.TypeState:
			add(parquet.ByteArrayValue([]byte(v.Text)), 1)
		default:
			add(parquet.DoubleValue(v.Float), 1)
		}
	}
	if o.Identity {
		add(parquet.ByteArrayValue([]byte(r.Node)), 0)
		add(parquet.ByteArrayValue([]byte(r.Kind.String())), 0)
		add(parquet.ByteArrayValue([]byte(r.ID)), 0)
		add(parquet.DoubleValue(r.Interval), 0)
	}
	return row
}
