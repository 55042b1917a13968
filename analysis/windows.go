package analysis

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"nodemeter/collector/window"
)

// windowSources lists the windows at the paths asked for, by node, then time.
func windowSources(o *Options) ([]source, []window.Problem, error) {
	q := o.query()
	files, problems, err := window.Find(o.Paths, q)
	if err != nil {
		return nil, nil, fmt.Errorf("find windows: %w", err)
	}
	sources := make([]source, len(files))
	pool := &sync.Pool{New: func() any { return new(window.Chunk) }}
	for i, f := range files {
		sources[i] = source{name: f.Path, bytes: f.Bytes, read: func(ctx context.Context, send func(piece) error) error {
			return readWindow(f, q, pool, send)
		}}
	}
	return sources, problems, nil
}

// readWindow sends one window. A window that cannot be opened is a problem,
// not an error: the others are still worth reading.
func readWindow(f window.File, q window.Query, pool *sync.Pool, send func(piece) error) error {
	r, err := f.Open(q)
	if err != nil {
		return send(piece{problems: []window.Problem{{File: f.Path, Offset: -1, Err: err, Lost: "the whole window"}}})
	}
	defer r.Close()
	meta := *r.Meta()
	if err := send(piece{meta: &meta}); err != nil {
		return err
	}
	for r.Next() {
		c := pool.Get().(*window.Chunk)
		copyChunk(c, r.Chunk())
		if err := send(piece{chunk: c, pool: pool}); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if p := r.Problems(); len(p) > 0 {
		return send(piece{problems: slices.Clone(p)})
	}
	return nil
}

// copyChunk copies a chunk, whose slices the reader is about to use again, into
// one that has been used before.
func copyChunk(to, from *window.Chunk) {
	old := *to
	*to = *from
	to.Time, to.Interval = append(old.Time[:0], from.Time...), append(old.Interval[:0], from.Interval...)
	to.Columns = slices.Grow(old.Columns[:0], len(from.Columns))[:len(from.Columns)]
	for i := range from.Columns {
		copyColumn(&to.Columns[i], &from.Columns[i])
	}
}

func copyColumn(to, from *window.Column) {
	to.Field = from.Field
	to.Float, to.Int, to.State = append(to.Float[:0], from.Float...), append(to.Int[:0], from.Int...), append(to.State[:0], from.State...)
	if from.Valid == nil {
		to.Valid = nil // all slots have a value
	} else {
		to.Valid = append(to.Valid[:0], from.Valid...)
	}
}
