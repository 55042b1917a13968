package exporter

import (
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// TestPublishingAllocatesNothing: but for what begins with a span, once a minute.
func TestPublishingAllocatesNothing(t *testing.T) {
	util := &metric.Desc{On: metric.Node, Column: "cpu_util", Metric: "nodemeter_cpu_utilization_ratio", Help: "h",
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Absent: "a"}
	e, err := New(Options{Interval: time.Second, Span: time.Hour, Descs: []*metric.Desc{util}})
	if err != nil {
		t.Fatal(err)
	}
	a, node := metric.NewAssembler(), &metric.Entity{Kind: metric.Node, ID: "n"}
	var b metric.Batch
	at := time.Unix(1_000_000_801, 0)
	tick := func() {
		b.Reset()
		b.Add(node, metric.Float(util, 0.5))
		s := a.Assemble([]*metric.Batch{&b})
		at = at.Add(time.Second)
		s.Time, s.Interval, s.Late = at, time.Second, 20*time.Microsecond
		s.Sources = append(s.Sources[:0], metric.SourceStatus{Name: "cpu", LastSuccess: at})
		e.Publish(s)
		s.Release()
	}
	if n := testing.AllocsPerRun(500, tick); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
}
