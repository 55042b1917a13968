package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of one file. /proc/stat of a machine with 4096
// CPUs is below 1 MiB.
const maxFile = 16 << 20

// errEmpty: the file exists and holds nothing.
var errEmpty = errors.New("empty")

// reopenEvery is after how many reads a file is opened anew although nothing
// failed: something else may have been mounted over its name (lxcfs, a bind
// mount), which a kept descriptor cannot tell.
const reopenEvery = 256

// file is a kernel text file that is read whole, again and again, without
// allocating.
//
// On procfs and sysfs its descriptor is kept: each read from offset 0 makes the
// text anew, and a read of what is gone (an adapter unplugged, a module
// unloaded) fails. After any failure the name is opened again, once, so that
// the answer is about what bears the name now. Elsewhere (a fixture, FUSE as of
// lxcfs) a descriptor would go on showing a file that was replaced: there it is
// opened for each read.
type file struct {
	path string
	name string // path, with the NUL that the kernel wants
	// table: the kernel makes the text record by record, so that a read may
	// stop short of the end (see atEnd). Other files come in one piece.
	table bool
	buf   []byte

	kept  *os.File // owns fd between reads, and closes it when f is forgotten; nil: not open
	fd    descriptor
	reads int // since it was opened
	empty error
}

// newFile makes the file of a path; size is what its text mostly takes.
func newFile(path string, size int) file {
	return file{path: path, name: path + "\x00", buf: make([]byte, 0, size)}
}

// newTable makes a file with a line a device.
func newTable(path string) file {
	f := newFile(path, 4096)
	f.table = true
	return f
}

// read returns the file's contents, valid until the next read. A file without
// contents (errEmpty), or whose last line has no end, is an error: the kernel
// writes neither, and a number that is cut off would pass for a smaller one.
func (f *file) read() ([]byte, error) {
	if f.kept != nil && f.reads < reopenEvery {
		f.reads++
		if err := f.fill(&f.fd); err == nil {
			return f.whole()
		}
	}
	if f.kept != nil {
		_ = f.kept.Close()
		f.kept = nil
	}
	if err := f.open(); err != nil {
		return nil, &os.PathError{Op: "open", Path: f.path, Err: err}
	}
	err := f.fill(&f.fd)
	if err != nil || !f.keep() {
		_ = unix.Close(int(f.fd))
	}
	if errors.Is(err, errEmpty) {
		if f.empty == nil { // told each tick where there is no device at all
			f.empty = fmt.Errorf("%s: %w", f.path, err)
		}
		return nil, f.empty
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return f.whole()
}

func (f *file) whole() ([]byte, error) {
	if f.buf[len(f.buf)-1] != '\n' {
		return nil, fmt.Errorf("%s: cut short: the last line has no end", f.path)
	}
	return f.buf, nil
}

// open opens the file as os.Open does, without its allocations.
func (f *file) open() error {
	if strings.IndexByte(f.path, 0) >= 0 {
		return unix.EINVAL
	}
	here := unix.AT_FDCWD
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(unsafe.StringData(f.name))),
			unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
		switch errno {
		case 0:
			f.fd, f.reads = descriptor(fd), 0
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}

// keep decides about a descriptor just opened: true leaves it open.
func (f *file) keep() bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(int(f.fd), &fs) != nil || fs.Type != unix.PROC_SUPER_MAGIC && fs.Type != unix.SYSFS_MAGIC {
		return false
	}
	f.kept = os.NewFile(uintptr(f.fd), f.path)
	return true
}

// fill reads all there is into the buffer.
func (f *file) fill(h io.ReaderAt) error {
	f.buf = f.buf[:0]
	for {
		if len(f.buf) == cap(f.buf) {
			f.buf = append(f.buf, make([]byte, max(4096, cap(f.buf)))...)[:len(f.buf)]
		}
		room := f.buf[len(f.buf):cap(f.buf)]
		n, err := h.ReadAt(room, int64(len(f.buf)))
		f.buf = f.buf[:len(f.buf)+n]
		switch {
		case err != nil:
			return err // the caller names the file
		case len(f.buf) > maxFile:
			return fmt.Errorf("more than %d bytes", maxFile)
		case len(f.buf) == 0:
			return errEmpty
		case n == 0 || n < len(room) && f.atEnd(n):
			return nil
		}
	}
}

// atEnd reports whether nothing can follow a read that gave n bytes, fewer than
// it had room for. A table's read ends early when the next record does not fit
// what is left of a page (fs/seq_file.c), and records are shorter than this:
// twenty numbers of twenty digits, and a name.
func (f *file) atEnd(n int) bool {
	const page, record = 4096, 512
	return !f.table || n <= page-record
}

// descriptor is an open file. At the end it reads 0 bytes and no error.
type descriptor int

// ReadAt is one pread.
func (d *descriptor) ReadAt(p []byte, offset int64) (int, error) {
	for {
		n, err := unix.Pread(int(*d), p, offset)
		if err == nil {
			return n, nil
		}
		if err != unix.EINTR {
			return 0, err
		}
	}
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
