package worker

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// sighting is what is remembered of a process that belongs to nobody.
type sighting struct {
	ppid  int
	start uint64
	round uint32 // of the sweep that saw it last
}

// sight knows the processes of the node without reading them again and again.
type sight struct {
	files    *files
	arrivals *arrivals
	known    map[int]sighting
	queue    []int    // to be looked at in the next discovery
	again    []int    // looked at once: a process may have been about to become another program
	sweeping *os.File // an open /proc, of which a part is read at a time
	round    uint32
	hidden   bool // other users' processes are not shown (hidepid)
}

func newSight(f *files) *sight {
	return &sight{files: f, arrivals: newArrivals(f), known: map[int]sighting{}}
}

// news reads the processes that began since the call before and calls add for
// each, parents first; before says that they may have been there already.
func (s *sight) news(add func(st *stat, before bool)) error {
	pids, all, err := s.arrivals.next()
	for _, pid := range pids {
		if all {
			if _, seen := s.known[pid]; seen {
				continue
			}
		}
		st, err := s.meet(pid)
		if err != nil || st.isThread || st.kernelThread {
			continue // gone again, or hidden, which look reports
		}
		add(&st, all)
	}
	return err
}

// meet reads a process that is new.
func (s *sight) meet(pid int) (stat, error) {
	st, err := s.files.stat(pid)
	if err != nil || st.isThread {
		return st, err
	}
	s.known[pid] = sighting{ppid: st.ppid, start: st.start, round: s.round}
	if !st.kernelThread {
		s.queue = append(s.queue, pid)
	}
	return st, nil
}

// sweepSize is how many of the processes that are known already are looked at in
// a discovery: one may have become another program long after it began.
const sweepSize = 64

// look calls examine for the processes that are due to be looked at.
func (s *sight) look(examine func(st *stat)) error {
	due := append(s.again, s.queue...)
	s.again, s.queue = s.queue, nil
	swept, err := s.sweep()
	for _, pid := range append(due, swept...) {
		st, err := s.files.stat(pid)
		if err != nil || st.isThread {
			delete(s.known, pid)
			continue
		}
		s.known[pid] = sighting{ppid: st.ppid, start: st.start, round: s.round}
		if !st.kernelThread {
			examine(&st)
		}
	}
	s.checkHidden()
	return err
}

// sweep returns the next few processes of /proc.
func (s *sight) sweep() ([]int, error) {
	if s.sweeping == nil {
		d, err := os.Open(s.files.path("proc"))
		if err != nil {
			return nil, fmt.Errorf("list processes: %w", err)
		}
		s.sweeping = d
		s.round++
	}
	pids, end, err := entries(s.sweeping, sweepSize)
	if end {
		s.sweeping.Close()
		s.sweeping = nil
		s.forget()
	}
	if err != nil {
		return pids, fmt.Errorf("list processes: %w", err)
	}
	return pids, nil
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
	err := unix.Access(s.files.path("proc", "1", "stat"), unix.R_OK)
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
