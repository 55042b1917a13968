package analysis

import (
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"
)

// BenchmarkNodeDays summarizes many nodes' days and reports the most memory
// the process held. NODEMETER_NODE_DAYS says how many (default 4; 1000 is the
// figure in the documentation), NODEMETER_NODE_DAYS_DIR where they are kept
// from one run to the next (default: a new directory each time).
func BenchmarkNodeDays(b *testing.B) {
	n := 4
	if s := os.Getenv("NODEMETER_NODE_DAYS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	dir := os.Getenv("NODEMETER_NODE_DAYS_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	for i := range n {
		rec := recording{node: fmt.Sprintf("n%04d", i), ticks: 86_400, start: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), interval: time.Second, width: 24 * time.Hour, columns: 20, gpus: 1}
		if _, err := os.Stat(dir + "/node=" + rec.node); err != nil {
			rec.write(b, dir)
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // as the command does
	debug.FreeOSMemory()
	b.ResetTimer()
	peak := uint64(0)
	for b.Loop() {
		r, err := Analyze(b.Context(), Options{Paths: []string{dir}, Progress: func(int64, int64) { peak = max(peak, held()) }})
		if err != nil || len(r.Nodes()) != n {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*n), "ms/node-day")
}

// held is the memory that the process has of the system.
func held() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}
