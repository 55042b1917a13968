package host

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

func TestCPUUtilization(t *testing.T) {
	root, cfg := fixture(t)
	c := NewCPU(cfg)
	want(t, mustRead(t, c), map[string]any{
		"node n1 cpu_util": absent, "node n1 cpu_busiest_util": absent, "cpu 0 cpu_util": absent,
		"node n1 cpu_count": 4.0, "node n1 cpu_user_seconds": 10.0, "node n1 cpu_guest_seconds": 3.0,
		"cpu 1 cpu_guest_nice_seconds": 0.2,
	})
	overlay(t, root, "proc1")
	// 400 jiffies: 165 busy. iowait stepped back by 5 jiffies, which idle gained.
	want(t, mustRead(t, c), map[string]any{
		"node n1 cpu_util": 165.0 / 400, "cpu 0 cpu_util": 0.85, "cpu 1 cpu_util": 0.30, "cpu 2 cpu_util": 0.0, "cpu 3 cpu_util": 0.5,
		"node n1 cpu_busiest_util": 0.85, "node n1 cpu_p95_util": 0.5 + 0.85*0.35, "node n1 cpu_imbalance": 0.85 - 0.4125,
		"node n1 cpu_iowait_seconds": absent, "cpu 3 cpu_iowait_seconds": absent, "cpu 0 cpu_iowait_seconds": 0.55,
		"node n1 cpu_idle_seconds": 82.40,
	})
	// Still below its old value: still a gap. Past it: given again.
	edit(t, root, "proc/stat", "cpu  1100 130 525 8240 195", "cpu  1100 130 525 8240 199")
	want(t, mustRead(t, c), map[string]any{"node n1 cpu_iowait_seconds": absent, "node n1 cpu_util": 0.0})
	edit(t, root, "proc/stat", "cpu  1100 130 525 8240 199", "cpu  1100 130 525 8240 201")
	want(t, mustRead(t, c), map[string]any{"node n1 cpu_iowait_seconds": 2.01})
}

func TestCPUWithoutProgressHasNoUtilization(t *testing.T) {
	_, cfg := fixture(t)
	c := NewCPU(cfg)
	mustRead(t, c)
	want(t, mustRead(t, c), map[string]any{
		"node n1 cpu_util": absent, "cpu 0 cpu_util": absent, "node n1 cpu_busiest_util": absent, "node n1 cpu_user_seconds": 10.0})
}

func TestClock(t *testing.T) {
	base := times{modeUser: 10000, modeSystem: 5000, modeIdle: 100000, modeIOWait: 2000, modeSteal: 500, modeGuest: 3000}
	plus := func(t times, m int, by int64) times { t[m] += uint64(by); return t }
	for _, c := range []struct {
		name string
		now  times
		util float64
		ok   bool
	}{
		{"half", plus(plus(base, modeUser, 100), modeIdle, 100), 0.5, true},
		{"guest counts once", plus(plus(plus(base, modeUser, 100), modeGuest, 100), modeIdle, 100), 0.5, true},
		{"steal is busy", plus(plus(base, modeSteal, 100), modeIdle, 300), 0.25, true},
		{"iowait gives to idle", plus(plus(plus(base, modeIOWait, -50), modeIdle, 150), modeUser, 100), 0.5, true},
		{"idle gives to iowait", plus(plus(plus(base, modeIdle, -50), modeIOWait, 150), modeUser, 100), 0.5, true},
		{"iowait steps back on a busy processor", plus(plus(base, modeIOWait, -3), modeUser, 100), 1, true},
		{"iowait steps back and nothing ran", plus(base, modeIOWait, -3), 0, false},
		{"iowait steps back by more than ran", plus(plus(base, modeIOWait, -3), modeUser, 10), 0, false},
		{"idle starts anew", plus(plus(base, modeIdle, -800), modeUser, 100), 0, false},
		{"user steps back", plus(plus(base, modeUser, -1), modeIdle, 100), 0, false},
		{"all start again", times{modeUser: 100, modeIdle: 200}, 0, false},
		{"nothing", base, 0, false},
		{"all busy", plus(base, modeSystem, 100), 1, true},
	} {
		var k clock
		if _, ok := k.advance(&base); ok {
			t.Errorf("%s: a utilization on the first read", c.name)
		}
		util, ok := k.advance(&c.now)
		if ok != c.ok || util < c.util-1e-9 || util > c.util+1e-9 {
			t.Errorf("%s: %v %v, want %v %v", c.name, util, ok, c.util, c.ok)
		}
	}
}

