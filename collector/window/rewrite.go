package window

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nodemeter/collector/metric"
)

// Rewritten says what Rewrite made.
type Rewritten struct {
	Path     string // "" when nothing was left to write
	Rows     int
	Bytes    int64
	Problems []Problem // damage met on the way
}

// Rewrite copies what a query selects of a window to a sealed window of the
// same name below dir, in the Hive layout. Damaged parts are left out; the copy's
// metadata says so in an event. It never overwrites a file.
func Rewrite(f File, q Query, dir string) (Rewritten, error) {
	var out Rewritten
	first, err := f.Open(q)
	if err != nil {
		return out, err
	}
	defer first.Close()
	meta := *first.Meta()
	cov := scanCoverage(first)
	out.Problems = first.Problems()
	if cov.Samples == 0 {
		return out, nil
	}
	meta.Events = eventsWithin(meta.Events, q)
	meta.Events = append(meta.Events, lostEvents(out.Problems, cov.Last)...)
	path, err := rewritePath(f, &meta, dir)
	if err != nil {
		return out, err
	}
	second, err := f.Open(q)
	if err != nil {
		return out, err
	}
	defer second.Close()
	err = writeWindow(path, &meta, cov, 0, func(w *sealedWriter) error {
		for second.Next() {
			if err := w.write(second.Chunk()); err != nil {
				return err
			}
			out.Rows += second.Chunk().Len()
		}
		return second.Err()
	})
	if err != nil {
		return out, fmt.Errorf("write %s: %w", path, err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return out, err
	}
	out.Path, out.Bytes = path, st.Size()
	return out, nil
}

// rewritePath is where a copy goes: under the name of the original or, when that
// says nothing, under one made of the metadata.
func rewritePath(f File, meta *Meta, dir string) (string, error) {
	slot, _, ok := parseName(filepath.Base(f.Path))
	if !ok {
		slot = slotName{from: meta.From, width: meta.To.Sub(meta.From), part: 1}
	}
	path := filepath.Join(dir, nodeDir(meta.Node), slot.dir(), slot.base()+extSealed)
	if exists(path) {
		return "", fmt.Errorf("%s is there already: give an empty directory", path)
	}
	return path, os.MkdirAll(filepath.Dir(path), 0o755)
}

// scanCoverage walks a window for the figures that its copy's metadata states.
func scanCoverage(r *Reader) coverage {
	var cov coverage
	node := map[int64]bool{}
	for r.Next() {
		c := r.Chunk()
		for i, t := range c.Time {
			if at := unixNano(t); cov.First.IsZero() || at.Before(cov.First) {
				cov.First = at
			}
			if at := unixNano(t); at.After(cov.Last) {
				cov.Last = at
			}
			if !node[t] {
				node[t] = true
				cov.Samples++
				cov.Covered += c.Interval[i]
			}
		}
	}
	return cov
}

func eventsWithin(events []metric.Event, q Query) (out []metric.Event) {
	for _, e := range events {
		if (q.From.IsZero() || !e.Time.Before(q.From)) && (q.To.IsZero() || e.Time.Before(q.To)) {
			out = append(out, e)
		}
	}
	return out
}

// lostEvents is what a copy's metadata says about the damage of its original.
func lostEvents(problems []Problem, at time.Time) []metric.Event {
	lost := 0
	e := metric.Event{Kind: metric.EventRecovered, Time: at}
	for _, p := range problems {
		if p.Lost == "" {
			continue
		}
		if lost++; lost <= 5 {
			e.Detail += fmt.Sprintf("byte %d: %s; ", p.Offset, p.Lost)
		}
	}
	if lost == 0 {
		return nil
	}
	if lost > 5 {
		e.Detail += fmt.Sprintf("and %d more", lost-5)
	}
	e.Count = int64(lost)
	return []metric.Event{e}
}

// ColumnSize is how many bytes one column takes in a sealed window.
type ColumnSize struct {
	Column string
	Bytes  int64
	Values int64 // that are not absent
}

// ColumnSizes returns the size of each column of a sealed window, in file order.
func (f File) ColumnSizes() ([]ColumnSize, error) {
	if !f.Sealed {
		return nil, errors.New("an open window is not kept in columns")
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	ft, err := readFooter(file, st.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	sizes := make([]ColumnSize, len(ft.columns))
	for i, c := range ft.columns {
		sizes[i].Column = c.name
		for _, g := range ft.groups {
			sizes[i].Bytes += g.chunks[i].size
			sizes[i].Values += g.chunks[i].values - max(0, g.chunks[i].nulls)
		}
	}
	return sizes, nil
}

// Replace puts a rewritten window in the place of a damaged one and returns
// the path it has now. The damaged file is kept beside it as _NAME.damaged.
func Replace(f File, rewritten string) (string, error) {
	dir := filepath.Dir(f.Path)
	path := filepath.Join(dir, filepath.Base(rewritten))
	kept := filepath.Join(dir, "_"+strings.TrimPrefix(filepath.Base(f.Path), "_")+".damaged")
	if exists(kept) {
		return "", fmt.Errorf("%s is there already: move it away first", kept)
	}
	if path != f.Path && exists(path) {
		return "", fmt.Errorf("%s is there already", path)
	}
	for _, mv := range [][2]string{{f.Path, kept}, {sibling(rewritten, extManifest), sibling(path, extManifest)}, {rewritten, path}} {
		if err := os.Rename(mv[0], mv[1]); err != nil {
			return "", err
		}
	}
	return path, syncDir(dir)
}
