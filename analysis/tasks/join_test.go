package tasks

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"nodemeter/analysis"
	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// recordMinute writes a minute of one node's windows: 8 cores at half load for 30 s, then at
// full load, and one GPU at a quarter that takes 100 W.
func recordMinute(t *testing.T, dir, node string) {
	t.Helper()
	r, err := window.NewRecorder(window.Options{Dir: dir, Node: node, BootID: "b", Agent: "test", Interval: time.Second, Width: time.Hour, SyncInterval: time.Hour, Queue: 100})
	if err != nil {
		t.Fatal(err)
	}
	desc := func(on metric.EntityKind, column string, u metric.Unit, k metric.Kind) *metric.Desc {
		return &metric.Desc{On: on, Column: column, Help: "Made up.", Unit: u, Kind: k, Type: metric.TypeFloat, Step: 0.0001, Absent: "not made"}
	}
	cpu, cores := desc(metric.Node, "cpu_util", metric.Ratio, metric.Gauge), desc(metric.Node, "cpu_count", metric.Count, metric.Gauge)
	gpu, energy := desc(metric.GPU, "gpu_util", metric.Ratio, metric.Gauge), desc(metric.GPU, "gpu_energy_joules", metric.Joules, metric.Counter)
	nodeGPU := desc(metric.Node, "gpu_util", metric.Ratio, metric.Gauge)
	machine, board := &metric.Entity{Kind: metric.Node, ID: node}, &metric.Entity{Kind: metric.GPU, ID: "GPU-" + node}
	var batch metric.Batch
	for i := 1; i <= 60; i++ {
		batch.Reset()
		load := 0.5
		if i > 30 {
			load = 1
		}
		batch.Add(machine, metric.Float(cpu, load), metric.Float(cores, 8), metric.Float(nodeGPU, 0.25))
		batch.Add(board, metric.Float(gpu, 0.25), metric.Float(energy, float64(i)*100))
		r.Publish(&metric.Sample{Time: dawn.Add(time.Duration(i) * time.Second), Interval: time.Second, Readings: metric.Merge(&batch)})
	}
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// minute is two configurations, one in each half: 10 tasks, then 20, one of each failed.
func minute(start float64) []job {
	var jobs []job
	for i := range 10 {
		jobs = append(jobs, job{"0", "dask", 2, 16, start + float64(i)*3, 0, 3, "SUCCESS"})
	}
	for i := range 20 {
		jobs = append(jobs, job{"1", "ray", 2, 16, start + 30 + float64(i)*1.5, 0.5, 1, "SUCCESS"})
	}
	jobs[9].status, jobs[29].status = "FAILED", "FAILED"
	return jobs
}

func joined(t *testing.T, s *Set, dir string) *Join {
	t.Helper()
	j, err := NewJoin(t.Context(), s, analysis.Options{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJoin(t *testing.T) {
	dir := t.TempDir()
	recordMinute(t, dir, "n1")
	recordMinute(t, dir, "n2")
	s := read(t, notebookCSV(minute(0)), Options{})
	j := joined(t, s, dir)
	if len(j.Configs) != 2 {
		t.Fatalf("%d configurations", len(j.Configs))
	}
	for i, want := range []struct {
		cpu, coreSeconds, perTask, gpuSeconds, joules float64
		tasks                                         int
	}{{0.5, 240, 240. / 9, 15, 6000, 9}, {1, 480, 480. / 19, 15, 6000, 19}} {
		c := j.Configs[i]
		if c.Reason != "" || len(c.Nodes) != 2 || c.Tasks != want.tasks {
			t.Errorf("%s: %q, nodes %v, %d tasks", c.Label, c.Reason, c.Nodes, c.Tasks)
		}
		for _, f := range []struct {
			what      string
			got, want float64
		}{
			{"CPU", float64(c.CPU), want.cpu}, {"GPU", float64(c.GPU), 0.25}, {"core-seconds", float64(c.Cost.CoreSeconds), want.coreSeconds}, {"available", float64(c.Cost.CoreSecondsAvailable), 480},
			{"core-seconds a task", float64(c.Cost.CoreSecondsPerTask), want.perTask}, {"GPU-seconds", float64(c.Cost.GPUSeconds), want.gpuSeconds}, {"coverage", float64(c.Coverage), 1},
			{"joules", float64(c.Cost.GPUJoules), want.joules},
		} {
			if math.Abs(f.got-f.want) > 1e-6*f.want {
				t.Errorf("%s: %s %v, want %v", c.Label, f.what, f.got, f.want)
			}
		}
		if c.Timeline == nil || c.Curve == nil || len(c.Curve.CPU) == 0 {
			t.Errorf("%s: no curves", c.Label)
		}
	}
	if got := j.Configs[1].Resource; got != "cpu" {
		t.Errorf("full cores are bound by %q: %s", got, j.Configs[1].Bottleneck)
	}
	var out bytes.Buffer
	if err := j.WriteText(&out); err != nil {
		t.Error(err)
	}
	if _, err := json.Marshal(j); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"name no node", "26.67", "ray 2N/16C"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("does not say %q:\n%s", want, out.String())
		}
	}
	if text := strings.Join(Takeaways(s, nil, j), "\n"); !strings.Contains(text, "ray 2N/16C kept the CPUs 100.0% busy and the GPUs 25.0%; a successful task took 25.26 core-seconds") {
		t.Errorf("takeaways:\n%s", text)
	}
}

func TestJoinWithoutOverlap(t *testing.T) {
	dir := t.TempDir()
	recordMinute(t, dir, "n1")
	j := joined(t, read(t, notebookCSV(minute(-7200)), Options{}), dir)
	if len(j.Warnings) != 1 || !strings.Contains(j.Warnings[0], "do not overlap: tasks ran 2025-12-31 22:00:00 to 2025-12-31 22:01:00, samples are of 2026-01-01 00:00:01") || !strings.Contains(j.Warnings[0], "--zone") {
		t.Errorf("warnings %q", j.Warnings)
	}
	for _, c := range j.Configs {
		if c.Reason == "" || known(c.CPU) {
			t.Errorf("%s: %q, CPU %v", c.Label, c.Reason, c.CPU)
		}
	}
	if _, err := NewJoin(t.Context(), read(t, notebookCSV(minute(0)), Options{}), analysis.Options{Paths: []string{t.TempDir()}}); err == nil {
		t.Error("an empty directory was joined")
	}
}

// A task in each of three batches: the gaps between them are not counted.
func TestJoinLeavesGapsOut(t *testing.T) {
	dir := t.TempDir()
	recordMinute(t, dir, "n1")
	j := joined(t, read(t, notebookCSV([]job{
		{"0", "ray", 1, 8, 0, 0, 10, "SUCCESS"}, {"0", "ray", 1, 8, 25, 0, 10, "SUCCESS"}, {"0", "ray", 1, 8, 50, 0, 10, "SUCCESS"},
	}), Options{}), dir)
	if c := j.Configs[0]; math.Abs(float64(c.Cost.CoreSeconds)-(40+60+80)) > 1e-6 || math.Abs(float64(c.Seconds)-30) > 1e-6 || math.Abs(float64(c.IdleShare)-0.5) > 1e-9 {
		t.Errorf("core-seconds %v, node-seconds %v, idle %v", c.Cost.CoreSeconds, c.Seconds, c.IdleShare)
	}
}
