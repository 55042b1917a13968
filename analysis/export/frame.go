// Package export writes recorded samples for other tools: as the notebook's
// DataFrame (CSV, JSON Lines, Parquet) and as OpenMetrics.
//
// A frame's rows come in the order of time, then worker, then entity. Nodes are
// merged with one window of each in memory at a time, so memory grows with the
// number of nodes and not with the length of the recording.
package export

import (
	"cmp"
	"container/heap"
	"fmt"
	"io"
	"slices"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// NotebookColumns are the metric columns of the notebook's resource DataFrame.
var NotebookColumns = []string{"cpu_util", "memory_util", "gpu_util", "network_mbps"}

// Value is one cell. OK false is a cell without a value, never a zero.
type Value struct {
	Type  metric.Type
	Float float64
	Int   int64
	Text  string
	OK    bool
}

// Row is one row of the frame: one entity at one tick.
type Row struct {
	Time int64 // the tick, ns since the epoch, UTC
	// Offset is time_offset: seconds since the first tick of the frame, on the
	// grid of the sampling interval where all windows share one, so that workers
	// can be grouped by it. The last sample of a run, taken at shutdown between
	// two ticks, counts as the tick that it would have become.
	Offset float64
	Worker string
	Node   string
	Kind   metric.EntityKind
	ID     string
	// Interval is the real length the row covers, in seconds.
	Interval float64
	Values   []Value // one a column asked for
}

// Frame iterates over rows. Use Next until false, then Err.
type Frame struct {
	columns    []window.Field
	query      window.Query
	cursors    cursors
	origin     int64
	interval   int64 // ns; 0 where windows differ
	started    bool
	tick       int64           // the current one
	returned   map[entity]bool // who has a row at it already, to find duplicates
	row        Row
	duplicates int
	problems   []window.Problem
	err        error
}

// entity says whose a row is.
type entity struct {
	node string
	kind metric.EntityKind
	id   string
}

// NewFrame prepares the rows of the windows under paths that match q. q.Columns
// are the frame's columns, in that order.
func NewFrame(paths []string, q window.Query) (*Frame, error) {
	files, problems, err := window.Find(paths, q)
	if err != nil {
		return nil, err
	}
	f := &Frame{query: q, problems: problems}
	known, interval := describe(files)
	if f.columns, err = fields(known, q); err != nil {
		return nil, err
	}
	f.interval = int64(interval)
	byNode := map[string][]window.File{}
	for _, file := range files {
		byNode[file.Node] = append(byNode[file.Node], file)
	}
	for _, files := range byNode {
		c := &cursor{files: files}
		ok, err := f.advance(c)
		if err != nil {
			return nil, err
		}
		if ok {
			f.cursors = append(f.cursors, c)
		}
	}
	heap.Init(&f.cursors)
	return f, nil
}

// describe collects the fields of windows, and the sampling interval they
// share, or 0. A window whose metadata is damaged says so when its rows are read.
func describe(files []window.File) (known map[string]window.Field, interval time.Duration) {
	known = map[string]window.Field{}
	for _, file := range files {
		m, err := file.Meta()
		if err != nil {
			continue
		}
		for _, fd := range m.Fields {
			known[fd.Column] = fd
		}
		switch interval {
		case 0, m.Interval:
			interval = m.Interval
		default:
			interval = -1
		}
	}
	return known, max(interval, 0)
}

// fields finds the type of each column asked for. A column that no window
// knows is an empty column of floats if it is the notebook's, and an error otherwise.
func fields(known map[string]window.Field, q window.Query) ([]window.Field, error) {
	out := make([]window.Field, len(q.Columns))
	for i, name := range q.Columns {
		fd, ok := known[name]
		switch {
		case ok:
		case slices.Contains(NotebookColumns, name):
			fd = window.Field{Column: name, Type: metric.TypeFloat}
		default:
			return nil, fmt.Errorf("no window here has a column %q (see nodemeter inspect)", name)
		}
		out[i] = fd
	}
	return out, nil
}

// Columns describes the frame's columns, in the order of Row.Values.
func (f *Frame) Columns() []window.Field { return f.columns }

// Duplicates is the number of rows left out because their entity had a row for
// the same tick already (the same windows given twice).
func (f *Frame) Duplicates() int { return f.duplicates }

// Problems lists damage met so far; what survived it is in the frame.
func (f *Frame) Problems() []window.Problem { return f.problems }

// Err is the I/O error that ended the iteration, if one did.
func (f *Frame) Err() error { return f.err }

// Row is the current row, valid until the next call of Next.
func (f *Frame) Row() *Row { return &f.row }

// Next moves to the next row.
func (f *Frame) Next() bool {
	for f.err == nil && len(f.cursors) > 0 {
		c := f.cursors[0]
		row := c.rows[c.at]
		c.at++
		f.settle(c)
		if f.duplicate(row) {
			f.duplicates++
			continue
		}
		if !f.started {
			f.origin, f.started = row.Time, true
		}
		row.Offset = f.offset(row.Time)
		f.row = row
		return true
	}
	return false
}

// offset is the time since the first row, up to the next tick of the grid.
func (f *Frame) offset(t int64) float64 {
	d := t - f.origin
	if f.interval > 0 {
		d = (d + f.interval - 1) / f.interval * f.interval
	}
	return float64(d) / 1e9
}

// settle restores the heap after its first cursor moved.
func (f *Frame) settle(c *cursor) {
	if c.at == len(c.rows) {
		ok, err := f.advance(c)
		if err != nil {
			f.err = err
			return
		}
		if !ok {
			heap.Pop(&f.cursors)
			return
		}
	}
	heap.Fix(&f.cursors, 0)
}

func (f *Frame) duplicate(row Row) bool {
	if f.returned == nil || f.tick != row.Time {
		f.tick, f.returned = row.Time, make(map[entity]bool, len(f.returned))
	}
	key := entity{row.Node, row.Kind, row.ID}
	if f.returned[key] {
		return true
	}
	f.returned[key] = true
	return false
}

// advance loads the cursor's next window that has rows. Windows whose spans
// overlap (the parts of one, or the same given twice) are loaded together, so
// that their rows come in the order of time.
func (f *Frame) advance(c *cursor) (bool, error) {
	c.rows, c.at = nil, 0
	for len(c.rows) == 0 && len(c.files) > 0 {
		end := c.files[0].To
		for len(c.files) > 0 && (c.files[0].From.Before(end) || c.files[0].To.Equal(end)) {
			end = later(end, c.files[0].To)
			rows, err := f.load(c.files[0])
			if err != nil {
				return false, err
			}
			c.rows, c.files = append(c.rows, rows...), c.files[1:]
		}
		slices.SortStableFunc(c.rows, compareRows)
	}
	return len(c.rows) > 0, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// load reads one window. One that cannot be opened is a problem, not an error: the
// others are still worth having.
func (f *Frame) load(file window.File) ([]Row, error) {
	r, err := file.Open(f.query)
	if err != nil {
		f.problems = append(f.problems, unopened(file, err))
		return nil, nil
	}
	defer r.Close()
	var rows []Row
	for r.Next() {
		rows = f.appendChunk(rows, r.Chunk())
	}
	f.problems = append(f.problems, r.Problems()...)
	if err := r.Err(); err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	return rows, nil
}

func unopened(file window.File, err error) window.Problem {
	return window.Problem{File: file.Path, Offset: -1, Err: err, Lost: "the whole window"}
}

func (f *Frame) appendChunk(rows []Row, c *window.Chunk) []Row {
	cols := make([]*window.Column, len(f.columns))
	for i := range f.columns {
		cols[i] = c.Column(f.columns[i].Column)
	}
	values := make([]Value, c.Len()*len(cols))
	for i := range c.Time {
		v := values[i*len(cols) : (i+1)*len(cols) : (i+1)*len(cols)]
		for j, col := range cols {
			v[j] = valueAt(col, i)
		}
		rows = append(rows, Row{Time: c.Time[i], Worker: c.Worker, Node: c.Node, Kind: c.Kind, ID: c.ID, Interval: c.Interval[i], Values: v})
	}
	return rows
}

func valueAt(c *window.Column, i int) Value {
	if c == nil || (c.Valid != nil && !c.Valid[i]) {
		return Value{}
	}
	v := Value{Type: c.Field.Type, OK: true}
	switch c.Field.Type {
	case metric.TypeInt:
		v.Int = c.Int[i]
	case metric.TypeState:
		if s := int(c.State[i]); s < len(c.Field.States) {
			v.Text = c.Field.States[s]
		} else {
			v.OK = false
		}
	default:
		v.Float = c.Float[i]
	}
	return v
}

func compareRows(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Worker, b.Worker), cmp.Compare(a.Node, b.Node),
		cmp.Compare(a.Kind, b.Kind), compareIDs(a.ID, b.ID))
}

// compareIDs puts core 2 before core 10.
func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// cursor is one node's place: the rows of its current window, then the windows left.
type cursor struct {
	files []window.File
	rows  []Row
	at    int
}

type cursors []*cursor

func (c cursors) Len() int           { return len(c) }
func (c cursors) Less(i, j int) bool { return compareRows(c[i].rows[c[i].at], c[j].rows[c[j].at]) < 0 }
func (c cursors) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)        { *c = append(*c, x.(*cursor)) }
func (c *cursors) Pop() any {
	old := *c
	x := old[len(old)-1]
	*c = old[:len(old)-1]
	return x
}
