package host

import (
	"bytes"
	"errors"
	"fmt"
)

// checkCPULines checks the processor lines of /proc/stat (proc(5)): the sum,
// then one line a core, each with at least the seven numbers every supported
// kernel writes, then the rest of the file, without which the file is cut short.
func checkCPULines(data []byte) error {
	seen := map[string]bool{}
	for n, line := range lines(data) {
		name, rest, _ := bytes.Cut(line, []byte{' '})
		core, isCPU := bytes.CutPrefix(name, []byte("cpu"))
		switch {
		case n == 1 && string(name) != "cpu":
			return fmt.Errorf(`line 1: %.40q, want the sum over processors ("cpu ...")`, line)
		case !isCPU && len(seen) < 2:
			return fmt.Errorf("line %d: no line of a single processor", n)
		case !isCPU:
			if !bytes.Contains(data, []byte("\nctxt ")) {
				return errors.New("cut short: no ctxt line")
			}
			return nil
		case seen[string(core)]:
			return fmt.Errorf("line %d: %q is there twice", n, name)
		}
		if _, err := number(core); err != nil && n > 1 {
			return fmt.Errorf("line %d: %.40q is not a processor", n, name)
		}
		if err := checkNumbers(rest, 7); err != nil {
			return fmt.Errorf("line %d (%s): %w", n, name, err)
		}
		seen[string(core)] = true
	}
	return errors.New("cut short: nothing after the processors")
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
