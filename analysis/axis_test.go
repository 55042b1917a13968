package analysis

import (
	"math"
	"slices"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// recordedWorker is a worker of a recording made for a test.
type recordedWorker struct {
	node, id, resolver, job string
	cpu                     float64
}

// axisOf analyzes ten seconds of two nodes, each busy by half, and workers on them.
func axisOf(t *testing.T, by string, workers ...recordedWorker) Axis {
	t.Helper()
	o := Options{Zone: time.UTC, Bins: DefaultBins}
	if err := o.SetBy(by); err != nil {
		t.Fatal(err)
	}
	a := newAnalyzer(&o, false)
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	chunk := func(node string, kind metric.EntityKind, id string, cpu float64) {
		c := &window.Chunk{Node: node, Kind: kind, ID: id, Worker: id}
		f := &window.Field{Column: "cpu_util", Type: metric.TypeFloat, Unit: metric.Ratio}
		c.Columns = []window.Column{{Field: f}}
		for i := range 10 {
			c.Time, c.Interval = append(c.Time, base.Add(time.Duration(i)*time.Second).UnixNano()), append(c.Interval, 1)
			c.Columns[0].Float = append(c.Columns[0].Float, cpu)
		}
		if err := a.use(piece{chunk: c}); err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range []string{"n1", "n2"} {
		m := &window.Meta{Node: node, Interval: time.Second}
		for _, w := range workers {
			if w.node == node {
				m.Entities = append(m.Entities, metric.Entity{Kind: metric.Worker, ID: w.id, Info: []metric.Label{{Name: "job", Value: w.job}, {Name: "job_name", Value: "name"}, {Name: "resolver", Value: w.resolver}}})
			}
		}
		if err := a.use(piece{meta: m}); err != nil {
			t.Fatal(err)
		}
		chunk(node, metric.Node, node, 0.5)
		for _, w := range workers {
			if w.node == node {
				chunk(node, metric.Worker, w.id, w.cpu)
			}
		}
	}
	r, err := a.finish()
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Overall["cpu_util"]; s.Mean != 0.5 || s.Samples != 20 {
		t.Errorf("--by %s changed the nodes' own figures: %+v", by, s)
	}
	return r.Axis
}

func TestAxis(t *testing.T) {
	jobs := []recordedWorker{{"n1", "slurm-7", "slurm", "7", 0.4}, {"n2", "slurm-7", "slurm", "7", 0.2}, {"n2", "dask-1", "dask", "8", 0.1}}
	for _, c := range []struct {
		by      string
		workers []recordedWorker
		name    string
		rows    []string
		means   []float64
	}{
		{"", nil, "node", []string{"n1", "n2"}, []float64{0.5, 0.5}},
		{"", []recordedWorker{{"n1", "session-1", "session", "", 0.4}}, "node", []string{"n1", "n2"}, []float64{0.5, 0.5}},
		{"", jobs, "worker", []string{"slurm-7", "dask-1", "slurm-7"}, []float64{0.4, 0.1, 0.2}},
		{"node", jobs, "node", []string{"n1", "n2"}, []float64{0.5, 0.5}},
		{"worker", []recordedWorker{{"n1", "session-1", "session", "", 0.4}}, "worker", []string{"session-1"}, []float64{0.4}},
		{"job", jobs, "job", []string{"7 (name)", "8 (name)"}, []float64{0.3, 0.05}}, // of both nodes together
		{"job", nil, "node", []string{"n1", "n2"}, []float64{0.5, 0.5}},
	} {
		x := axisOf(t, c.by, c.workers...)
		var rows []string
		sum := 0.0
		for i, e := range x.Rows {
			rows = append(rows, e.Entity.Worker)
			s, drawn := e.Stats["cpu_util"], e.Series["cpu_util"]
			if s == nil || drawn == nil || math.Abs(float64(s.Mean)-c.means[i]) > 1e-9 || math.Abs(drawn.Mean[0]-c.means[i]) > 1e-9 {
				t.Errorf("--by %q: row %s is %+v", c.by, e.Entity.Worker, s)
			}
			sum += c.means[i]
		}
		if x.Name != c.name || !slices.Equal(rows, c.rows) {
			t.Errorf("--by %q: axis %s with %v, want %s with %v", c.by, x.Name, rows, c.name, c.rows)
		}
		if all := x.Overall["cpu_util"]; all == nil || all.Samples != int64(10*len(rows)) || math.Abs(float64(all.Mean)-sum/float64(len(rows))) > 1e-9 {
			t.Errorf("--by %q: over all rows %+v", c.by, all)
		}
	}
}
