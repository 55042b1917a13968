package analysis

import (
	"math"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// Two workers of one job on two nodes overlap by half; one has ended.
func TestGroupsAddUpWorkers(t *testing.T) {
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	float := func(name string, kind metric.Kind, v ...float64) window.Column {
		return window.Column{Field: &window.Field{Column: name, Kind: kind, Type: metric.TypeFloat}, Float: v}
	}
	g := newGrouping("job")
	g.window(time.Second)
	add := func(node, id, job string, from int, columns ...window.Column) {
		var info []metric.Label
		if job != "" {
			info = []metric.Label{{Name: "job", Value: job}, {Name: "user", Value: "ann"}}
		}
		c := &window.Chunk{Node: node, Kind: metric.Worker, ID: id, Worker: id, Columns: columns}
		for i := range columns[0].Float {
			c.Time = append(c.Time, base.Add(time.Duration(from+i)*time.Second).UnixNano())
			c.Interval = append(c.Interval, 1)
		}
		tr := &track{entity: entityOf(c), exact: exactLimit, member: g.member(node, info)}
		tr.seen.interval = int64(time.Second)
		tr.add(c)
		tr.member.leave(tr, tr.finish(nil, nil), base.UnixNano())
	}
	start := float64(base.Unix())
	add("n1", "a", "7", 1, float("worker_cpu_cores", metric.Gauge, 4, 4, 4, 4), float("worker_cpu_seconds", metric.Counter, 4, 8, 12, 16),
		float("worker_start_seconds", metric.Gauge, start, start, start, start), float("worker_end_seconds", metric.Gauge, math.NaN(), math.NaN(), math.NaN(), start+4))
	add("n2", "b", "7", 3, float("worker_cpu_cores", metric.Gauge, 2, 2, 2, 2), float("worker_cpu_seconds", metric.Counter, 102, 104, 106, 108),
		float("worker_start_seconds", metric.Gauge, start-50, start-50, start-50, start-50), float("gpu_util", metric.Gauge, .5, .5, .5, .5), float("worker_gpus", metric.Gauge, 2, 2, 2, 2))
	add("n2", "c", "", 1, float("worker_cpu_cores", metric.Gauge, 1))
	got := g.finish()
	if len(got) != 2 || got[0].Name != "7" || got[1].Name != "" || got[1].Workers != 1 {
		t.Fatalf("groups %+v", got)
	}
	j := got[0]
	s := j.Stats["worker_cpu_cores"]
	// 4 4 6 6 2 2
	if s.Samples != 6 || s.Mean != 4 || s.Max != 6 || s.Min != 2 {
		t.Errorf("busy cores %+v", s)
	}
	// a began in the recording: all of its 16 s; b before: the 6 s it grew.
	if v := j.Increase["worker_cpu_seconds"]; v != 22 {
		t.Errorf("processor seconds %v", v)
	}
	if j.Stats["gpu_util"].Mean != 1 || math.Abs(float64(j.GPUHours)*3600-8) > 1e-9 || math.Abs(float64(j.GPUHoursUsed)*3600-4) > 1e-9 || !j.GPUHoursAllocated.IsNaN() {
		t.Errorf("GPU %+v", j)
	}
	if !j.End.IsZero() || !j.Start.Equal(base.Add(-50*time.Second)) || len(j.Nodes) != 2 || j.Info["user"] != "ann" {
		t.Errorf("edges %+v", j)
	}
	g.coarsen()
	if s := g.finish()[0].Stats["worker_cpu_cores"]; s.Samples != 3 || s.Mean != 4 || s.Max != 6 {
		t.Errorf("coarser: %+v", s)
	}
}
