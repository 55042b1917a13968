//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkImpact measures what the agent costs a program that has all cores:
// a piece of work of about a second is done with the agent stopped (SIGSTOP) and
// with it running, in pairs whose order alternates. One iteration is one pair:
// run it with -benchtime=40x. It reports the median slow-down in percent and a
// 95 % interval of it from the order statistics; one that holds 0 is no
// difference that could be seen. The row without an agent is the noise.
func BenchmarkImpact(b *testing.B) {
	for _, kind := range []struct {
		name string
		work func() func(pieces int)
	}{{"cpu-bound", cpuWork}, {"memory-bound", memoryWork}} {
		for _, agent := range []struct{ name, interval string }{{"none", ""}, {"1Hz", "1s"}, {"10Hz", "100ms"}, {"100Hz", "10ms"}} {
			b.Run(kind.name+"/"+agent.name, func(b *testing.B) { impact(b, kind.work(), agent.interval) })
		}
	}
}

func impact(b *testing.B, piece func(int), interval string) {
	pid := 0
	if interval != "" {
		cmd := exec.Command(filepath.Join("..", "..", "bin", "nodemeterd"), "--interval="+interval, "--max-cpu=0", "--windows.dir="+b.TempDir(), "--web.listen-address=none")
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		pid = cmd.Process.Pid
		defer func() {
			syscall.Kill(pid, syscall.SIGCONT)
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
		}()
	}
	work := calibrated(piece)
	var slower []float64
	b.ResetTimer()
	for n := range b.N {
		var took [2]time.Duration
		for i := range took {
			with := (n+i)%2 == 0
			signal(pid, with)
			begin := time.Now()
			work()
			if took[1] == 0 && with {
				took[1] = time.Since(begin)
			} else {
				took[0] = time.Since(begin)
			}
		}
		slower = append(slower, 100*(took[1].Seconds()/took[0].Seconds()-1))
	}
	b.StopTimer()
	low, median, high := medianInterval(slower)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median, "%slower")
	b.ReportMetric(low, "%low")
	b.ReportMetric(high, "%high")
}

// signal stops the agent or lets it go on; 0 is no agent.
func signal(pid int, run bool) {
	switch {
	case pid == 0:
	case run:
		syscall.Kill(pid, syscall.SIGCONT)
	default:
		syscall.Kill(pid, syscall.SIGSTOP)
	}
}

// calibrated does as many pieces on every core as take about a second.
func calibrated(piece func(int)) func() {
	all := func(n int) {
		var wg sync.WaitGroup
		for range runtime.NumCPU() {
			wg.Go(func() { piece(n) })
		}
		wg.Wait()
	}
	n := 1
	for {
		begin := time.Now()
		all(n)
		if took := time.Since(begin); took > 200*time.Millisecond {
			n = max(1, int(float64(n)*time.Second.Seconds()/took.Seconds()))
			return func() { all(n) }
		}
		n *= 2
	}
}

// cpuWork stays in registers.
func cpuWork() func(int) {
	return func(pieces int) {
		x := uint64(88172645463325252)
		for range pieces * 1_000_000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		if x == 0 {
			panic("a xorshift generator never reaches 0")
		}
	}
}

// memoryWork is a triad over arrays that no cache holds.
func memoryWork() func(int) {
	const n = 4 << 20
	pool := make(chan [3][]float64, runtime.NumCPU())
	for range cap(pool) {
		pool <- [3][]float64{make([]float64, n), make([]float64, n), make([]float64, n)}
	}
	return func(pieces int) {
		v := <-pool
		for p := range pieces {
			for i := range v[0] {
				v[0][i] = v[1][i] + float64(p)*v[2][i]
			}
		}
		pool <- v
	}
}

// medianInterval is the median and its 95 % interval: the order statistics that
// a binomial of one half puts around it.
func medianInterval(xs []float64) (low, median, high float64) {
	slices.Sort(xs)
	n := len(xs)
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	half := 0.98 * math.Sqrt(float64(n))
	at := func(rank float64) float64 { return xs[min(max(int(rank), 0), n-1)] }
	return at(math.Floor(float64(n)/2 - half)), (xs[(n-1)/2] + xs[n/2]) / 2, at(math.Ceil(float64(n)/2 + half))
}

func TestMedianInterval(t *testing.T) {
	var xs []float64
	for i := range 100 {
		xs = append(xs, float64(99-i))
	}
	if low, median, high := medianInterval(xs); fmt.Sprint(low, median, high) != "40 49.5 60" {
		t.Errorf("%g %g %g", low, median, high)
	}
}
