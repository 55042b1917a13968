package window

import (
	"time"

	"nodemeter/collector/metric"
)

// Field is what a window knows about a column: the part of a metric.Desc that
// is written to disk. Readers see Fields, never Descs, because a window may
// come from an agent of another version.
type Field struct {
	Column string
	Unit   metric.Unit
	Kind   metric.Kind
	Type   metric.Type
	Step   float64
	States []string
	Help   string
	Absent string
}

// Chunk is a run of rows of one entity in ascending time, columns apart: the
// unit in which windows (and the notebook's CSV) are read. A consumer must not
// keep its slices past the next call of Reader.Next.
type Chunk struct {
	Node   string
	Kind   metric.EntityKind
	ID     string
	Worker string // worker_id; never empty
	// Time is the tick in nanoseconds since the Unix epoch, UTC.
	Time []int64
	// Interval is the real length each row covers, in seconds; 0 where unknown.
	Interval []float64
	// Columns are the metric columns this entity has, in file order.
	Columns []Column
}

// Len is the number of rows.
func (c *Chunk) Len() int { return len(c.Time) }

// Column returns a column by name, or nil when the chunk has none of it.
func (c *Chunk) Column(name string) *Column {
	for i := range c.Columns {
		if c.Columns[i].Field.Column == name {
			return &c.Columns[i]
		}
	}
	return nil
}

// Column holds one metric's values, one slot a row. Of Float, Int and State
// exactly the one that Field.Type names is set. A slot whose Valid is false
// holds no value; Valid nil means every slot has one.
type Column struct {
	Field *Field
	Float []float64
	Int   []int64
	State []uint8 // index into Field.States
	Valid []bool
}

// At returns the value of row i as a float64, and whether there is one.
func (c *Column) At(i int) (float64, bool) {
	if c.Valid != nil && !c.Valid[i] {
		return 0, false
	}
	switch c.Field.Type {
	case metric.TypeInt:
		return float64(c.Int[i]), true
	case metric.TypeState:
		return float64(c.State[i]), true
	}
	return c.Float[i], true
}

// Meta is what a window says about itself: the journal's header and the
// Parquet file's key-value metadata.
type Meta struct {
	Node     string
	BootID   string
	Agent    string // version
	Format   string // "major.minor"
	Interval time.Duration
	From, To time.Time // span of the window: aligned, half open
	Entities []metric.Entity
	Fields   []Field
	Families []Family
	Events   []metric.Event
}

// Family is the Prometheus name of a column for one kind of entity, so that an
// OpenMetrics export needs nothing but the window. The writer takes it from the
// metric.Desc of the points it sees; columns without a family have none.
type Family struct {
	Kind   metric.EntityKind
	Column string
	Metric string
	Labels []metric.Label
}

// Query narrows what a Reader returns. The zero Query returns everything.
type Query struct {
	From, To time.Time           // half open; zero means unbounded
	Kinds    []metric.EntityKind // nil: all
	Columns  []string            // metric columns to decode; nil: all
	Nodes    []string            // nil: all
}

// Problem is damage or a gap in what was read: reported, stepped past, never invented over.
type Problem struct {
	File   string
	Offset int64 // -1 where it does not apply
	Err    error
	Lost   string // what could not be read, in words
}
