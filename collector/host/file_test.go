package host

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
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

// uptime is a small file of procfs that never ends in the same figures for long.
const uptime = "/proc/uptime"

func looksLikeUptime(data []byte) bool {
	return bytes.Count(data, []byte{' '}) == 1 && bytes.Count(data, []byte{'.'}) == 2
}

func TestKernelFilesAreKeptOpen(t *testing.T) {
	f := newFile(uptime, 64)
	for i := range 3 {
		data, err := f.read()
		if err != nil || !looksLikeUptime(data) {
			t.Fatalf("read %d: %q, %v", i, data, err)
		}
		if f.kept == nil || f.reads != i {
			t.Errorf("read %d: kept %v, read %d times since it was opened", i, f.kept, f.reads)
		}
	}
}

// Elsewhere a name may come to mean another file without a sign of it.
func TestReplacedFileIsSeen(t *testing.T) {
	dir := t.TempDir()
	f := newFile(filepath.Join(dir, "f"), 64)
	for _, text := range []string{"1\n", "2\n"} {
		write(t, dir, "new", text)
		if err := os.Rename(filepath.Join(dir, "new"), f.path); err != nil {
			t.Fatal(err)
		}
		if data, err := f.read(); err != nil || string(data) != text {
			t.Errorf("%q, want %q: %v", data, text, err)
		}
	}
}

// TestBrokenDescriptorIsReplaced puts things in the descriptor's place that
// fail, or are empty, as what is gone does: the file is opened again at once.
func TestBrokenDescriptorIsReplaced(t *testing.T) {
	for _, broken := range []string{"/", "/dev/null"} {
		f := newFile(uptime, 64)
		if _, err := f.read(); err != nil {
			t.Fatal(err)
		}
		put(t, &f, broken)
		if data, err := f.read(); err != nil || !looksLikeUptime(data) {
			t.Errorf("%s instead of the file: %q, %v", broken, data, err)
		}
		if _, err := f.read(); err != nil || f.reads != 1 {
			t.Errorf("%s: not kept open again: %v", broken, err)
		}
	}
}

// put makes f's descriptor that of another file.
func put(t *testing.T, f *file, path string) {
	t.Helper()
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Dup3(int(other.Fd()), int(f.fd), unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
}

// A descriptor that goes on answering for something else, since another file
// was mounted over the name, is found out after a while.
func TestKeptFileIsOpenedAnewAfterAWhile(t *testing.T) {
	f := newFile(uptime, 64)
	if _, err := f.read(); err != nil {
		t.Fatal(err)
	}
	put(t, &f, "/proc/version")
	for i := range reopenEvery + 1 {
		data, err := f.read()
		if err != nil {
			t.Fatal(err)
		}
		if looksLikeUptime(data) != (i == reopenEvery) {
			t.Fatalf("read %d: %q", i, data)
		}
	}
}

func TestFileReadsNeitherAllocateNorLeak(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "f", "1\n")
	write(t, dir, "empty", "")
	for _, path := range []string{uptime, filepath.Join(dir, "f"), filepath.Join(dir, "empty")} {
		f := newFile(path, 64)
		tick := func() { _, _ = f.read() }
		tick()
		before := descriptors(t)
		if a := testing.AllocsPerRun(100, tick); a != 0 {
			t.Errorf("%s: %v allocations a read", path, a)
		}
		if got := descriptors(t); got > before {
			t.Errorf("%s: %d descriptors, %d before", path, got, before)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// records gives a text in pieces, as the kernel does where a record does not
// fit its page.
type records []string

func (r records) ReadAt(p []byte, offset int64) (int, error) {
	for _, piece := range r {
		if offset < int64(len(piece)) {
			return copy(p, piece[offset:]), nil
		}
		offset -= int64(len(piece))
	}
	return 0, nil
}

func TestTableIsReadToItsEnd(t *testing.T) {
	page := strings.Repeat("0123456789\n", 4090/11)
	for _, text := range []records{{page, page, "end\n"}, {page, "end\n"}, {"end\n"}} {
		f := newTable("x")
		f.buf = make([]byte, 0, 64<<10)
		if err := f.fill(text); err != nil || !bytes.HasSuffix(f.buf, []byte("end\n")) {
			t.Errorf("%d pieces: %d bytes, %v", len(text), len(f.buf), err)
		}
	}
}

func TestDigits(t *testing.T) {
	for width := range 20 {
		text := "12345678901234567890"[:width]
		for _, after := range []string{"", " ", "\n", " 5 6 7 8 9 10", ":234567890", "/2345678", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x00"} {
			v, end := digits([]byte("xx"+text+after), 2)
			if want, _ := strconv.ParseUint("0"+text, 10, 64); v != want || end != 2+width {
				t.Errorf("%q: %d to %d, want %d to %d", text+after, v, end, want, 2+width)
			}
		}
	}
	for c := range 256 {
		for at := range 8 {
			b := []byte("99999999 ")
			b[at] = byte(c)
			if _, end := digits(b, 0); (end == at) != (c < '0' || c > '9') {
				t.Errorf("%q: digits to %d", b, end)
			}
		}
	}
}
