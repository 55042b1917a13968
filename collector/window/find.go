package window

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// File is one window on disk, sealed or open, found and not yet read.
type File struct {
	Path     string
	Node     string
	From, To time.Time // span of the window
	Sealed   bool
	Bytes    int64
	part     int
}

// Find lists the windows in directories (any level of the Hive layout) and
// single files, narrowed by the query's nodes and times, ordered by node, time
// and part. A sealed file hides the journal it was made of. What is not a window or
// cannot be read is a problem; an error is a path that does not exist.
func Find(paths []string, q Query) ([]File, []Problem, error) {
	var all []File
	var problems []Problem
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return nil, nil, err
		}
		if !st.IsDir() {
			f, err := fileAt(p, st.Size())
			if err != nil {
				problems = append(problems, Problem{File: p, Offset: -1, Err: err, Lost: "the whole file"})
				continue
			}
			all = append(all, f)
			continue
		}
		files, bad, err := findIn(p)
		if err != nil {
			return nil, nil, err
		}
		all, problems = append(all, files...), append(problems, bad...)
	}
	all = slices.DeleteFunc(all, func(f File) bool { return !q.overlaps(f) })
	slices.SortStableFunc(all, func(a, b File) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), a.From.Compare(b.From), cmp.Compare(a.part, b.part), cmp.Compare(a.Path, b.Path))
	})
	return hideJournals(all), problems, nil
}

func (q Query) overlaps(f File) bool {
	return q.node(f.Node) && (q.From.IsZero() || f.To.After(q.From)) && (q.To.IsZero() || f.From.Before(q.To))
}

func findIn(root string) (files []File, problems []Problem, err error) {
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // retention at work beside us
			}
			problems = append(problems, Problem{File: p, Offset: -1, Err: err, Lost: "everything in it"})
			return nil
		}
		ext := filepath.Ext(p)
		if !d.Type().IsRegular() || ext != extSealed && ext != extJournal {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		f, err := fileAt(p, info.Size())
		if err != nil {
			problems = append(problems, Problem{File: p, Offset: -1, Err: err, Lost: "the whole file"})
			return nil
		}
		files = append(files, f)
		return nil
	})
	return files, problems, err
}

// fileAt tells a window by its name and directory or, where they do not say
// it, by its metadata.
func fileAt(path string, size int64) (File, error) {
	f := File{Path: path, Bytes: size, Sealed: filepath.Ext(path) != extJournal}
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	if s, _, ok := parseName(filepath.Base(path)); ok {
		if f.Node = nodeOf(abs); f.Node != "" {
			f.From, f.To, f.part = s.from, s.to(), s.part
			return f, nil
		}
		f.part = s.part
	}
	m, err := f.Meta()
	if err != nil {
		return f, err
	}
	f.Node, f.From, f.To = m.Node, m.From, m.To
	return f, nil
}

// hideJournals drops what is listed twice, and journals whose sealed file is there too.
func hideJournals(files []File) []File {
	have := map[string]bool{}
	for _, f := range files {
		if f.Sealed {
			have[f.Path] = true
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(files, func(f File) bool {
		gone := seen[f.Path] || !f.Sealed && have[sibling(f.Path, extSealed)]
		seen[f.Path] = true
		return gone
	})
}

// Meta reads what the window says about itself and none of its rows (an open
// window has to be walked for it).
func (f File) Meta() (Meta, error) {
	r, err := f.Open(Query{})
	if err != nil {
		return Meta{}, err
	}
	defer r.Close()
	return *r.Meta(), nil
}

// String names the window for people.
func (f File) String() string {
	state := "open"
	if f.Sealed {
		state = "sealed"
	}
	return fmt.Sprintf("%s %s-%s (%s)", f.Node, f.From.Format("2006-01-02 15:04"), strings.TrimPrefix(f.To.Format("15:04"), " "), state)
}
