//go:build cgo

package gpu_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// cpuTime is what a process has used, all threads that live, user and system
// (Documentation/scheduler/sched-stats.rst: nanoseconds on the processor).
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
	if err != nil || len(threads) == 0 {
		b.Fatalf("threads of %d: %q, %v", pid, threads, err)
	}
	var sum time.Duration
	for _, name := range threads {
		stat, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		on, _, _ := strings.Cut(string(stat), " ")
		ns, err := strconv.ParseInt(on, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

func ownTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTick is one Read of eight devices through reader, pipe and ledger,
// with a library that costs next to nothing: one after the other, and 20 ms
// apart, when both processes sleep in between and find their caches cold. The
// agent has one thread for Go and a longer timer slack, as the daemon has, where
// that may be set. The figures are a tick and device: wall-clock time, and CPU
// time of the agent and of the reader.
func BenchmarkTick(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	lengthenSlack(b)
	for name, apart := range map[string]time.Duration{"busy": 0, "apart": 20 * time.Millisecond} {
		b.Run(name, func(b *testing.B) { benchmarkTick(b, apart) })
	}
}

// lengthenSlack gives every thread the daemon's timer slack; the reader's
// inherit it.
func lengthenSlack(b *testing.B) {
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil || len(threads) == 0 {
		b.Fatalf("threads: %q, %v", threads, err)
	}
	for _, thread := range threads {
		if err := os.WriteFile("/proc/"+filepath.Base(thread)+"/timerslack_ns", []byte("1000000"), 0); err != nil {
			b.Logf("with the usual timer slack: %v", err)
			return
		}
	}
}

func benchmarkTick(b *testing.B, apart time.Duration) {
	r := newRig(b, fakeLibrary(b, "SCRIPT", "EVENTS")) // the stand-in polls for events, which the real one does not
	r.opt.Medium, r.opt.Slow, r.opt.Rescan = 5*time.Second, 30*time.Second, 15*time.Second
	r.start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	pid := r.src.Status().ReaderPID
	var batch metric.Batch
	var took time.Duration
	own, reader := ownTime(b), cpuTime(b, pid)
	b.ReportAllocs()
	for b.Loop() {
		if apart > 0 {
			<-time.After(apart)
		}
		batch.Reset()
		start := time.Now()
		if err := r.src.Read(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
		took += time.Since(start)
	}
	each := float64(8*b.N) * float64(time.Microsecond)
	b.ReportMetric(float64(took)/each, "us/device")
	b.ReportMetric(float64(ownTime(b)-own)/each, "agent-cpu-us/device")
	b.ReportMetric(float64(cpuTime(b, pid)-reader)/each, "reader-cpu-us/device")
}
