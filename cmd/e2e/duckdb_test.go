//go:build e2e

package e2e

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// BenchmarkBesideDuckDB summarizes node-days with nodemeter summary and computes
// the same means and percentiles with DuckDB from the same files. It prints wall
// and processor time and peak memory of both. NODEMETER_NODE_DAYS (default 20)
// and NODEMETER_NODE_DAYS_DIR are those of analysis's BenchmarkNodeDays, which
// writes the recording.
func BenchmarkBesideDuckDB(b *testing.B) {
	dir := os.Getenv("NODEMETER_NODE_DAYS_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	days := os.Getenv("NODEMETER_NODE_DAYS")
	if days == "" {
		days = "20"
	}
	write := exec.Command("go", "test", "-run", "^$", "-bench", "NodeDays$", "-benchtime", "1x", "-timeout", "3h", "../../analysis")
	write.Env = append(os.Environ(), "NODEMETER_NODE_DAYS_DIR="+dir, "NODEMETER_NODE_DAYS="+days)
	if out, err := write.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	tools := installReaders(b)
	for b.Loop() {
		ours := measure(b, "summary", bin(b, "nodemeter"), "summary", "--format", "json", dir)
		theirs := measure(b, "duckdb", need(b, "node"), filepath.Join(tools, "percentiles.mjs"), dir)
		var s summary
		var d map[string]float64
		if err := json.Unmarshal(ours, &s); err != nil {
			b.Fatal(err)
		}
		if err := json.Unmarshal(theirs, &d); err != nil {
			b.Fatal(err)
		}
		for column, want := range d {
			if got := s.Overall[column].SampleMean; math.Abs(got-want) > 1e-9*math.Abs(want) {
				b.Errorf("mean %s: %g, DuckDB %g", column, got, want)
			}
		}
	}
}

// measure runs a command and reports its cost under a name.
func measure(b *testing.B, name string, argv ...string) []byte {
	b.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	begin := time.Now()
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%q: %v", argv, err)
	}
	b.ReportMetric(float64(time.Since(begin).Milliseconds()), name+"-wall-ms")
	b.ReportMetric(float64((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Milliseconds()), name+"-cpu-ms")
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		b.ReportMetric(float64(u.Maxrss)/1024, name+"-peak-MiB")
	}
	return out
}
