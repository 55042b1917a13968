//go:build cgo

package gpu_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// cpuTime is what a process has used, all threads, user and system.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(stat)[strings.LastIndex(string(stat), ")")+2:])
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks of 1/100 s
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
// with a library that costs next to nothing. The figures are a tick and device:
// wall-clock time, and CPU time of the agent and of the reader.
func BenchmarkTick(b *testing.B) {
	r := newRig(b, fakeLibrary(b, "SCRIPT"))
	r.opt.Medium, r.opt.Slow, r.opt.Rescan = 5*time.Second, 30*time.Second, 15*time.Second
	r.start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	pid := r.src.Status().ReaderPID
	var batch metric.Batch
	own, reader := ownTime(b), cpuTime(b, pid)
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		if err := r.src.Read(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	each := float64(8 * b.N)
	b.ReportMetric(float64(b.Elapsed().Microseconds())/each, "us/device")
	b.ReportMetric(float64((ownTime(b)-own).Microseconds())/each, "agent-cpu-us/device")
	b.ReportMetric(float64((cpuTime(b, pid)-reader).Microseconds())/each, "reader-cpu-us/device")
}
