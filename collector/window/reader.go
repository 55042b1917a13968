package window

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Reader streams chunks out of one window or of many, one after another. It
// belongs to one goroutine; several readers may work side by side.
type Reader struct {
	query    Query
	files    []File // still to be opened
	file     *os.File
	meta     Meta
	next     func() (*Chunk, error)
	chunk    *Chunk
	problems []Problem
	err      error
	buf      []byte
	sealed   sealedChunks // its buffers serve one window after another
}

// Open reads all windows that Find finds, by node and then by time. Windows that
// cannot be read at all are problems; an error is a path that does not exist.
func Open(paths []string, q Query) (*Reader, error) {
	files, problems, err := Find(paths, q)
	if err != nil {
		return nil, err
	}
	return &Reader{query: q, files: files, problems: problems}, nil
}

// Open reads one window. It fails when the file cannot be opened, is no window,
// is of a newer major version, or is damaged where everything depends on it.
func (f File) Open(q Query) (*Reader, error) {
	r := &Reader{query: q}
	if err := r.open(f); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Reader) open(f File) error {
	file, err := os.Open(f.Path)
	if errors.Is(err, fs.ErrNotExist) && !f.Sealed {
		f.Path, f.Sealed = sibling(f.Path, extSealed), true // sealed since it was found
		file, err = os.Open(f.Path)
	}
	if err != nil {
		return err
	}
	st, err := file.Stat()
	if err == nil {
		if f.Sealed {
			err = r.openSealed(f.Path, file, st.Size())
		} else {
			err = r.openJournal(f.Path, file, st.Size())
		}
	}
	if err != nil {
		file.Close()
		return err
	}
	r.file = file
	return nil
}

func (r *Reader) openJournal(path string, file *os.File, size int64) error {
	j, err := openJournal(path, file, size)
	if err != nil {
		return err
	}
	r.meta = j.meta()
	if j.torn && beingRecorded(path) {
		j.problems = j.problems[:len(j.problems)-1] // a sample is just being written
	}
	r.problems = append(r.problems, j.problems...)
	chunks := newJournalChunks(j, r.query)
	r.next = func() (*Chunk, error) {
		b, err := chunks.next()
		if b == nil {
			return nil, err
		}
		return &b.chunk, err
	}
	return nil
}

func (r *Reader) openSealed(path string, file *os.File, size int64) error {
	s, err := openSealed(path, file, size, &r.buf)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	chunks := &r.sealed
	if err := chunks.start(s, r.query); err != nil {
		return err
	}
	r.meta = s.meta
	r.problems, s.problems = append(r.problems, s.problems...), nil
	r.next = func() (*Chunk, error) {
		c := chunks.next()
		r.problems, s.problems = append(r.problems, s.problems...), nil
		return c, nil
	}
	return nil
}

// Next advances to the next chunk and reports whether there is one.
func (r *Reader) Next() bool {
	for r.err == nil {
		if r.next == nil {
			if len(r.files) == 0 {
				return false
			}
			f := r.files[0]
			r.files = r.files[1:]
			if err := r.open(f); err != nil {
				r.problems = append(r.problems, Problem{File: f.Path, Offset: -1, Err: err, Lost: "the whole window"})
			}
			continue
		}
		c, err := r.next()
		if err != nil {
			r.err = fmt.Errorf("read %s: %w", r.file.Name(), err)
		}
		if c != nil {
			r.chunk = c
			return true
		}
		r.closeFile()
	}
	return false
}

// Chunk is the current chunk. It is valid until the next call of Next.
func (r *Reader) Chunk() *Chunk { return r.chunk }

// Meta is what the current window says about itself.
func (r *Reader) Meta() *Meta { return &r.meta }

// Problems is the damage met so far.
func (r *Reader) Problems() []Problem { return r.problems }

// Err is what ended reading early, or nil: a file system that does not answer,
// never a damaged window.
func (r *Reader) Err() error { return r.err }

func (r *Reader) closeFile() {
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.next = nil, nil
}

// Close releases the file being read.
func (r *Reader) Close() error {
	r.closeFile()
	r.files = nil
	return nil
}
