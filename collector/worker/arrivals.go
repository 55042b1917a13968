package worker

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// arrivals tells which process numbers were given out since it was asked last.
// The kernel gives them out in order, so that those between two readings of the
// last one are all there is to look at: a tick on which nothing was started
// costs one small file, however many processes there are.
type arrivals struct {
	files   *files
	loadavg string
	inOrder bool // the numbers in /proc are those of our own namespace
	last    int
	largest int // after which the kernel begins again at the bottom; 0 is unknown
	primed  bool
	pids    []int // returned last
}

// maxRange is the number of process numbers up to which trying each is cheaper
// than listing all processes.
const maxRange = 4096

func newArrivals(f *files) *arrivals {
	a := &arrivals{files: f, loadavg: f.path("proc", "loadavg")}
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

// next returns the numbers to look at, ascending, valid until the next call; all says that they are every
// process there is, because it could not be told which are new.
func (a *arrivals) next() (pids []int, all bool, err error) {
	if !a.inOrder {
		pids, err = a.list()
		return pids, true, err
	}
	last, err := a.files.lastPID(a.loadavg)
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
	pids, err = a.list()
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
	a.pids = a.pids[:0]
	for pid := from + 1; pid <= top; pid++ {
		a.pids = append(a.pids, pid)
	}
	for pid := reserved; last < from && pid <= last; pid++ {
		a.pids = append(a.pids, pid)
	}
	return a.pids, true
}

// list lists every process number in /proc, ascending.
func (a *arrivals) list() ([]int, error) {
	a.pids = a.pids[:0]
	path := a.files.path("proc")
	err := a.files.listing.all([]byte(path), func(name []byte, _ bool) {
		if pid, ok := number(name); ok {
			a.pids = append(a.pids, pid)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	slices.Sort(a.pids)
	return a.pids, nil
}
