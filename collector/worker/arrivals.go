package worker

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// arrivals tells which process numbers were given out since it was asked last.
// The kernel gives them out in order, so that those between two readings of the
// last one are all there is to look at: a tick on which nothing was started
// costs one small file, however many processes there are.
type arrivals struct {
	files   *files
	inOrder bool // the numbers in /proc are those of our own namespace
	last    int
	largest int // after which the kernel begins again at the bottom; 0 is unknown
	primed  bool
}

// maxRange is the number of process numbers up to which trying each is cheaper
// than listing all processes.
const maxRange = 4096

func newArrivals(f *files) *arrivals {
	a := &arrivals{files: f}
	if f.root == "" {
		// A /proc of another PID namespace has other numbers than loadavg's.
		self, err := os.Readlink("/proc/self")
		a.inOrder = err == nil && self == strconv.Itoa(os.Getpid())
		if b, err := f.read(f.path("proc", "sys", "kernel", "pid_max")); err == nil {
			a.largest, _ = number(strings.TrimSpace(string(b))) // 0 where it is none: then all are listed
		}
	}
	return a
}

// next returns the numbers to look at, ascending; all says that they are every
// process there is, because it could not be told which are new.
func (a *arrivals) next() (pids []int, all bool, err error) {
	if !a.inOrder {
		pids, err = a.files.list()
		return pids, true, err
	}
	last, err := a.files.lastPID()
	if err != nil {
		return nil, false, err
	}
	from := a.last
	a.last = last
	if a.primed {
		if pids, ok := a.between(from, last); ok {
			return pids, false, nil
		}
	}
	a.primed = true
	pids, err = a.files.list()
	return pids, true, err
}

// reserved is where the kernel begins again after the largest number (RESERVED_PIDS).
const reserved = 300

// between lists the numbers given after from, up to last; ok is false when they
// are too many to try each, or it cannot be told which they are.
func (a *arrivals) between(from, last int) (pids []int, ok bool) {
	top, count := last, last-from
	if last < from {
		top, count = a.largest, a.largest-from+last-reserved+1
	}
	if count > maxRange || last < from && (a.largest < from || last < reserved) {
		return nil, false
	}
	for pid := from + 1; pid <= top; pid++ {
		pids = append(pids, pid)
	}
	for pid := reserved; last < from && pid <= last; pid++ {
		pids = append(pids, pid)
	}
	return pids, true
}

// list lists every process number in /proc, ascending.
func (f *files) list() ([]int, error) {
	path := f.path("proc")
	d, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer d.Close()
	pids, _, err := entries(d, -1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %s: %w", path, err)
	}
	slices.Sort(pids)
	return pids, nil
}

// entries reads the next few numbered entries of an open /proc, or all of the
// rest for most < 0; end says that there are no more.
func entries(d *os.File, most int) (pids []int, end bool, err error) {
	var buf [32 << 10]byte
	room := buf[:]
	if most >= 0 {
		room = buf[:max(most*entrySize, 1024)]
	}
	for {
		n, err := unix.Getdents(int(d.Fd()), room)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return pids, true, err
		}
		var names []string
		_, _, names = unix.ParseDirent(room[:n], -1, names)
		for _, name := range names {
			if pid, ok := number(name); ok {
				pids = append(pids, pid)
			}
		}
		if most >= 0 {
			return pids, false, nil
		}
	}
}

// entrySize is what a process takes in a listing: linux_dirent64 with a short name.
const entrySize = 24

// number parses a process number, and nothing that only looks like one.
func number(s string) (int, bool) {
	if s == "" || len(s) > 9 || strings.TrimLeft(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}
