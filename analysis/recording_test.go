package analysis

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// recording makes windows on disk, as a daemon would have.
type recording struct {
	node     string
	ticks    int
	start    time.Time
	interval time.Duration
	width    time.Duration
	columns  int // metrics of the node; at least those that the summary reads
	gpus     int
	late     bool // the last sample falls between two ticks
}

func testDesc(on metric.EntityKind, column string, u metric.Unit, k metric.Kind, ty metric.Type, step float64) *metric.Desc {
	return &metric.Desc{On: on, Column: column, Help: "Made up.", Unit: u, Kind: k, Type: ty, Step: step, Absent: "not made"}
}

func (rec *recording) descs() (node, gpu []*metric.Desc) {
	node = []*metric.Desc{
		testDesc(metric.Node, "cpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001),
		testDesc(metric.Node, "memory_util", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001),
		testDesc(metric.Node, "network_mbps", metric.Mbps, metric.Gauge, metric.TypeFloat, 0.001),
		testDesc(metric.Node, "cpu_count", metric.Count, metric.Gauge, metric.TypeInt, 0),
		testDesc(metric.Node, "memory_total_bytes", metric.Bytes, metric.Gauge, metric.TypeInt, 0),
		testDesc(metric.Node, "memory_available_bytes", metric.Bytes, metric.Gauge, metric.TypeInt, 0),
		testDesc(metric.Node, "disk_read_bytes", metric.Bytes, metric.Counter, metric.TypeInt, 0),
		testDesc(metric.Node, "pressure_io_some_ratio", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001),
	}
	for i := len(node); i < rec.columns; i++ {
		if i%2 == 0 {
			node = append(node, testDesc(metric.Node, fmt.Sprintf("m%03d_bytes", i), metric.Bytes, metric.Counter, metric.TypeInt, 0))
		} else {
			node = append(node, testDesc(metric.Node, fmt.Sprintf("m%03d_ratio", i), metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001))
		}
	}
	gpu = []*metric.Desc{
		testDesc(metric.GPU, "gpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001),
		testDesc(metric.GPU, "gpu_energy_joules", metric.Joules, metric.Counter, metric.TypeFloat, 0.1),
	}
	return node, gpu
}

// write records into dir and returns what was recorded of cpu_util.
func (rec *recording) write(tb testing.TB, dir string) []float64 {
	tb.Helper()
	r, err := window.NewRecorder(window.Options{
		Dir: dir, Node: rec.node, BootID: "b", Agent: "test", Interval: rec.interval, Width: rec.width, SyncInterval: time.Hour, Queue: rec.ticks + 1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	nodeDescs, gpuDescs := rec.descs()
	node := &metric.Entity{Kind: metric.Node, ID: rec.node}
	gpus := make([]*metric.Entity, rec.gpus)
	for i := range gpus {
		gpus[i] = &metric.Entity{Kind: metric.GPU, ID: fmt.Sprintf("GPU-%d", i), Info: []metric.Label{{Name: "model", Value: "H200"}}}
	}
	rng := rand.New(rand.NewPCG(uint64(len(rec.node)), 7))
	counters := make([]int64, len(nodeDescs))
	var batch metric.Batch
	var cpu []float64
	load := 0.5
	for i := range rec.ticks {
		batch.Reset()
		load = min(max(load+0.05*rng.NormFloat64(), 0), 1)
		for j, d := range nodeDescs {
			batch.Add(node, rec.point(d, load, rng, &counters[j]))
		}
		for _, g := range gpus {
			batch.Add(g, metric.Float(gpuDescs[0], load/2), metric.Float(gpuDescs[1], float64(i)*300))
		}
		cpu = append(cpu, math.Round(load*1e4)/1e4)
		s := &metric.Sample{Time: rec.start.Add(time.Duration(i) * rec.interval), Interval: rec.interval, Readings: metric.Merge(&batch)}
		if i == 0 {
			s.Interval = 0
		}
		if i == rec.ticks-1 && rec.late {
			// The last sample of a run, taken between two ticks.
			s.Time = s.Time.Add(rec.interval/3 - rec.interval)
		}
		if i == rec.ticks-1 {
			s.Events = []metric.Event{{Kind: metric.EventStop, Time: s.Time}}
		}
		r.Publish(s)
	}
	if err := r.Close(context.Background()); err != nil {
		tb.Fatal(err)
	}
	if st := r.Stats(); st.Dropped+st.Lost > 0 || st.Written != int64(rec.ticks) {
		tb.Fatalf("recorded %+v", st)
	}
	return cpu
}

func (rec *recording) point(d *metric.Desc, load float64, rng *rand.Rand, counter *int64) metric.Point {
	switch {
	case d.Column == "cpu_count":
		return metric.Int(d, 64)
	case d.Column == "memory_total_bytes":
		return metric.Int(d, 256<<30)
	case d.Column == "memory_available_bytes":
		return metric.Int(d, 128<<30-rng.Int64N(1<<20)*4096)
	case d.Kind == metric.Counter:
		*counter += rng.Int64N(1 << 24)
		return metric.Int(d, *counter)
	case d.Unit == metric.Mbps:
		return metric.Float(d, load*1000+rng.ExpFloat64()*10)
	}
	return metric.Float(d, min(max(load+0.01*rng.NormFloat64(), 0), 1)*boolFloat(d.Column != "cpu_util")+load*boolFloat(d.Column == "cpu_util"))
}

func boolFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// TestAnotherInterval: an agent that was started again with another one promises other
// samples from then on.
func TestAnotherInterval(t *testing.T) {
	dir := t.TempDir()
	start := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	(&recording{node: "n1", ticks: 60, start: start, interval: time.Second, width: time.Minute}).write(t, dir)
	(&recording{node: "n1", ticks: 30, start: start.Add(time.Minute), interval: 2 * time.Second, width: time.Minute}).write(t, dir)
	(&recording{node: "n1", ticks: 600, start: start.Add(2 * time.Minute), interval: 100 * time.Millisecond, width: time.Minute}).write(t, dir)
	r, err := Analyze(t.Context(), Options{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	n := r.Nodes()[0]
	if n.Presence.Seen != 690 || n.Presence.Expected > 691 || n.Presence.GapCount != 0 {
		t.Errorf("%d of %d samples, %d gaps", n.Presence.Seen, n.Presence.Expected, n.Presence.GapCount)
	}
	if s := n.Stats["disk_read_bytes"]; s.Samples < 685 { // rates between them
		t.Errorf("%d rates of 690 samples", s.Samples)
	}
}

func TestAnalyzeWindows(t *testing.T) {
	dir := t.TempDir()
	start := time.Date(2026, 1, 2, 15, 50, 0, 0, time.UTC)
	var all []float64
	for i, node := range []string{"n1", "n10", "n2"} {
		rec := recording{node: node, ticks: 1500 - i, start: start, interval: time.Second, width: 10 * time.Minute, columns: 12, gpus: i}
		all = append(all, rec.write(t, dir)...)
	}
	var done []int64
	r, err := Analyze(t.Context(), Options{Paths: []string{dir}, Progress: func(n, _ int64) { done = append(done, n) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	if r.Inputs.Files != 9 || len(done) != 9 || done[8] != r.Inputs.Bytes {
		t.Errorf("%d files, progress %v", r.Inputs.Files, done)
	}
	nodes := r.Nodes()
	if len(nodes) != 3 || nodes[1].Entity.Node != "n2" || nodes[2].Entity.Node != "n10" {
		t.Fatalf("nodes %v", nodes)
	}
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	if got, want := float64(r.Overall["cpu_util"].SampleMean), sum/float64(len(all)); math.Abs(got-want) > 1e-12 {
		t.Errorf("mean %v, want %v", got, want)
	}
	p := nodes[0].Presence
	if p.Seen != 1500 || p.Expected != 1500 || p.GapCount != 0 || p.Repeated != 0 {
		t.Errorf("presence %+v", p)
	}
	if r.Grid.Bins < 200 || r.Grid.Bins > DefaultBins || !r.Grid.From.Equal(start) {
		t.Errorf("grid %+v", r.Grid)
	}
	if r.Use.GPUs != 3 || r.Use.Cores != 192 || math.Abs(float64(r.Use.GPUJoules)-300*(1498+2*1497)) > 1e-6 {
		t.Errorf("use %+v", r.Use)
	}
	if s := r.Section5(); s == nil || s.Samples != len(all) || s.LineOrder[1] != "n2" || math.Abs(float64(s.Overall.CPU)-100*sum/float64(len(all))) > 1e-9 {
		t.Errorf("the notebook's figures: %+v", s)
	}
	for _, e := range r.Entities {
		if e.Entity.Kind == metric.GPU && (len(e.Info) != 1 || e.Info[0].Value != "H200") {
			t.Errorf("%s: info %v", e.Entity.Label(), e.Info)
		}
	}
}

// The last sample of a run counts as the tick that it would have become, as in
// what export writes.
func TestNotebookOfLastSample(t *testing.T) {
	dir := t.TempDir()
	rec := recording{node: "n1", ticks: 20, start: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC), interval: 3 * time.Second, width: 10 * time.Minute, columns: 8, late: true}
	rec.write(t, dir)
	r, err := Analyze(t.Context(), Options{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if o := r.Section5().AverageCPU.Offset; len(o) != 20 || o[18] != 54 || o[19] != 57 {
		t.Errorf("offsets %v", o)
	}
	if p := r.Nodes()[0].Presence; p.Seen != 20 || p.Expected != 20 {
		t.Errorf("presence %+v", p)
	}
}

// A directory given twice, or copied, must not count twice.
func TestAnalyzeCopiedWindows(t *testing.T) {
	dir := t.TempDir()
	rec := recording{node: "n1", ticks: 700, start: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC), interval: time.Second, width: 10 * time.Minute, columns: 8}
	rec.write(t, dir)
	other := t.TempDir()
	if err := os.CopyFS(filepath.Join(other, "copy"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	r, err := Analyze(t.Context(), Options{Paths: []string{dir, dir, other}})
	if err != nil {
		t.Fatal(err)
	}
	if p := r.Nodes()[0].Presence; p.Seen != 700 || p.Repeated != 700 || p.Coverage() != 1 {
		t.Errorf("presence %+v", p)
	}
}

// Damage costs what it hits, is named, and the rest is right.
func TestAnalyzeDamagedWindows(t *testing.T) {
	dir := t.TempDir()
	rec := recording{node: "n1", ticks: 1800, start: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC), interval: time.Second, width: 10 * time.Minute, columns: 8}
	cpu := rec.write(t, dir)
	files, _, err := window.Find([]string{dir}, window.Query{})
	if err != nil || len(files) != 3 {
		t.Fatalf("%v %v", files, err)
	}
	if err := os.Truncate(files[1].Path, files[1].Bytes/2); err != nil {
		t.Fatal(err)
	}
	r, err := Analyze(t.Context(), Options{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) == 0 {
		t.Fatal("no problem was reported")
	}
	p := r.Nodes()[0].Presence
	if p.Seen != 1200 || p.Expected != 1800 || p.GapCount != 1 {
		t.Errorf("presence %+v", p)
	}
	sum := 0.0
	for i, v := range cpu {
		if i < 600 || i >= 1200 {
			sum += v
		}
	}
	if got := float64(r.Overall["cpu_util"].SampleMean); math.Abs(got-sum/1200) > 1e-12 {
		t.Errorf("mean %v, want %v", got, sum/1200)
	}
}

func TestAnalyzeStopsWhenAsked(t *testing.T) {
	dir := t.TempDir()
	rec := recording{node: "n1", ticks: 100, start: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC), interval: time.Second, width: 10 * time.Minute, columns: 8}
	rec.write(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Analyze(ctx, Options{Paths: []string{dir}}); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// The same input must give the same bytes, whatever finishes first.
func TestAnalyzeIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	for _, node := range []string{"n1", "n2", "n3"} {
		rec := recording{node: node, ticks: 900, start: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC), interval: time.Second, width: 5 * time.Minute, columns: 8, gpus: 1}
		rec.write(t, dir)
	}
	var first string
	for i := range 5 {
		r, err := Analyze(t.Context(), Options{Paths: []string{dir}})
		if err != nil {
			t.Fatal(err)
		}
		b := jsonOf(t, r)
		if i > 0 && b != first {
			t.Fatal("two runs differ")
		}
		first = b
	}
}

// BenchmarkNodeDay summarizes one node's day: 86,400 ticks of 100 columns.
func BenchmarkNodeDay(b *testing.B) {
	dir := b.TempDir()
	rec := recording{node: "n1", ticks: 86_400, start: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), interval: time.Second, width: 24 * time.Hour, columns: 100}
	rec.write(b, dir)
	b.ResetTimer()
	for b.Loop() {
		if _, err := Analyze(b.Context(), Options{Paths: []string{dir}}); err != nil {
			b.Fatal(err)
		}
	}
}