func TestRestartedCounterGoesOnAfterOneGap(t *testing.T) {
	var k clock
	e := &metric.Entity{Kind: metric.CPU, ID: "0"}
	given := func(idle uint64) bool {
		var b metric.Batch
		now := times{modeIdle: idle}
		k.advance(&now)
		k.publish(&b, e, &now, &coreModes)
		_, ok := b.Readings()[0].Get("cpu_idle_seconds")
		return ok
	}
	for i, c := range []struct {
		idle uint64
		ok   bool
	}{{100000, true}, {99990, false}, {100000, true}, {300, false}, {400, true}} {
		if got := given(c.idle); got != c.ok {
			t.Errorf("step %d, idle %v: given %v, want %v", i, c.idle, got, c.ok)
		}
	}
}

func TestHotPluggedCore(t *testing.T) {
	root, cfg := fixture(t)
	c := NewCPU(cfg)
	entity := func(id string) *metric.Entity {
		var b metric.Batch
		if err := c.Read(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Readings() {
			if r.Entity.Kind == metric.CPU && r.Entity.ID == id {
				return r.Entity
			}
		}
		return nil
	}
	first := entity("3")
	if first == nil || entity("3") != first {
		t.Fatal("an entity must be the same pointer at each tick")
	}
	if got := first.Info; len(got) != 2 || got[0].Name != "core" || got[0].Value != "1" {
		t.Errorf("core 3's identity is %v", got)
	}
	const line = "cpu3 100 0 100 2250 50 10 10 25 50 0\n"
	edit(t, root, "proc/stat", line, "")
	edit(t, root, "proc/stat", "cpu  1000 100 500 8000", "cpu  1000 100 510 98000") // idle from another clock
	want(t, mustRead(t, c), map[string]any{"cpu 3 cpu_user_seconds": absent, "node n1 cpu_util": absent, "node n1 cpu_count": 3.0})
	if len(c.cores) != 3 {
		t.Error("a core that went offline must be dropped")
	}
	edit(t, root, "proc/stat", "intr", "cpu3 0 0 0 10 0 0 0 0 0 0\nintr")
	got := mustRead(t, c) // counters restarted: no utilization yet, no spike
	want(t, got, map[string]any{"cpu 3 cpu_util": absent, "cpu 3 cpu_idle_seconds": 0.1, "node n1 cpu_count": 4.0})
	edit(t, root, "proc/stat", "cpu3 0 0 0 10", "cpu3 30 0 0 80")
	want(t, mustRead(t, c), map[string]any{"cpu 3 cpu_util": 0.3, "node n1 cpu_busiest_util": 0.3})
}

func TestCoresOnlyWhenAskedFor(t *testing.T) {
	root, cfg := fixture(t)
	cfg.PerCore = false
	c := NewCPU(cfg)
	mustRead(t, c)
	overlay(t, root, "proc1")
	got := mustRead(t, c)
	for key := range got {
		if strings.HasPrefix(key, "cpu ") {
			t.Errorf("%s without PerCore", key)
		}
	}
	want(t, got, map[string]any{"node n1 cpu_busiest_util": 0.85})
}

func TestParseCPUs(t *testing.T) {
	const good = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\nctxt 7\n"
	const line0 = "cpu0 1 2 3 4 5 6 7 8 9 10\n"
	for _, c := range []struct{ name, data, err string }{
		{"good", good, ""},
		{"old kernel", "cpu  1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7\nintr 5\n", ""},
		{"core numbers with a hole", strings.Replace(good, "cpu0", "cpu12", 1), ""},
		{"empty", "", "cut short"},
		{"no sum", line0 + "intr 1\n", "sum over processors first"},
		{"no core", "cpu  1 2 3 4 5 6 7 8\nintr 5\n", "each processor"},
		{"cut after cores", "cpu  1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7\n", "cut short"},
		{"six modes", "cpu  1 2 3 4 5 6\ncpu0 1 2 3 4 5 6\nintr 5\n", "6 numbers"},
		{"letters", strings.Replace(good, " 4 ", " x ", 1), "is not a number"},
		{"negative", strings.Replace(good, " 4 ", " -4 ", 1), "is not a number"},
		{"huge", strings.Replace(good, " 4 ", " 99999999999999999999 ", 1), "too large"},
		{"not a core", strings.Replace(good, "cpu0", "cpux", 1), "is not a number"},
		{"too large", strings.Replace(good, " 3 ", " 9223372036854775808 ", 1), "number 3: 9223372036854775808 is too large"},
		{"far too large", strings.Replace(good, " 3 ", " 18446744073709551616 ", 1), "too large"},
		{"core twice", strings.Replace(good, line0, line0+line0, 1), "twice"},
		{"sum twice", "cpu  1 2 3 4 5 6 7\n" + good, "first and once"},
		{"damaged name", strings.Replace(good, "intr", "xpu1 1 2 3 4 5 6 7 8 9 10\nintr", 1), "then intr"},
		{"split line", strings.Replace(good, " 9 10\nintr", " 9\n10\nintr", 1), "numbers"},
	} {
		var s stat
		_, _, err := s.parseCPUs([]byte(c.data))
		checkErr(t, c.name, err, c.err)
	}
}

// checkErr wants an error that contains want, or none for "".
func checkErr(t *testing.T, name string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error %v, want %q", name, err, want)
	}
}

