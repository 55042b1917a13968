package worker

import (
	"bytes"
	"fmt"
	"time"
)

// nodeFacts are the node's own figures that shares are made of.
type nodeFacts struct {
	cpus   int
	boot   time.Time
	memory int64 // MemTotal in bytes; 0 is unknown
}

// node reads what shares of the node need.
func (f *files) node() (nodeFacts, error) {
	var n nodeFacts
	path := f.path("proc", "stat")
	b, err := f.read(path)
	if err != nil {
		return n, fmt.Errorf("%s: %w", path, err)
	}
	if n.cpus, n.boot, err = parseKernelStat(b); err != nil {
		return n, fmt.Errorf("%s: %w", path, err)
	}
	path = f.path("proc", "meminfo")
	if b, err = f.read(path); err != nil {
		return n, fmt.Errorf("%s: %w", path, err)
	}
	if n.memory, err = parseMemTotal(b); err != nil {
		return n, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// parseKernelStat counts the processors and finds the time of boot.
func parseKernelStat(b []byte) (cpus int, boot time.Time, err error) {
	for line := range bytes.Lines(b) {
		switch {
		case bytes.HasPrefix(line, []byte("cpu")) && len(line) > 3 && line[3] >= '0' && line[3] <= '9':
			cpus++
		case bytes.HasPrefix(line, []byte("btime ")):
			v, err := decimal(bytes.TrimSpace(line[len("btime "):]))
			if err != nil || v > 1<<40 {
				return 0, boot, fmt.Errorf("btime: %.40q", line)
			}
			boot = time.Unix(int64(v), 0)
		}
	}
	if cpus == 0 || boot.IsZero() {
		return 0, boot, fmt.Errorf("no line of a processor, or none of btime")
	}
	return cpus, boot, nil
}

// parseMemTotal finds MemTotal, in bytes.
func parseMemTotal(b []byte) (int64, error) {
	for line := range bytes.Lines(b) {
		rest, ok := bytes.CutPrefix(line, []byte("MemTotal:"))
		if !ok {
			continue
		}
		kib, ok := bytes.CutSuffix(bytes.TrimSpace(rest), []byte(" kB"))
		v, err := decimal(kib)
		if !ok || err != nil || v == 0 || v > 1<<50 {
			break
		}
		return int64(v) << 10, nil
	}
	return 0, fmt.Errorf("no MemTotal")
}

// started is the wall-clock time at which a process began.
func (n nodeFacts) started(ticks uint64) time.Time {
	return n.boot.Add(time.Duration(ticks) * tick)
}

// tick is the grain of /proc/PID/stat: USER_HZ is 100 on every Linux ABI in use.
const tick = 10 * time.Millisecond
