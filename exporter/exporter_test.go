package exporter

import (
	"cmp"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"nodemeter/collector/metric"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	node  = &metric.Entity{Kind: metric.Node, ID: "n1", Info: []metric.Label{{Name: "kernel", Value: "6.1"}, {Name: "not a label", Value: "x"}}}
	core0 = &metric.Entity{Kind: metric.CPU, ID: "0"}
	eth0  = &metric.Entity{Kind: metric.NIC, ID: "eth0", Info: []metric.Label{{Name: "class", Value: "physical"}, {Name: "device", Value: "forged"}}}
	sda   = &metric.Entity{Kind: metric.Disk, ID: "sda"}
	gpu0  = &metric.Entity{Kind: metric.GPU, ID: "GPU-1", Info: []metric.Label{{Name: "driver", Value: ""}, {Name: "name", Value: "H200 \"x\"\xff"}}}
	work  = &metric.Entity{Kind: metric.Worker, ID: "job 7"}

	util  = desc(metric.Desc{On: metric.Node, Column: "cpu_util", Metric: "nodemeter_cpu_utilization_ratio", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat})
	user  = desc(metric.Desc{On: metric.Node, Column: "cpu_user_seconds", Metric: "nodemeter_cpu_seconds_total", Labels: []metric.Label{{Name: "mode", Value: "user"}}, Unit: metric.Seconds, Kind: metric.Counter, Type: metric.TypeFloat})
	idle  = desc(metric.Desc{On: metric.Node, Column: "cpu_idle_seconds", Metric: "nodemeter_cpu_seconds_total", Labels: []metric.Label{{Name: "mode", Value: "idle"}}, Unit: metric.Seconds, Kind: metric.Counter, Type: metric.TypeFloat})
	mbps  = desc(metric.Desc{On: metric.Node, Column: "network_mbps", Unit: metric.Mbps, Kind: metric.Gauge, Type: metric.TypeFloat})
	core  = desc(metric.Desc{On: metric.CPU, Column: "cpu_util", Metric: "nodemeter_core_utilization_ratio", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat})
	rx    = desc(metric.Desc{On: metric.NIC, Column: "network_receive_bytes", Metric: "nodemeter_network_device_receive_bytes_total", Unit: metric.Bytes, Kind: metric.Counter, Type: metric.TypeInt})
	read  = desc(metric.Desc{On: metric.Disk, Column: "disk_read_bytes", Metric: "nodemeter_disk_device_read_bytes_total", Unit: metric.Bytes, Kind: metric.Counter, Type: metric.TypeInt})
	state = desc(metric.Desc{On: metric.GPU, Column: "gpu_state", Metric: "nodemeter_gpu_state", Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeState, States: []string{"ok", "hung", "lost"}})
	rss   = desc(metric.Desc{On: metric.Worker, Column: "rss_bytes", Metric: "nodemeter_worker_resident_bytes", Unit: metric.Bytes, Kind: metric.Gauge, Type: metric.TypeInt})

	allDescs = []*metric.Desc{util, user, idle, mbps, core, rx, read, state, rss}
)

func desc(d metric.Desc) *metric.Desc {
	d.Help, d.Absent = "What "+cmp.Or(d.Metric, d.Column)+" is.", "never"
	return &d
}

func sample() *metric.Sample {
	t := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &metric.Sample{
		Time: t, Late: 250 * time.Millisecond, Interval: 1010 * time.Millisecond,
		Readings: []metric.Reading{
			{Entity: node, Points: []metric.Point{metric.Float(util, 0.25), metric.Float(user, 10.5), metric.Float(idle, 99), metric.Float(mbps, 7)}},
			{Entity: core0, Points: []metric.Point{metric.Float(core, 1)}},
			{Entity: eth0, Points: []metric.Point{metric.Int(rx, 1<<53)}},
			{Entity: sda, Points: []metric.Point{metric.Int(read, 4096)}},
			{Entity: gpu0, Points: []metric.Point{metric.State(state, 1)}},
			{Entity: work, Points: []metric.Point{metric.Int(rss, 5)}},
		},
		Sources: []metric.SourceStatus{
			{Name: "cpu", Duration: time.Millisecond, LastSuccess: t},
			{Name: "gpu", Err: errors.New("lost"), Rejected: 3},
		},
		Events: []metric.Event{
			{Kind: metric.EventMissedTicks, Count: 2, Detail: "overrun"},
			{Kind: metric.EventClockStep, By: -time.Hour},
			{Kind: metric.EventSuspend, By: time.Minute},
		},
	}
}

