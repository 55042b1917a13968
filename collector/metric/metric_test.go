package metric

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	util = &Desc{On: Node, Column: "cpu_util", Metric: "nodemeter_cpu_utilization_ratio", Help: "h", Unit: Ratio, Kind: Gauge, Type: TypeFloat, Absent: "a"}
	used = &Desc{On: Node, Column: "memory_used_bytes", Metric: "nodemeter_memory_used_bytes", Help: "h", Unit: Bytes, Kind: Gauge, Type: TypeInt, Absent: "a"}
	ctr  = &Desc{On: Node, Column: "ticks", Metric: "nodemeter_ticks_total", Help: "h", Unit: Count, Kind: Counter, Type: TypeInt, Absent: "a"}
	st   = &Desc{On: GPU, Column: "gpu_state", Metric: "nodemeter_gpu_state", Help: "h", Unit: Count, Kind: Gauge, Type: TypeState, States: []string{"ok", "hung"}, Absent: "a"}
)

func TestBatchRefusesWhatCannotBeTrue(t *testing.T) {
	node := &Entity{Kind: Node, ID: "n"}
	for _, c := range []struct {
		name string
		p    Point
		ok   bool
	}{
		{"ratio", Float(util, 0.5), true},
		{"ratio of one", Float(util, 1), true},
		{"ratio above one", Float(util, 1.0001), false},
		{"negative ratio", Float(util, -0.1), false},
		{"NaN", Float(util, math.NaN()), false},
		{"infinity", Float(util, math.Inf(1)), false},
		{"bytes", Int(used, 1<<62), true},
		{"negative counter", Int(ctr, -1), false},
		{"state", State(st, 1), true},
		{"unknown state", State(st, 2), false},
	} {
		var b Batch
		b.Add(node, c.p)
		if got := len(b.Readings()[0].Points) == 1; got != c.ok {
			t.Errorf("%s: kept %v, want %v", c.name, got, c.ok)
		}
		if got := b.Rejected() == 0; got != c.ok {
			t.Errorf("%s: rejected %d", c.name, b.Rejected())
		}
	}
}

func TestMergeJoinsByIdentity(t *testing.T) {
	var a, b Batch
	n1, n2 := &Entity{Kind: Node, ID: "n"}, &Entity{Kind: Node, ID: "n"}
	g := &Entity{Kind: GPU, ID: "GPU-1"}
	a.Add(n1, Float(util, 0.25))
	a.Add(g, State(st, 0))
	b.Add(n2, Int(used, 7))
	got := Merge(&a, &b)
	if len(got) != 2 || len(got[0].Points) != 2 || got[1].Entity != g {
		t.Fatalf("merged %+v", got)
	}
	a.Reset()
	if p, ok := got[0].Get("cpu_util"); !ok || p.Float() != 0.25 {
		t.Error("a merged reading must not share memory with its batch")
	}
	if p, ok := got[1].Get("gpu_state"); !ok || p.StateName() != "ok" {
		t.Errorf("state %q", p.StateName())
	}
}

func TestCheck(t *testing.T) {
	if err := Check([]*Desc{util, used, ctr, st}); err != nil {
		t.Fatal(err)
	}
	with := func(d Desc, f func(*Desc)) *Desc { f(&d); return &d }
	for want, d := range map[string]*Desc{
		"_total":          with(*ctr, func(d *Desc) { d.Metric = "nodemeter_ticks" }),
		"column name":     with(*util, func(d *Desc) { d.Column = "CPU" }),
		"does not end in": with(*util, func(d *Desc) { d.Metric = "nodemeter_cpu" }),
		"integers":        with(*used, func(d *Desc) { d.Type = TypeFloat }),
		"states":          with(*st, func(d *Desc) { d.States = nil }),
		"say something":   with(*util, func(d *Desc) { d.Absent = "" }),
	} {
		if err := Check([]*Desc{d}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	if err := Check([]*Desc{util, util}); err == nil {
		t.Error("a metric declared twice must be refused")
	}
	if err := Check([]*Desc{util, with(*util, func(d *Desc) { d.On = GPU; d.Step = 0.5 })}); err == nil {
		t.Error("a shared column with another step must be refused")
	}
}

func TestAddDoesNotAllocateWhenWarm(t *testing.T) {
	var b Batch
	n := &Entity{Kind: Node, ID: "n"}
	fill := func() {
		b.Reset()
		b.Add(n, Float(util, 0.5), Int(used, 1))
	}
	fill()
	if a := testing.AllocsPerRun(100, fill); a != 0 {
		t.Errorf("%v allocations a tick", a)
	}
}

// TestBatchKeepsEntitiesApart adds to entities in changing orders, as when a
// core goes away, comes back, or a source goes back to an earlier entity.
func TestBatchKeepsEntitiesApart(t *testing.T) {
	all := make([]*Entity, 5)
	for i := range all {
		all[i] = &Entity{Kind: CPU, ID: string(rune('a' + i))}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var b Batch
	for tick := range 2000 {
		b.Reset()
		want := map[*Entity][]int64{}
		var order []*Entity
		for i := range 12 {
			e := all[i%len(all)]
			if tick%3 != 0 {
				e = all[rng.IntN(len(all))]
			}
			if want[e] == nil {
				order = append(order, e)
			}
			want[e] = append(want[e], int64(i))
			b.Add(e, Int(used, int64(i)))
		}
		if len(b.Readings()) != len(order) {
			t.Fatalf("tick %d: %d readings, want %d", tick, len(b.Readings()), len(order))
		}
		for i, r := range b.Readings() {
			if r.Entity != order[i] || len(r.Points) != len(want[r.Entity]) {
				t.Fatalf("tick %d: reading %d is of %s with %d points", tick, i, r.Entity.ID, len(r.Points))
			}
			for j, p := range r.Points {
				if p.Int() != want[r.Entity][j] {
					t.Fatalf("tick %d: %s has %d, want %d", tick, r.Entity.ID, p.Int(), want[r.Entity][j])
				}
			}
		}
	}
}
