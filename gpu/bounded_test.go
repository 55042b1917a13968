//go:build cgo

package gpu_test

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// figure is a number of /proc/PID/status: Threads, or VmRSS in KiB.
func figure(t *testing.T, pid int, name string) int {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.Fields(v)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s in the status of %d", name, pid)
	return 0
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// TestNothingGrows: a thousand ticks with a device that hangs need no more
// goroutines, threads, descriptors, processes and memory than five hundred.
func TestNothingGrows(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := newRig(t, fakeLibrary(t))
	r.opt.Repair = guard // its second readers are another test's
	r.start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	r.set("count 8", "hang 3")
	pid := r.src.Status().ReaderPID
	run := func(ticks int) (goroutines, fds, threads, kib int) {
		for range ticks {
			v, err := r.tick()
			if err != nil {
				t.Fatal(err)
			}
			others(t, v, 3)
		}
		return runtime.NumGoroutine(), descriptors(t), figure(t, pid, "Threads"), figure(t, pid, "VmRSS")
	}
	g0, f0, t0, m0 := run(500)
	g1, f1, t1, m1 := run(1000)
	if g1 > g0 || f1 > f0 || t1 > t0+16 || m1 > m0+8<<10 {
		t.Errorf("goroutines %d to %d, descriptors %d to %d, reader's threads %d to %d, its memory %d to %d KiB", g0, g1, f0, f1, t0, t1, m0, m1)
	}
	t.Logf("reader: %d threads, %d KiB resident", t1, m1)
	if err := r.src.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestCrashLoopLeavesNothingBehind: hundreds of readers later there is one.
func TestCrashLoopLeavesNothingBehind(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	goroutines, fds := runtime.NumGoroutine(), descriptors(t)
	r.set("count 8", "crash 0 segv")
	r.until("several readers have died", func(view) bool { return r.src.Status().ReadersStarted > 5 })
	r.set("count 8")
	r.until("recovery", func(v view) bool { return v.states() == allOK })
	r.until("the dead are gone", func(view) bool { return r.src.Status().ReadersStuck == 0 })
	r.until("nothing is left of them", func(view) bool { return runtime.NumGoroutine() <= goroutines && descriptors(t) <= fds })
}
