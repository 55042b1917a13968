package host

import (
	"bytes"
	"errors"
	"fmt"
)

// minModes is how many modes every kernel since 2.6.0 writes: user to softirq.
const minModes = 7

// checkCPULines checks the processor lines of /proc/stat (proc(5),
// fs/proc/stat.c): the sum, one line a core, as many numbers in each, and then
// the line intr, without which the file is cut short or a line's name is damaged.
func checkCPULines(data []byte) error {
	width, next := 0, uint64(0) // numbers a line; the least number of the next core
	for n, line := range lines(data) {
		name, rest, _ := bytes.Cut(line, []byte{' '})
		core, isCPU := bytes.CutPrefix(name, []byte("cpu"))
		if !isCPU {
			if next == 0 || string(name) != "intr" {
				return fmt.Errorf("line %d: %.40q, want the sum over processors, each processor, then intr", n, line)
			}
			return nil
		}
		if n == 1 != (len(core) == 0) {
			return fmt.Errorf("line %d: %.40q, want the sum over processors first and once", n, line)
		}
		got, err := countNumbers(rest, maxCounter)
		if n == 1 {
			width = got
		} else if err == nil {
			next, err = inOrder(core, next)
		}
		if err == nil && (got < minModes || got != width) {
			err = fmt.Errorf("%d numbers, want at least %d and as many in each line", got, minModes)
		}
		if err != nil {
			return fmt.Errorf("line %d (%.40s): %w", n, name, err)
		}
	}
	return errors.New("cut short: nothing after the processors")
}

// inOrder wants a core's number that is at least least, and returns the next.
func inOrder(core []byte, least uint64) (uint64, error) {
	id, err := number(core)
	if err == nil && id < least {
		err = fmt.Errorf("processor %d is there twice or out of order", id)
	}
	return id + 1, err
}

// activity is what /proc/stat counts besides processor time.
type activity struct {
	switches, forks  uint64 // since boot
	running, blocked uint64 // now
}

// parseActivity reads the ctxt, processes, procs_running and procs_blocked
// lines of /proc/stat; each must be there once.
func parseActivity(data []byte) (activity, error) {
	var a activity
	wanted := []struct {
		key string
		to  *uint64
	}{{"ctxt", &a.switches}, {"processes", &a.forks}, {"procs_running", &a.running}, {"procs_blocked", &a.blocked}}
	found := [4]bool{}
	for n, line := range lines(data) {
		key, rest, _ := bytes.Cut(line, []byte{' '})
		for i, w := range wanted {
			if string(key) != w.key {
				continue
			}
			v, err := number(rest)
			if err == nil && v > maxCounter {
				err = fmt.Errorf("%d is too large to be a counter", v)
			}
			if err == nil && found[i] {
				err = errors.New("is there twice")
			}
			if err != nil {
				return activity{}, fmt.Errorf("line %d (%s): %w", n, w.key, err)
			}
			*w.to, found[i] = v, true
		}
	}
	for i, w := range wanted {
		if !found[i] {
			return activity{}, fmt.Errorf("no %s line", w.key)
		}
	}
	return a, nil
}
