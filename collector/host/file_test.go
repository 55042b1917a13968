package host

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

type endless struct{}

func (endless) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestFileIsBounded(t *testing.T) {
	var f file
	checkErr(t, "endless", f.fill(endless{}), "more than 16777216 bytes")
	if cap(f.buf) > 4*maxFile {
		t.Errorf("%d bytes kept", cap(f.buf))
	}
}

func TestFileErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "empty", "")
	write(t, dir, "cut", "a 1\nb 2")
	for _, c := range []struct {
		name string
		err  string
		is   error
	}{
		{"missing", "no such file", fs.ErrNotExist},
		{"empty", "empty", errEmpty},
		{"cut", "the last line has no end", nil},
		{".", "is a directory", syscall.EISDIR},
	} {
		f := newFile(filepath.Join(dir, c.name), 16)
		_, err := f.read()
		checkErr(t, c.name, err, c.err)
		checkErr(t, c.name, err, f.path)
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v is not %v", c.name, err, c.is)
		}
		if strings.Count(err.Error(), dir) != 1 {
			t.Errorf("%s: the file is named more than once: %v", c.name, err)
		}
	}
}

func TestFileIsReadAgainWithoutGrowing(t *testing.T) {
	dir := t.TempDir()
	f := newFile(filepath.Join(dir, "f"), 16)
	for _, text := range []string{strings.Repeat("long\n", 3000), "short\n", strings.Repeat("long\n", 3000)} {
		write(t, dir, "f", text)
		data, err := f.read()
		if err != nil || string(data) != text {
			t.Errorf("read %d bytes of %d, %v", len(data), len(text), err)
		}
	}
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	if _, err := f.read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		in   string
		want uint64
		err  string
	}{
		{"0", 0, ""}, {"007", 7, ""}, {"9223372036854775807", math.MaxInt64, ""},
		{"18446744073709551615", math.MaxUint64, ""}, {"18446744073709551616", 0, "too large"},
		{"", 0, "missing"}, {"-1", 0, "not a number"}, {"+1", 0, "not a number"}, {"1.0", 0, "not a number"},
		{"1 ", 0, "not a number"}, {"\x00", 0, "not a number"}, {"٣", 0, "not a number"},
	} {
		got, err := number([]byte(c.in))
		checkErr(t, c.in, err, c.err)
		if got != c.want {
			t.Errorf("%q: %d, want %d", c.in, got, c.want)
		}
	}
}
