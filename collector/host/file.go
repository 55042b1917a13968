package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"strings"
)

// maxFile bounds what is read of one file. /proc/stat of a machine with 4096
// CPUs is below 1 MiB.
const maxFile = 16 << 20

// errEmpty: the file exists and holds nothing.
var errEmpty = errors.New("empty")

// file is a kernel text file that is read whole, again and again.
type file struct {
	path string
	buf  []byte
}

// read returns the file's contents, valid until the next read. A file without
// contents (errEmpty), or whose last line has no end, is an error: the kernel
// writes neither, and a number that is cut off would pass for a smaller one.
func (f *file) read() ([]byte, error) {
	h, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if err := f.fill(h); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if f.buf[len(f.buf)-1] != '\n' {
		return nil, fmt.Errorf("%s: cut short: the last line has no end", f.path)
	}
	return f.buf, nil
}

func (f *file) fill(h io.Reader) error {
	f.buf = f.buf[:0]
	for {
		if len(f.buf) == cap(f.buf) {
			f.buf = append(f.buf, make([]byte, max(4096, cap(f.buf)))...)[:len(f.buf)]
		}
		n, err := h.Read(f.buf[len(f.buf):cap(f.buf)])
		f.buf = f.buf[:len(f.buf)+n]
		switch {
		case len(f.buf) > maxFile:
			return fmt.Errorf("more than %d bytes", maxFile)
		case errors.Is(err, io.EOF) && len(f.buf) == 0:
			return errEmpty
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			var p *os.PathError // the caller names the file
			if errors.As(err, &p) {
				return p.Err
			}
			return err
		}
	}
}

// lines yields the lines of data, numbered from 1, without their ends.
func lines(data []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for n := 1; len(data) > 0; n++ {
			line, rest, _ := bytes.Cut(data, []byte{'\n'})
			if !yield(n, line) {
				return
			}
			data = rest
		}
	}
}

// maxCounter is the largest integer a sample can hold. Only garbage is larger.
const maxCounter = math.MaxInt64

// number parses an unsigned decimal of 64 bits: no sign, no exponent, no blank.
func number(b []byte) (uint64, error) {
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%.40q is not a number", b)
		}
		d := uint64(c - '0')
		if v > (math.MaxUint64-d)/10 {
			return 0, fmt.Errorf("%.40q is too large to be a counter", b)
		}
		v = v*10 + d
	}
	if len(b) == 0 {
		return 0, errors.New("a number is missing")
	}
	return v, nil
}

// countNumbers wants blank-separated numbers up to most and nothing else, and
// says how many there are.
func countNumbers(b []byte, most uint64) (int, error) {
	n := 0
	for f := range bytes.FieldsSeq(b) {
		n++
		v, err := number(f)
		if err == nil && v > most {
			err = fmt.Errorf("%d is too large to be a counter", v)
		}
		if err != nil {
			return n, fmt.Errorf("number %d: %w", n, err)
		}
	}
	return n, nil
}

// readWord returns the only line of a small sysfs file, or "" where the file
// is absent or unreadable: attributes of a link or disk are optional.
func readWord(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// exists reports whether path, a link followed, is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
