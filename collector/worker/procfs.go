package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errGone: the process or group has ended.
var errGone = errors.New("gone")

// errDenied: the kernel does not show it to this user.
var errDenied = errors.New("not permitted")

// maxRead bounds what is read of one file. An environment or a list of
// processes beyond it is cut.
const maxRead = 1 << 20

// files reads small kernel files below a root directory. Reading a file of a
// process allocates nothing: there may be thousands a second.
type files struct {
	root string // "" is the machine itself
	buf  []byte
	name []byte // of the file being opened

	kept     map[string]*keptFile // by name
	mostKept int
	tick     uint64 // number of the current one

	listing listing
}

func newFiles(root string) *files {
	return &files{root: root, buf: make([]byte, 16<<10), name: make([]byte, 0, 256), kept: map[string]*keptFile{}, mostKept: mostKept()}
}

func (f *files) path(elem ...string) string {
	return filepath.Join(append([]string{f.root, "/"}, elem...)...)
}

func (f *files) proc(pid int, name string) string {
	return f.root + "/proc/" + strconv.Itoa(pid) + "/" + name
}

// read returns a file's contents, valid until the next read. A file that is
// gone or forbidden is errGone or errDenied.
func (f *files) read(path string) ([]byte, error) {
	f.name = append(f.name[:0], path...)
	return f.readNamed(false)
}

// readProc reads a file of a process as read does. These come whole in one read
// if there is room.
func (f *files) readProc(pid int, name string) ([]byte, error) {
	f.nameProc(pid, name)
	return f.readNamed(true)
}

func (f *files) nameProc(pid int, name string) {
	f.name = append(append(f.name[:0], f.root...), "/proc/"...)
	f.name = append(append(strconv.AppendInt(f.name, int64(pid), 10), '/'), name...)
}

// readNamed reads the file whose name is in f.name; short says that a read
// which leaves room in the buffer is the last.
func (f *files) readNamed(short bool) ([]byte, error) {
	fd, err := open(f.name)
	if err != nil {
		return nil, named(f.name, err)
	}
	defer unix.Close(fd)
	return f.fill(fd, short)
}

// fill reads an open file from its start into the buffer.
func (f *files) fill(fd int, short bool) ([]byte, error) {
	n := 0
	for n < maxRead {
		if n == len(f.buf) {
			f.buf = append(f.buf, make([]byte, len(f.buf))...)
		}
		k, err := unix.Pread(fd, f.buf[n:], int64(n))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, named(f.name, err)
		}
		if k == 0 {
			break
		}
		if n += k; short && n < len(f.buf) {
			break
		}
	}
	return f.buf[:n], nil
}

// open never waits: what a path that others chose leads to may be a pipe.
func open(path []byte) (int, error) {
	if bytes.IndexByte(path, 0) >= 0 {
		return -1, unix.EINVAL
	}
	path = append(path, 0)
	here := unix.AT_FDCWD
	for {
		// Not unix.Open, which copies the name to put a NUL at its end.
		fd, _, e := unix.Syscall6(unix.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(&path[0])),
			unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0, 0, 0)
		switch e {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		default:
			return -1, e
		}
	}
}

func named(path []byte, err error) error {
	switch err {
	case unix.ENOENT, unix.ESRCH, unix.ENODEV, unix.ENOTDIR:
		return errGone
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w", path, errDenied)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// stat reads /proc/PID/stat.
func (f *files) stat(pid int) (stat, error) {
	b, err := f.readProc(pid, "stat")
	return f.parsed(pid, b, err)
}

// statKept is stat of a process that every tick reads.
func (f *files) statKept(pid int) (stat, error) {
	b, err := f.readProcKept(pid, "stat")
	return f.parsed(pid, b, err)
}

func (f *files) parsed(pid int, b []byte, err error) (stat, error) {
	if err != nil {
		return stat{}, err
	}
	if len(b) == 0 {
		return stat{}, errGone
	}
	s, err := parseStat(b)
	if err != nil {
		return s, fmt.Errorf("%s: %w", f.proc(pid, "stat"), err)
	}
	return s, nil
}

// sharedKept reads the pages of a process, which every tick reads, that are of
// files or of shared memory: the third number of statm.
func (f *files) sharedKept(pid int) (int64, error) {
	b, err := f.readProcKept(pid, "statm")
	if err != nil {
		return 0, err
	}
	return parseShared(b)
}

func parseShared(b []byte) (int64, error) {
	n := 0
	for field := range bytes.FieldsSeq(b) {
		if n == 2 {
			return signed(field)
		}
		n++
	}
	return 0, errShort
}

// storage reads what a process, and its children that were waited for, made
// storage read and write.
func (f *files) storage(pid int) (read, written int64, err error) {
	b, err := f.readProcKept(pid, "io")
	if err != nil {
		return 0, 0, err
	}
	return parseIO(b)
}

func parseIO(b []byte) (read, written int64, err error) {
	found := 0
	for line := range bytes.Lines(b) {
		name, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		if !ok {
			continue
		}
		to := &read
		switch string(name) {
		case "read_bytes":
		case "write_bytes":
			to = &written
		default:
			continue
		}
		if *to, err = signed(value); err != nil || *to < 0 {
			return 0, 0, fmt.Errorf("%s: %.30q", name, value)
		}
		found++
	}
	if found != 2 {
		return 0, 0, errShort
	}
	return read, written, nil
}

// arguments reads a process's command line. A process may rewrite it: some
// have one string with blanks.
func (f *files) arguments(pid int) ([]string, error) {
	b, err := f.readProc(pid, "cmdline")
	return parseArguments(b), err
}

// maxArguments and maxArgument bound what is kept of a command line.
const (
	maxArguments = 256
	maxArgument  = 4096
)

func parseArguments(b []byte) []string {
	var args []string
	for arg := range bytes.SplitSeq(bytes.TrimRight(b, "\x00"), []byte{0}) {
		if len(args) == maxArguments {
			break
		}
		args = append(args, string(arg[:min(len(arg), maxArgument)]))
	}
	if len(args) == 1 && args[0] == "" {
		return nil
	}
	return args
}

// lastPID reads the process number given last, from /proc/loadavg.
func (f *files) lastPID(path string) (int, error) {
	b, err := f.read(path)
	if err != nil {
		return 0, err
	}
	n, err := parseLastPID(b)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

func parseLastPID(b []byte) (int, error) {
	b = bytes.TrimSpace(b)
	v, err := decimal(b[bytes.LastIndexByte(b, ' ')+1:])
	if err != nil || v > 1<<22 {
		return 0, fmt.Errorf("last process id in %.60q", b)
	}
	return int(v), nil
}
