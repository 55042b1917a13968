//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// workEnv makes the test binary a command that works for a fixed number of
// rounds and prints the processor time that the kernel says it took.
const workEnv = "NODEMETER_E2E_WORK"

func TestMain(m *testing.M) {
	if s := os.Getenv(workEnv); s != "" {
		rounds, err := strconv.Atoi(s)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		work(rounds)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// work is bound by the processor: it fits into the innermost cache and asks the
// kernel for nothing.
func work(rounds int) {
	x := uint64(88172645463325252)
	for range rounds {
		for range 1 << 20 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
	}
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d %d\n", u.Utime.Nano()+u.Stime.Nano(), x&1)
}

// BenchmarkRunOverhead is what "nodemeter run" adds to a command that is bound by
// the processor, at its default interval. Each operation is a pair, the command
// alone and under run, in turns the one or the other first. It reports the
// median over pairs of the ratio of the command's own processor time, in percent
// above 100, with the bounds of its confidence interval of 95 %, and how busy
// one core was with all that run itself did meanwhile: agent, start and end.
//
//	go test -tags e2e -run '^$' -bench RunOverhead -benchtime 40x ./cmd/e2e
func BenchmarkRunOverhead(b *testing.B) {
	const rounds = 300 // most of a second: short pairs are alike
	nodemeter := bin(b, "nodemeter")
	var ratios, busy []float64
	for b.Loop() {
		var bare, under float64
		measure := func(run bool) {
			if !run {
				bare, _, _ = worked(b, rounds)
				return
			}
			var total, wall float64
			dir := filepath.Join(b.TempDir(), "w")
			under, total, wall = worked(b, rounds, nodemeter, "run", "--quiet", "--output", dir, "--")
			busy = append(busy, 100*(total-under)/wall)
		}
		first := len(ratios)%2 == 1
		measure(first)
		measure(!first)
		ratios = append(ratios, 100*(under/bare-1))
	}
	median, low, high := medianOf(ratios)
	b.ReportMetric(median, "%-added")
	b.ReportMetric(low, "%-added-low")
	b.ReportMetric(high, "%-added-high")
	median, _, _ = medianOf(busy)
	b.ReportMetric(median, "%-of-a-core-by-run")
}

// worked runs the work behind a prefix. It returns the work's own processor
// time, that of the prefix and everything it waited for, and how long that took.
func worked(b *testing.B, rounds int, prefix ...string) (own, total, wall float64) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	argv := append(prefix, self)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), workEnv+"="+strconv.Itoa(rounds))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%q: %v\n%s", argv, err, stderr.String())
	}
	wall = time.Since(began).Seconds()
	var ns int64
	if _, err := fmt.Sscan(stdout.String(), &ns); err != nil {
		b.Fatalf("%q said %q: %v", argv, stdout.String(), err)
	}
	return float64(ns) / 1e9, processorTime(cmd), wall
}

// medianOf is the median and the order statistics that hold it with 95 %.
func medianOf(v []float64) (median, low, high float64) {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	reach := int(math.Ceil(1.96 * math.Sqrt(float64(n)) / 2))
	return (v[(n-1)/2] + v[n/2]) / 2, v[max(n/2-reach, 0)], v[min((n-1)/2+reach, n-1)]
}
