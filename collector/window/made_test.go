package window

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// maker makes samples that look like a node's: metrics of every type, with
// the movement that encodings depend on.
type maker struct {
	rng      *rand.Rand
	node     *metric.Entity
	entities []*metric.Entity
	descs    map[*metric.Entity][]*metric.Desc
	state    map[*metric.Desc]map[*metric.Entity]float64
	batch    metric.Batch
	at       time.Time
	n        int
}

func desc(on metric.EntityKind, column string, u metric.Unit, k metric.Kind, t metric.Type, step float64) *metric.Desc {
	d := &metric.Desc{On: on, Column: column, Help: "Made up.", Unit: u, Kind: k, Type: t, Step: step, Absent: "not made"}
	if t == metric.TypeState {
		d.States = []string{"ok", "hung", "lost"}
	}
	return d
}

// newMaker makes a node with a number of metrics and two small entities.
func newMaker(name string, metrics int) *maker {
	m := &maker{
		rng: rand.New(rand.NewPCG(1, 2)), node: &metric.Entity{Kind: metric.Node, ID: name},
		descs: map[*metric.Entity][]*metric.Desc{}, state: map[*metric.Desc]map[*metric.Entity]float64{},
		at: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC),
	}
	nd := []*metric.Desc{
		desc(metric.Node, "cpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001),
		desc(metric.Node, "memory_util", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001),
		desc(metric.Node, "network_mbps", metric.Mbps, metric.Gauge, metric.TypeFloat, 0.001),
	}
	for i := len(nd); i < metrics; i++ {
		switch name := fmt.Sprintf("m%03d", i); i % 5 {
		case 0, 1:
			nd = append(nd, desc(metric.Node, name+"_bytes", metric.Bytes, metric.Counter, metric.TypeInt, 0))
		case 2:
			nd = append(nd, desc(metric.Node, name+"_used_bytes", metric.Bytes, metric.Gauge, metric.TypeInt, 0))
		case 3:
			nd = append(nd, desc(metric.Node, name+"_seconds", metric.Seconds, metric.Counter, metric.TypeFloat, 0.01))
		case 4:
			nd = append(nd, desc(metric.Node, name+"_ratio", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001))
		}
	}
	nd[0].Metric = "nodemeter_cpu_utilization_ratio"
	m.add(m.node, nd)
	cpu := []*metric.Desc{
		desc(metric.CPU, "cpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001),
		desc(metric.CPU, "cpu_user_seconds", metric.Seconds, metric.Counter, metric.TypeFloat, 0.01),
	}
	gpu := []*metric.Desc{
		desc(metric.GPU, "gpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001),
		desc(metric.GPU, "gpu_state", metric.Count, metric.Gauge, metric.TypeState, 0),
	}
	for _, id := range []string{"0", "1", "2", "10"} {
		m.add(&metric.Entity{Kind: metric.CPU, ID: id}, cpu)
	}
	m.add(&metric.Entity{Kind: metric.GPU, ID: "GPU-5aa1", Worker: "job7", Info: []metric.Label{{Name: "model", Value: "H200"}}}, gpu)
	return m
}

func (m *maker) add(e *metric.Entity, descs []*metric.Desc) {
	m.entities = append(m.entities, e)
	m.descs[e] = descs
	for _, d := range descs {
		if m.state[d] == nil {
			m.state[d] = map[*metric.Entity]float64{}
		}
		m.state[d][e] = m.rng.Float64() * 1e5
	}
}

// sample makes the next second's sample. Every seventh GPU reading is absent.
func (m *maker) sample() *metric.Sample {
	m.batch.Reset()
	for _, e := range m.entities {
		if e.Kind == metric.GPU && m.n%7 == 3 {
			continue
		}
		for _, d := range m.descs[e] {
			m.batch.Add(e, m.point(d, e))
		}
	}
	s := &metric.Sample{
		Time: m.at, Late: time.Duration(m.rng.IntN(400)) * time.Microsecond, Mono: time.Duration(m.n) * time.Second,
		Interval: time.Second + time.Duration(m.rng.IntN(100)-50)*time.Microsecond, Readings: metric.Merge(&m.batch),
	}
	if m.n == 0 {
		s.Events = []metric.Event{{Kind: metric.EventStart, Time: m.at}}
	}
	m.at = m.at.Add(time.Second)
	m.n++
	return s
}

func (m *maker) point(d *metric.Desc, e *metric.Entity) metric.Point {
	st := m.state[d]
	switch {
	case d.Type == metric.TypeState:
		return metric.State(d, m.n/100%3)
	case d.Type == metric.TypeInt && d.Kind == metric.Counter:
		st[e] += math.Floor(m.rng.ExpFloat64() * 4096)
		return metric.Int(d, int64(st[e]))
	case d.Type == metric.TypeInt:
		st[e] += float64(m.rng.IntN(65)-32) * 4096
		return metric.Int(d, int64(math.Abs(st[e])))
	case d.Kind == metric.Counter:
		st[e] += float64(m.rng.IntN(100)) / 100
		return metric.Float(d, st[e])
	case d.Unit == metric.Ratio:
		return metric.Float(d, math.Abs(math.Sin(float64(m.n)/300+m.rng.Float64()/20)))
	}
	return metric.Float(d, m.rng.ExpFloat64()*100)
}

// options records into a directory of the test's own.
func options(t testing.TB, dir string) Options {
	t.Helper()
	return Options{Dir: dir, Node: "n1", BootID: "boot-1", Agent: "1.0.0", Interval: time.Second, Width: time.Hour}
}

// record publishes n samples and closes.
func record(t testing.TB, o Options, m *maker, n int) Stats {
	t.Helper()
	r, err := NewRecorder(o)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		publish(t, r, m.sample())
	}
	closeRecorder(t, r)
	return r.Stats()
}

func closeRecorder(t testing.TB, r *Recorder) {
	t.Helper()
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// publish hands a sample over without ever finding the queue full.
func publish(t testing.TB, r *Recorder, s *metric.Sample) {
	t.Helper()
	r.queue <- s
}

// rows is what a reader returned, in a form that compares: entity, time,
// column and value of everything.
type cell struct {
	entity string
	time   int64
	column string
}

func readAll(t testing.TB, paths []string, q Query) (map[cell]float64, []Problem) {
	t.Helper()
	r, err := Open(paths, q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := map[cell]float64{}
	for r.Next() {
		collect(t, out, r.Chunk())
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return out, r.Problems()
}

func collect(t testing.TB, out map[cell]float64, c *Chunk) {
	t.Helper()
	name := c.Node + "/" + c.Kind.String() + "/" + c.ID + "/" + c.Worker
	for i, at := range c.Time {
		if i > 0 && at < c.Time[i-1] {
			t.Errorf("%s %s: time goes back at row %d", c.Kind, c.ID, i)
		}
		out[cell{name, at, "interval"}] = c.Interval[i]
		for k := range c.Columns {
			if v, ok := c.Columns[k].At(i); ok {
				out[cell{name, at, c.Columns[k].Field.Column}] = v
			}
		}
	}
}

// expect is what samples hold, as readAll gives it back.
func expect(node string, samples ...*metric.Sample) map[cell]float64 {
	out := map[cell]float64{}
	for _, s := range samples {
		at := s.Time.UnixNano() / 1000 * 1000
		for _, r := range s.Readings {
			worker := r.Entity.Worker
			if worker == "" {
				worker = node
			}
			name := node + "/" + r.Entity.Kind.String() + "/" + r.Entity.ID + "/" + worker
			out[cell{name, at, "interval"}] = roundTo(s.Interval.Seconds(), 1e-6)
			for _, p := range r.Points {
				v := p.Float()
				if p.Desc.Type == metric.TypeFloat {
					v = roundTo(v, p.Desc.Step)
				}
				out[cell{name, at, p.Desc.Column}] = v
			}
		}
	}
	return out
}