// TestTimesAgreeWithTheKernel brackets a read with two of our own: a counter
// that only grows must lie between them.
func TestTimesAgreeWithTheKernel(t *testing.T) {
	sums := func() (s [modes]uint64) {
		data, err := os.ReadFile("/proc/stat")
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(data), "\n")
		for m, f := range strings.Fields(line)[1:] {
			s[m], err = number([]byte(f))
			if err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	c := NewCPU(Config{Node: &metric.Entity{Kind: metric.Node, ID: "n1"}})
	before := sums()
	got := mustRead(t, c)
	after := sums()
	for _, m := range []int{modeUser, modeNice, modeSystem, modeIRQ, modeSoftIRQ, modeGuest, modeGuestNice} {
		v := got["node n1 "+nodeModes[m].Column] * 100
		if v < float64(before[m])-0.5 || v > float64(after[m])+0.5 {
			t.Errorf("%s: %v jiffies, the kernel says %d to %d", nodeModes[m].Column, v, before[m], after[m])
		}
	}
}

func TestReadStopsWhenTheContextHasEnded(t *testing.T) {
	_, cfg := fixture(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, s := range Sources(cfg) {
		var b metric.Batch
		if err := s.Source.Read(ctx, &b); !errors.Is(err, context.Canceled) || len(b.Readings()) > 0 {
			t.Errorf("%s: %v, %d readings", s.Name, err, len(b.Readings()))
		}
	}
}

func TestTaskCounts(t *testing.T) {
	root, cfg := fixture(t)
	c := NewCPU(cfg)
	want(t, mustRead(t, c), map[string]any{"node n1 context_switches": 671825.0,
		"node n1 forks": 9975.0, "node n1 procs_running": 3.0, "node n1 procs_blocked": 1.0})
	overlay(t, root, "proc1")
	want(t, mustRead(t, c), map[string]any{"node n1 context_switches": 672825.0})
}

// One part of /proc/stat that is damaged leaves the other.
func TestPartsOfStatFailApart(t *testing.T) {
	root, cfg := fixture(t)
	edit(t, root, "proc/stat", "ctxt 671825", "ctxt x")
	got, err := read(t, NewCPU(cfg))
	checkErr(t, "tasks", err, "proc/stat: line 7 (ctxt)")
	want(t, got, map[string]any{"node n1 context_switches": absent, "node n1 forks": absent, "node n1 cpu_user_seconds": 10.0})
	edit(t, root, "proc/stat", "ctxt x", "ctxt 5")
	edit(t, root, "proc/stat", "cpu1 300", "cpu1 30x")
	got, err = read(t, NewCPU(cfg))
	checkErr(t, "processors", err, "proc/stat: line 3 (cpu1)")
	want(t, got, map[string]any{"node n1 context_switches": 5.0, "node n1 forks": 9975.0, "node n1 cpu_user_seconds": absent, "cpu 0 cpu_user_seconds": absent})
}

func TestParseActivity(t *testing.T) {
	const good = "cpu 1\nctxt 5\nprocesses 6\nprocs_running 7\nprocs_blocked 0\nsoftirq 1 2\n"
	var a activity
	err := a.parseActivity([]byte(good), 0, 1)
	if err != nil || a != (activity{5, 6, 7, 0}) {
		t.Errorf("%+v, %v", a, err)
	}
	for _, c := range []struct{ name, data, err string }{
		{"empty", "", "no ctxt line"},
		{"cut", good[:strings.Index(good, "procs_blocked")], "no procs_blocked line"},
		{"letters", strings.Replace(good, "ctxt 5", "ctxt five", 1), "line 2 (ctxt)"},
		{"no number", strings.Replace(good, "ctxt 5", "ctxt", 1), "number is missing"},
		{"two numbers", strings.Replace(good, "ctxt 5", "ctxt 5 5", 1), "not a number"},
		{"twice", good + "ctxt 5\n", "twice"},
	} {
		err := a.parseActivity([]byte(c.data), 0, 1)
		checkErr(t, c.name, err, c.err)
		if a != (activity{}) {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}

// TestSumGoesOnWhenACoreGoes: the kernel's sum falls by what the core had; for the node it
// is no restart, which would read as the whole of it in one interval.
func TestSumGoesOnWhenACoreGoes(t *testing.T) {
	root, cfg := fixture(t)
	c := NewCPU(cfg)
	want(t, mustRead(t, c), map[string]any{"node n1 cpu_idle_seconds": 80.0, "node n1 cpu_user_seconds": 10.0})
	const core = "cpu3 100 0 100 2250 50 10 10 25 50 0\n"
	edit(t, root, "proc/stat", core, "")
	edit(t, root, "proc/stat", "cpu  1000 100 500 8000", "cpu  900 100 500 5750")
	want(t, mustRead(t, c), map[string]any{"node n1 cpu_idle_seconds": 80.0, "node n1 cpu_user_seconds": 10.0, "node n1 cpu_util": absent})
	edit(t, root, "proc/stat", "cpu  900 100 500 5750", "cpu  930 100 500 5760")
	want(t, mustRead(t, c), map[string]any{"node n1 cpu_idle_seconds": 80.1, "node n1 cpu_user_seconds": 10.3, "node n1 cpu_util": 0.75})
	edit(t, root, "proc/stat", "intr", core+"intr") // and comes back, with what it had
	edit(t, root, "proc/stat", "cpu  930 100 500 5760", "cpu  1030 100 500 8010")
	want(t, mustRead(t, c), map[string]any{"node n1 cpu_idle_seconds": 80.1, "node n1 cpu_user_seconds": 10.3, "node n1 cpu_util": absent})
}
