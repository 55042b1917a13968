//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// held is what a running agent holds.
type held struct {
	ticks, sealed                float64
	resident, goroutines, fds    float64
	series, windows, bytesOnDisk float64
	dropped, sealFailures        float64
}

// holds reads the agent's own figures and its directory.
func holds(t *testing.T, a *agent) (held, error) {
	t.Helper()
	text, err := get(a.url + "/metrics")
	if err != nil {
		return held{}, err
	}
	h := held{}
	places := map[string]*float64{
		"nodemeter_ticks_total": &h.ticks, "nodemeter_windows_sealed_total": &h.sealed, "nodemeter_windows_seal_failures_total": &h.sealFailures,
		"nodemeter_windows_dropped_samples_total": &h.dropped, "process_resident_memory_bytes": &h.resident, "go_goroutines": &h.goroutines,
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(line, "#") {
			h.series++
		}
		if place := places[name]; place != nil {
			if *place, err = strconv.ParseFloat(value, 64); err != nil {
				return h, fmt.Errorf("%q: %w", line, err)
			}
		}
	}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", a.cmd.Process.Pid))
	if err != nil {
		return h, err
	}
	h.fds = float64(len(fds))
	err = filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && d.IsDir() {
			return nil
		}
		if fi, e := d.Info(); err == nil && e == nil {
			h.bytesOnDisk += float64(fi.Size())
			h.windows++
		}
		return err
	})
	return h, err
}

// TestSoak runs the agent at its shortest interval, with a window every two
// seconds and a limit that they soon reach, scraped all the while: after the
// first windows nothing grows any more.
func TestSoak(t *testing.T) {
	t.Parallel()
	const limit, windows = 1 << 20, 4
	a := startAgent(t, nil, "--interval=10ms", "--windows.width=2s", "--windows.max-bytes=1MiB", "--windows.min-free=0", "--gpu=false", "--collector.workers-discover=1s")
	reach := func(sealed float64) held {
		var h held
		eventually(t, fmt.Sprintf("%v sealed windows", sealed), func() (err error) {
			if h, err = holds(t, a); err != nil {
				return err
			}
			if h.bytesOnDisk > limit {
				return fatal{fmt.Errorf("%v bytes on disk, the limit is %v", h.bytesOnDisk, limit)}
			}
			if h.sealed < sealed {
				err = fmt.Errorf("%v windows are sealed", h.sealed)
			}
			return err
		})
		return h
	}
	warm := reach(3)
	end := reach(3 + windows)
	t.Logf("after %v ticks: %+v", warm.ticks, warm)
	t.Logf("after %v ticks: %+v", end.ticks, end)
	const mebibyte = 1 << 20
	if end.resident > warm.resident+4*mebibyte || end.goroutines > warm.goroutines+4 || end.fds > warm.fds+4 || end.series > 1.2*warm.series {
		t.Errorf("it grew from %+v\nto %+v", warm, end)
	}
	if end.dropped > 0 || end.sealFailures > 0 || end.ticks < warm.ticks+50*windows {
		t.Errorf("samples or windows were lost: %+v", end)
	}
	a.stop(t)
}
