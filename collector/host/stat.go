package host

import (
	"bytes"
	"errors"
	"fmt"
)

// minModes is how many modes every kernel since 2.6.0 writes: user to softirq.
const minModes = 7

// times is processor time per mode since boot, in jiffies (USER_HZ, 10 ms).
type times [modes]uint64

// stat is what /proc/stat says. Its memory is used again at each read.
type stat struct {
	total times
	cores []coreTimes // ascending by id
	activity
}

type coreTimes struct {
	id uint64
	times
}

// activity is what /proc/stat counts besides processor time.
type activity struct {
	switches, forks  uint64 // since boot
	running, blocked uint64 // now
}

// parseCPUs reads and checks the processor lines of /proc/stat (proc(5),
// fs/proc/stat.c): the sum, one line a core, as many numbers in each, and then
// the line intr, without which the file is cut short or a line's name is
// damaged. rest is where that line begins and n its number.
func (s *stat) parseCPUs(data []byte) (rest, n int, err error) {
	s.cores = s.cores[:0]
	width, at := 0, 0
	for n = 1; at < len(data); n++ {
		if !bytes.HasPrefix(data[at:], []byte("cpu")) {
			if len(s.cores) == 0 || string(wordAt(data, at)) != "intr" {
				return 0, 0, fmt.Errorf("line %d: %.40q, want the sum over processors, each processor, then intr", n, data[at:lineEnd(data, at)])
			}
			return at, n, nil
		}
		got, end, err := s.parseCPU(data, at, n == 1)
		if n == 1 {
			width = got
		}
		if err == nil && (got < minModes || got != width) {
			err = fmt.Errorf("%d numbers, want at least %d and as many in each line", got, minModes)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("line %d (%.40s): %w", n, wordAt(data, at), err)
		}
		at = end + 1
	}
	return 0, 0, errors.New("cut short: nothing after the processors")
}

// parseCPU reads one processor's line, at the letters cpu.
func (s *stat) parseCPU(data []byte, at int, first bool) (count, end int, err error) {
	id, stop := digits(data, at+len("cpu"))
	n := stop - at - len("cpu")
	if n > 9 || n > 1 && data[stop-n] == '0' || stop < len(data) && data[stop] != ' ' && data[stop] != '\n' {
		return 0, 0, fmt.Errorf("%.40q is not a number of a processor", wordAt(data, at+len("cpu")))
	}
	if first != (n == 0) {
		return 0, 0, errors.New("want the sum over processors first and once")
	}
	to := &s.total
	if !first {
		if k := len(s.cores); k > 0 && id <= s.cores[k-1].id {
			return 0, 0, fmt.Errorf("processor %d is there twice or out of order", id)
		}
		to = s.core(id)
	}
	count, end, err = numbers(data, stop, to[:], maxCounter)
	if count < modes {
		clear(to[count:])
	}
	return count, end, err
}

// core makes room for the times of the next core.
func (s *stat) core(id uint64) *times {
	k := len(s.cores)
	if k < cap(s.cores) {
		s.cores = s.cores[:k+1]
	} else {
		s.cores = append(s.cores, coreTimes{})
	}
	s.cores[k].id = id
	return &s.cores[k].times
}

// parseActivity reads the ctxt, processes, procs_running and procs_blocked
// lines of /proc/stat, which must be there once, from the line at on, the nth.
// The line intr, a number for each interrupt, is most of the file and only
// searched for its end.
func (a *activity) parseActivity(data []byte, at, n int) error {
	*a = activity{}
	var found [len(activityKeys)]bool
	for ; at < len(data); n++ {
		end := lineEnd(data, at)
		if i, to := a.field(data[at:end]); to != nil {
			v, err := number(data[min(at+len(activityKeys[i])+1, end):end])
			if err == nil && v > maxCounter {
				err = fmt.Errorf("%d is too large to be a counter", v)
			}
			if err == nil && found[i] {
				err = errors.New("is there twice")
			}
			if err != nil {
				*a = activity{}
				return fmt.Errorf("line %d (%s): %w", n, activityKeys[i], err)
			}
			*to, found[i] = v, true
		}
		at = end + 1
	}
	for i, key := range activityKeys {
		if !found[i] {
			*a = activity{}
			return fmt.Errorf("no %s line", key)
		}
	}
	return nil
}

// The lines of activity, in the order of its fields.
var activityKeys = [...]string{"ctxt", "processes", "procs_running", "procs_blocked"}

// field says which of them a line is, and where its number goes.
func (a *activity) field(line []byte) (int, *uint64) {
	switch string(wordAt(line[:min(len(line), 16)], 0)) {
	case "ctxt":
		return 0, &a.switches
	case "processes":
		return 1, &a.forks
	case "procs_running":
		return 2, &a.running
	case "procs_blocked":
		return 3, &a.blocked
	}
	return 0, nil
}
