package cmd_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/collector"
	"nodemeter/collector/metric"
	"nodemeter/collector/window"
	"nodemeter/exporter"
)

// simulated is a source of a node whose jobs come and go: what leaks in a month
// is what is kept for each of them.
type simulated struct {
	node  *metric.Entity
	descs []*metric.Desc
	reads int
}

func newSimulated() *simulated {
	s := &simulated{node: &metric.Entity{Kind: metric.Node, ID: "n1"}}
	for i := range 12 {
		d := &metric.Desc{On: metric.Node, Column: fmt.Sprintf("m%02d_ratio", i), Metric: fmt.Sprintf("nodemeter_m%02d_utilization_ratio", i),
			Help: "Made up.", Absent: "never", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.0001}
		if i%2 == 1 {
			d.Column, d.Metric = fmt.Sprintf("m%02d_bytes", i), fmt.Sprintf("nodemeter_m%02d_bytes_total", i)
			d.Unit, d.Kind, d.Type, d.Step = metric.Bytes, metric.Counter, metric.TypeInt, 0
		}
		s.descs = append(s.descs, d)
	}
	s.descs = append(s.descs, &metric.Desc{On: metric.Worker, Column: "worker_cpu_seconds", Metric: "nodemeter_worker_cpu_seconds_total",
		Help: "Made up.", Absent: "never", Unit: metric.Seconds, Kind: metric.Counter, Type: metric.TypeFloat, Step: 0.01})
	return s
}

func (s *simulated) Descs() []*metric.Desc { return s.descs }

// Read has three jobs at any time; each lives for 9 reads.
func (s *simulated) Read(_ context.Context, b *metric.Batch) error {
	for i, d := range s.descs[:len(s.descs)-1] {
		if d.Type == metric.TypeInt {
			b.Add(s.node, metric.Int(d, int64(s.reads)*int64(1000+i)))
		} else {
			b.Add(s.node, metric.Float(d, float64((s.reads*(i+7))%1000)/1000))
		}
	}
	for slot := range 3 {
		job := (s.reads+3*slot)/9*3 + slot
		id := fmt.Sprintf("slurm-%d", job)
		e := &metric.Entity{Kind: metric.Worker, ID: id, Worker: id, Info: []metric.Label{{Name: "job", Value: fmt.Sprint(job)}, {Name: "job_name", Value: "name of " + id}}}
		b.Add(e, metric.Float(s.descs[len(s.descs)-1], float64((s.reads+3*slot)%9)))
	}
	s.reads++
	if s.reads%2000 == 0 {
		return fmt.Errorf("/proc/made-up: failed for the %d. time", s.reads/2000)
	}
	return nil
}

// state is what must not grow.
type state struct {
	heap, disk                    int64
	goroutines, descriptors, rows int
}

func (s state) String() string {
	return fmt.Sprintf("%d KiB of heap, %d goroutines, %d descriptors, %d KiB on disk, %d lines exported", s.heap>>10, s.goroutines, s.descriptors, s.disk>>10, s.rows)
}

// look measures; the garbage is collected first.
func look(t *testing.T, dir string, e *exporter.Exporter) state {
	t.Helper()
	var s state
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		s.rows += len(f.Metric)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	s.heap, s.goroutines, s.descriptors, s.disk = int64(m.HeapAlloc), runtime.NumGoroutine(), len(fds), bytesIn(t, dir)
	return s
}

// flat compares with what it was when everything had been made once.
func (s state) flat(t *testing.T, day int, warm state, maxBytes int64) {
	t.Helper()
	const noise = 96 << 10 // pools and maps that have not been collected yet
	if s.disk > maxBytes {
		t.Errorf("day %d: %d bytes on disk, the limit is %d", day, s.disk, maxBytes)
	}
	if warm == (state{}) {
		return
	}
	if s.goroutines > warm.goroutines || s.descriptors > warm.descriptors || s.rows > warm.rows+6 || s.heap > warm.heap+noise || s.disk > warm.disk+warm.disk/10 {
		t.Errorf("day %d: %s; on the sixth it was %s", day, s, warm)
	}
}

// inMemory is a directory on a memory file system where there is one: a month of
// syncs to a real disk takes minutes.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "nodemeter-soak-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func bytesIn(t *testing.T, dir string) int64 {
	t.Helper()
	var n int64
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if os.IsNotExist(err) {
			return nil // sealed or expired in between
		}
		if err == nil {
			n += fi.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestThirtyDays runs loop, recorder and exporter for 30 days of fake time: a
// sample every ten minutes, a window a day, a scrape an hour, jobs that come and go. What
// it holds does not grow after the sixth day, and the windows keep their limits.
func TestThirtyDays(t *testing.T) {
	const days, maxBytes, maxAge = 30, 2 << 20, 5 * 24 * time.Hour
	dir := inMemory(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSimulated()
		r, err := window.NewRecorder(window.Options{Dir: dir, Node: "n1", BootID: "b", Agent: "test", Interval: 10 * time.Minute, Width: 24 * time.Hour,
			SyncInterval: time.Hour, MaxBytes: maxBytes, MaxAge: maxAge})
		if err != nil {
			t.Fatal(err)
		}
		e, err := exporter.New(exporter.Options{Descs: source.descs, Interval: 10 * time.Minute, Span: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		ticks := 0
		runner, err := collector.New(collector.Options{Interval: 10 * time.Minute, Sources: []collector.Entry{{Name: "made up", Source: source}},
			Asleep: func() time.Duration { return 0 },
			Sinks:  []func(*metric.Sample){func(*metric.Sample) { ticks++ }, e.Publish, r.Publish}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- runner.Run(ctx) }()
		begin := time.Now()
		hour := time.NewTicker(time.Hour)
		defer hour.Stop()
		var warm state
		for day := 1; day <= days && !t.Failed(); day++ {
			for range 24 {
				<-hour.C
				synctest.Wait()
				e.Gather()
			}
			now := look(t, dir, e)
			if day == 6 { // the oldest windows are older than the limit
				warm = now
				t.Logf("day %d: %s", day, now)
			}
			now.flat(t, day, warm, maxBytes)
		}
		t.Logf("day %d: %s", days, look(t, dir, e))
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := r.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		checkRecorded(t, dir, r.Stats(), ticks, begin.Add(days*24*time.Hour-maxAge))
	})
}

// checkRecorded: every tick is written, windows are sealed and none is older than its limit.
func checkRecorded(t *testing.T, dir string, s window.Stats, ticks int, oldest time.Time) {
	t.Helper()
	if want := 30 * 24 * 6; ticks < want || ticks > want+3 {
		t.Errorf("%d ticks, want %d", ticks, want)
	}
	if s.Written != int64(ticks) || s.Dropped+s.Lost > 0 || s.SealErrors > 0 || s.Sealed < 30 {
		t.Errorf("of %d ticks recorded %+v", ticks, s)
	}
	files, problems, err := window.Find([]string{dir}, window.Query{})
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v %v", problems, err)
	}
	if n := len(files); n < 4 || n > 7 {
		t.Errorf("%d windows are kept, want those of five days", n)
	}
	for _, f := range files {
		name := filepath.Base(f.Path)
		stamp, _, _ := strings.Cut(name, "_")
		start, err := time.Parse("20060102T150405Z", stamp)
		if err != nil || start.Before(oldest.Add(-48*time.Hour)) {
			t.Errorf("%s is older than %s (%v)", name, oldest, err)
		}
	}
}
