package worker

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// sighting is what is remembered of a process that belongs to nobody.
type sighting struct {
	ppid   int
	start  uint64
	round  uint32 // of the sweep that saw it last
	kernel bool   // a thread of the kernel's, which never becomes a program
}

// sight knows the processes of the node without reading them again and again.
type sight struct {
	files    *files
	arrivals *arrivals
	known    map[int]sighting
	queue    []int // to be looked at in the next discovery
	again    []int // looked at once: a process may have been about to become another program
	sweeping int   // an open /proc, of which a part is read at a time; -1 between two sweeps
	swept    []int
	round    uint32
	hidden   bool // other users' processes are not shown (hidepid)
	st       stat // of the process being looked at

	proc []byte // the directory
	init string // a file of its first process
}

func newSight(f *files) *sight {
	return &sight{files: f, arrivals: newArrivals(f), known: map[int]sighting{}, sweeping: -1,
		proc: []byte(f.path("proc")), init: f.path("proc", "1", "stat")}
}

// news reads the processes that began since the call before and calls add for
// each, parents first; before says that they may have been there already. What
// add is given is valid during the call.
func (s *sight) news(add func(st *stat, before bool)) error {
	pids, all, err := s.arrivals.next()
	for _, pid := range pids {
		if k, seen := s.known[pid]; all && seen {
			k.kernel = false // the number may have been given to another, which the sweep finds
			s.known[pid] = k
			continue
		}
		if !s.meet(pid) || s.st.kernelThread {
			continue // gone again, or hidden, which look reports
		}
		s.queue = append(s.queue, pid)
		add(&s.st, all)
	}
	return err
}

// knows reports whether a process was seen.
func (s *sight) knows(pid int) bool {
	_, ok := s.known[pid]
	return ok
}

// meet reads a process into st and remembers it.
func (s *sight) meet(pid int) bool {
	var err error
	if s.st, err = s.files.stat(pid); err != nil || s.st.isThread {
		delete(s.known, pid)
		return false
	}
	s.known[pid] = sighting{ppid: s.st.ppid, start: s.st.start, round: s.round, kernel: s.st.kernelThread}
	return true
}

// look calls examine for the processes that are due to be looked at.
func (s *sight) look(examine func(st *stat)) error {
	err := s.sweep()
	for _, due := range [...][]int{s.again, s.queue, s.swept} {
		for _, pid := range due {
			if s.meet(pid) && !s.st.kernelThread {
				examine(&s.st)
			}
		}
	}
	s.again, s.queue = s.queue, s.again[:0]
	s.checkHidden()
	return err
}

// The number of entries of /proc that are looked at in a discovery, at least
// and at most, besides what is new: a process may have become another program
// long after it began.
const (
	leastSwept = 16
	mostSwept  = 64
	sweepPart  = 64 // and between the two this part of all
	entrySize  = 24 // what a process takes in a listing: linux_dirent64 with a short name
)

// sweep finds the next few processes of /proc that are to be looked at again.
func (s *sight) sweep() error {
	s.swept = s.swept[:0]
	if s.sweeping < 0 {
		fd, err := open(s.proc)
		if err != nil {
			return fmt.Errorf("list processes: %w", err)
		}
		s.sweeping = fd
		s.round++
	}
	most := min(max(len(s.known)/sweepPart, leastSwept), mostSwept)
	end, err := s.files.listing.next(s.sweeping, most*entrySize, func(name []byte, _ bool) {
		pid, ok := number(name)
		if !ok {
			return
		}
		if k, seen := s.known[pid]; seen && k.kernel {
			k.round = s.round
			s.known[pid] = k
			return
		}
		s.swept = append(s.swept, pid)
	})
	if end {
		unix.Close(s.sweeping)
		s.sweeping = -1
		s.forget()
	}
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	return nil
}

// forget drops what two sweeps in a row have not seen.
func (s *sight) forget() {
	for pid, k := range s.known {
		if k.round+1 < s.round {
			delete(s.known, pid)
		}
	}
}

// checkHidden finds out whether the first process, which is always there and
// somebody else's, can be read.
func (s *sight) checkHidden() {
	err := unix.Access(s.init, unix.R_OK)
	s.hidden = err != nil && !errors.Is(err, unix.ENOSYS)
}

// descendants lists the processes known to descend from pid, nearest first.
func (s *sight) descendants(pid int) []int {
	children := map[int][]int{}
	for p, k := range s.known {
		children[k.ppid] = append(children[k.ppid], p)
	}
	out := []int{pid}
	for i := 0; i < len(out) && i < len(s.known)+1; i++ {
		out = append(out, children[out[i]]...)
	}
	return out[1:]
}

// drop forgets everything, for a Source that looks for nothing more.
func (s *sight) drop() {
	s.queue, s.again = nil, nil
	clear(s.known)
}
