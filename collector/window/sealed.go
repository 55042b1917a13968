package window

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"slices"
)

// sealed is a window's Parquet file as its readers see it: checked against its
// manifest before a single value is decoded.
type sealed struct {
	path     string
	r        io.ReaderAt
	size     int64
	data     []byte // the whole file, where it is read in one piece
	footer   *footer
	meta     Meta
	coverage coverage
	fields   map[string]*Field
	problems []Problem
	// proved is whether the file's SHA-256 is the manifest's, so that
	// statistics may be believed.
	proved bool
	bad    []span // damaged bytes
}

// ErrNoManifest is the problem of a sealed window that was copied without its
// manifest: nothing is known to be wrong with it.
var ErrNoManifest = errors.New("there is no manifest beside it: only page checksums could be verified")

// span is the bytes [from,to) of a file.
type span struct{ from, to int64 }

// inMemory is the size up to which a sealed window is read in one piece: the
// hash and all columns then cost one read.
const inMemory = 32 << 20

// openSealed checks a sealed window against its manifest and reads its metadata.
//
// buf is memory to read it into, kept from one window to the next.
func openSealed(path string, file io.ReaderAt, size int64, buf *[]byte) (*sealed, error) {
	s := &sealed{path: path, r: file, size: size, fields: map[string]*Field{}}
	if size <= inMemory {
		*buf = slices.Grow((*buf)[:0], 1<<bits.Len64(uint64(size)))[:size] // the next one is a little larger or smaller
		b := *buf
		if _, err := io.ReadFull(io.NewSectionReader(file, 0, size), b); err != nil {
			return nil, err
		}
		s.r, s.data = bytes.NewReader(b), b
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	var err error
	if s.footer, err = readFooter(s.r, size); err != nil {
		return nil, err
	}
	if sp, bad := s.damaged(s.footer.offset, size-s.footer.offset); bad {
		return nil, fmt.Errorf("bytes %d-%d are damaged, and with them the footer that everything depends on", sp.from, sp.to)
	}
	lookup := func(key string) (string, bool) { v, ok := s.footer.meta[key]; return v, ok }
	if s.meta, s.coverage, err = decodeMeta(lookup); err != nil {
		return nil, err
	}
	for i := range s.meta.Fields {
		s.fields[s.meta.Fields[i].Column] = &s.meta.Fields[i]
	}
	return s, nil
}

func (s *sealed) problem(offset int64, err error, lost string) {
	if len(s.problems) < maxProblems {
		s.problems = append(s.problems, Problem{File: s.path, Offset: offset, Err: err, Lost: lost})
	}
}

// check compares the file with its manifest. Only an error of the file system
// is an error; a missing or a damaged manifest is a problem with nothing lost,
// since each page has a checksum of its own.
func (s *sealed) check() error {
	text, err := os.ReadFile(sibling(s.path, extManifest))
	if errors.Is(err, fs.ErrNotExist) {
		s.problem(-1, ErrNoManifest, "")
		return nil
	}
	if err != nil {
		return err
	}
	m, err := parseManifest(text)
	if err != nil {
		s.problem(-1, fmt.Errorf("%w: only page checksums could be verified", err), "")
		return nil
	}
	if m.bytes != s.size {
		s.problem(min(m.bytes, s.size), fmt.Errorf("the file has %d bytes, the manifest says %d", s.size, m.bytes), "")
		return nil
	}
	return s.compare(m)
}

// compare finds the blocks that differ from what was written.
func (s *sealed) compare(m *manifest) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(s.r, 0, s.size)); err != nil {
		return err
	}
	if [sha256.Size]byte(sum.Sum(nil)) == m.sha256 {
		s.proved = true
		return nil
	}
	block := make([]byte, m.block)
	for i, want := range m.crcs {
		at := int64(i) * m.block
		b := block[:min(m.block, s.size-at)]
		if _, err := s.r.ReadAt(b, at); err != nil && err != io.EOF {
			return err
		}
		if crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) != want {
			s.bad = append(s.bad, span{at, at + int64(len(b))})
		}
	}
	if len(s.bad) > 0 && s.data != nil {
		if fixed, ok := correct(s.data, m, s.bad); ok {
			for _, at := range fixed {
				s.problems = append(s.problems, corrected(s.path, at))
			}
			s.bad, s.proved = nil, true
			return nil
		}
	}
	if len(s.bad) == 0 {
		s.problem(-1, errors.New("the manifest's SHA-256 does not match, but every block does: the manifest is damaged"), "")
	}
	return nil
}

// damaged returns the first damaged stretch that overlaps some bytes.
func (s *sealed) damaged(offset, size int64) (span, bool) {
	for _, b := range s.bad {
		if b.from < offset+size && b.to > offset {
			return b, true
		}
	}
	return span{}, false
}
