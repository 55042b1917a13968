package analysis

import (
	"context"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// recordJobs records 40 seconds of two nodes: job 7, a task of array 6, on both
// from second 10 to 29, and job 8 on the first all along.
func recordJobs(t *testing.T, base time.Time) string {
	t.Helper()
	dir := t.TempDir()
	util := testDesc(metric.Node, "cpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001)
	w := func(column string, u metric.Unit, k metric.Kind) *metric.Desc {
		return testDesc(metric.Worker, column, u, k, metric.TypeFloat, 0)
	}
	cores, seconds, memory := w("worker_cpu_cores", metric.Count, metric.Gauge), w("worker_cpu_seconds", metric.Seconds, metric.Counter), w("worker_memory_bytes", metric.Bytes, metric.Gauge)
	cpus, limit := w("worker_cpus_allocated", metric.Count, metric.Gauge), w("worker_memory_allocated_bytes", metric.Bytes, metric.Gauge)
	gpus, given, busy := w("worker_gpus", metric.Count, metric.Gauge), w("worker_gpus_allocated", metric.Count, metric.Gauge), w("gpu_util", metric.Ratio, metric.Gauge)
	start, end := w("worker_start_seconds", metric.Seconds, metric.Gauge), w("worker_end_seconds", metric.Seconds, metric.Gauge)
	at := func(s float64) float64 { return float64(base.Unix()) + s }
	for _, node := range []string{"n1", "n2"} {
		r, err := window.NewRecorder(window.Options{Dir: dir, Node: node, BootID: "b", Agent: "test", Interval: time.Second, Width: time.Hour, SyncInterval: time.Hour, Queue: 64})
		if err != nil {
			t.Fatal(err)
		}
		n := &metric.Entity{Kind: metric.Node, ID: node}
		job7 := &metric.Entity{Kind: metric.Worker, ID: "slurm-7", Worker: "slurm-7", Info: []metric.Label{{Name: "array_job", Value: "6"}, {Name: "array_task", Value: "1"},
			{Name: "job", Value: "7"}, {Name: "job_name", Value: "train"}, {Name: "user", Value: "ada"}}}
		job8 := &metric.Entity{Kind: metric.Worker, ID: "slurm-8", Worker: "slurm-8", Info: []metric.Label{{Name: "job", Value: "8"}}}
		for i := range 40 {
			var b metric.Batch
			load := 0.125
			if i >= 10 && i < 30 {
				load = 0.5
			}
			b.Add(n, metric.Float(util, load))
			if i >= 10 && i < 30 {
				// It began at 9.5 and used 3 of 4 cores: 60 s a node in 20 s.
				b.Add(job7, metric.Float(cores, 3), metric.Float(seconds, 3*float64(i-9)), metric.Float(memory, float64(i)*1e9), metric.Float(limit, 40e9), metric.Float(cpus, 4),
					metric.Float(gpus, 1), metric.Float(given, 2), metric.Float(busy, 0.5), metric.Float(start, at(9.5)))
				if i == 29 {
					b.Add(job7, metric.Float(end, at(29.5)))
				}
			}
			if node == "n1" {
				b.Add(job8, metric.Float(cores, 1), metric.Float(seconds, 100+float64(i)), metric.Float(start, at(-100)))
			}
			s := &metric.Sample{Time: base.Add(time.Duration(i) * time.Second), Interval: time.Second, Readings: metric.Merge(&b)}
			if i == 0 {
				s.Interval = 0
			}
			r.Publish(s)
		}
		if err := r.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLineOfAJob(t *testing.T) {
	dir := recordJobs(t, time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC))
	for id, want := range map[string]string{
		"7":   "nodemeter: job 7 (train, ada): 20 s on 2 nodes; CPU 6 of 8 cores (75%); memory peak 54.0 GiB of 74.5 GiB (72%); GPU 2 of 4 used, mean 50%, 2 idle throughout; coverage 100.0%\n",
		"6_1": "nodemeter: job 7 (train, ada): 20 s on 2 nodes; CPU 6 of 8 cores (75%); memory peak 54.0 GiB of 74.5 GiB (72%); GPU 2 of 4 used, mean 50%, 2 idle throughout; coverage 100.0%\n",
		"8":   "nodemeter: job 8: 39 s on 1 node; CPU 1 cores; coverage 28.8%; only a part of it was recorded\n",
	} {
		r, err := FindJob(context.Background(), Options{Paths: []string{dir}, Job: id})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := r.WriteLines(&b); err != nil || b.String() != want {
			t.Errorf("%s: %v\n got %s\nwant %s", id, err, b.String(), want)
		}
	}
	if _, err := FindJob(context.Background(), Options{Paths: []string{dir}, Job: "9"}); err == nil || !strings.Contains(err.Error(), "no worker of job 9 in ") {
		t.Errorf("a job that is not there: %v", err)
	}
}

// With a job, the nodes are those that it ran on while it did.
func TestJobNarrowsTheRecording(t *testing.T) {
	base := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	dir := recordJobs(t, base)
	o := Options{Paths: []string{dir}, Job: "7"}
	if err := o.SetBy("job"); err != nil {
		t.Fatal(err)
	}
	r, err := AnalyzeJob(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.From.Equal(base.Add(10*time.Second)) || !r.To.Equal(base.Add(29*time.Second)) {
		t.Errorf("from %s to %s", r.From, r.To)
	}
	if got := r.Overall["cpu_util"]; got.Mean != 0.5 || got.Samples != 40 {
		t.Errorf("its nodes were %+v", got)
	}
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "all else that ran there") {
		t.Errorf("notes %q", r.Notes)
	}
	if len(r.Groups) != 1 || r.Groups[0].Increase["worker_cpu_seconds"] != 120 {
		t.Errorf("groups %+v", r.Groups[0])
	}
	o.Job = "8"
	if r, err = AnalyzeJob(context.Background(), o); err != nil || len(r.Nodes()) != 1 {
		t.Errorf("job 8 ran on %d nodes (%v)", len(r.Nodes()), err)
	}
}
