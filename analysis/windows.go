package analysis

import (
	"context"
	"fmt"
	"slices"

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
	for i, f := range files {
		sources[i] = source{name: f.Path, bytes: f.Bytes, read: func(ctx context.Context, send func(piece) error) error {
			return readWindow(f, q, send)
		}}
	}
	return sources, problems, nil
}

// readWindow sends one window. A window that cannot be opened is a problem,
// not an error: the others are still worth reading.
func readWindow(f window.File, q window.Query, send func(piece) error) error {
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
		if err := send(piece{chunk: cloneChunk(r.Chunk())}); err != nil {
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

// cloneChunk copies a chunk, whose slices the reader is about to use again.
func cloneChunk(c *window.Chunk) *window.Chunk {
	out := *c
	out.Time, out.Interval = slices.Clone(c.Time), slices.Clone(c.Interval)
	out.Columns = make([]window.Column, len(c.Columns))
	for i := range c.Columns {
		from := &c.Columns[i]
		out.Columns[i] = window.Column{Field: from.Field, Float: slices.Clone(from.Float), Int: slices.Clone(from.Int), State: slices.Clone(from.State), Valid: slices.Clone(from.Valid)}
	}
	return &out
}