func newExporter(t testing.TB, change func(*Options)) *Exporter {
	t.Helper()
	o := Options{Descs: allDescs, Interval: time.Second, Build: Build{Version: "1.2.3", Revision: "abc", GoVersion: "go1.26"}}
	if change != nil {
		change(&o)
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// text renders the families whose names begin with nodemeter_.
func text(t *testing.T, e *Exporter) string {
	t.Helper()
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "nodemeter_") {
			if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.String()
}

func TestFamilies(t *testing.T) {
	e := newExporter(t, func(o *Options) { o.PerCore = true })
	e.Publish(sample())
	got, file := text(t, e), filepath.Join("testdata", "families.prom")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("families differ from %s (run with -update to accept):\n%s", file, got)
	}
}

func TestLint(t *testing.T) {
	e := newExporter(t, func(o *Options) { o.PerCore = true })
	e.Publish(sample())
	problems, err := testutil.GatherAndLint(prometheus.GathererFunc(e.Gather))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestFamiliesAreConsistent(t *testing.T) {
	e := newExporter(t, func(o *Options) { o.PerCore = true })
	e.Publish(sample())
	checked, err := prometheus.Gatherers{e}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families, _ := e.Gather()
	for i, f := range families {
		if checked[i].GetName() != f.GetName() {
			t.Fatalf("%s is out of order", f.GetName())
		}
	}
}

func TestPerCoreIsOffByDefault(t *testing.T) {
	e := newExporter(t, nil)
	e.Publish(sample())
	if got := text(t, e); strings.Contains(got, "nodemeter_core_") {
		t.Errorf("per-core series:\n%s", got)
	}
}

func TestStaleSampleVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExporter(t, nil)
		has := func() bool { return strings.Contains(text(t, e), "nodemeter_cpu_utilization_ratio") }
		if err := e.Ready(); err == nil || has() {
			t.Errorf("before the first sample: ready %v, has %v", err, has())
		}
		e.Publish(sample())
		if err := e.Ready(); err != nil || !has() {
			t.Errorf("after a sample: ready %v, has %v", err, has())
		}
		<-time.After(3*time.Second + 1)
		if err := e.Ready(); err == nil || has() {
			t.Errorf("after three intervals without one: ready %v, has %v", err, has())
		}
		e.Publish(sample())
		if err := e.Ready(); err != nil || !has() {
			t.Errorf("after it resumed: ready %v, has %v", err, has())
		}
	})
}

func TestSeriesLimitDropsAndCounts(t *testing.T) {
	e := newExporter(t, func(o *Options) { o.MaxSeries = 5 })
	e.Publish(sample())
	for range 2 { // a second scrape of the same sample drops nothing more
		got := text(t, e)
		for _, want := range []string{"nodemeter_series 5\n", "nodemeter_series_dropped_total 7\n", "nodemeter_cpu_utilization_ratio 0.25\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in:\n%s", want, got)
			}
		}
	}
}

func TestHealthAddsUp(t *testing.T) {
	e := newExporter(t, nil)
	e.Publish(sample())
	e.Publish(sample())
	got := text(t, e)
	for _, want := range []string{
		"nodemeter_ticks_total 2\n", "nodemeter_late_ticks_total 2\n",
		`nodemeter_missed_ticks_total{reason="overrun"} 4`, `nodemeter_missed_ticks_total{reason="suspend"} 0`,
		"nodemeter_clock_steps_total 2\n", "nodemeter_suspended_seconds_total 120\n",
		`nodemeter_source_failures_total{source="gpu"} 2`, `nodemeter_source_rejected_total{source="gpu"} 6`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestManyScrapersAndOneLoop(t *testing.T) {
	e := newExporter(t, nil)
	e.Publish(sample())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := e.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		e.Publish(sample())
	}
	wg.Wait()
}

func TestDepartedEntitiesAreForgotten(t *testing.T) {
	e := newExporter(t, func(o *Options) { o.MaxSeries = 10 })
	for i := range 200 {
		s := sample()
		s.Readings = append(s.Readings[:1:1], metric.Reading{
			Entity: &metric.Entity{Kind: metric.Worker, ID: strconv.Itoa(i)},
			Points: []metric.Point{metric.Int(rss, 1)},
		})
		e.Publish(s)
		if _, err := e.Gather(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.families.labels); n > 50 {
		t.Errorf("%d label sets kept", n)
	}
}

// wide is a sample of n series beside the node's.
func wide(n int) *metric.Sample {
	s := sample()
	for i := range n {
		s.Readings = append(s.Readings, metric.Reading{
			Entity: &metric.Entity{Kind: metric.NIC, ID: "eth" + strconv.Itoa(i)},
			Points: []metric.Point{metric.Int(rx, int64(i))},
		})
	}
	return s
}

// BenchmarkGather is the cost of turning a new sample of about 200 series into families.
func BenchmarkGather(b *testing.B) {
	e := newExporter(b, nil)
	s := wide(190)
	var families []*dto.MetricFamily
	for b.Loop() {
		e.latest.put(s, time.Now())
		families, _ = e.Gather()
	}
	b.ReportMetric(float64(len(families)), "families")
}
