package exporter

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// TestOwnGathersWhatARegistryDoes: names, help, kinds, values and order.
func TestOwnGathersWhatARegistryDoes(t *testing.T) {
	o := newOwn()
	for _, c := range oddCollectors() {
		if err := o.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	want, err := o.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what a Desc says is kept from the first
		got, err := o.gather()
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d families, want %d, %v", len(got), len(want), err)
		}
		for i := range want {
			if !proto.Equal(got[i].message, want[i]) {
				t.Errorf("got\n%v\nwant\n%v", got[i].message, want[i])
			}
		}
	}
	if err := o.Register(prometheus.NewGauge(prometheus.GaugeOpts{Name: "g", Help: "another"})); err == nil {
		t.Error("a family that is there already was registered")
	}
}

// TestPanicOfAMetricEndsWithItsGathering: the next one is whole, and of its own
// time, and nothing is left of the first.
func TestPanicOfAMetricEndsWithItsGathering(t *testing.T) {
	o := newOwn()
	e := &explosive{desc: prometheus.NewDesc("e", "h", []string{"i"}, nil)}
	if err := o.Register(e); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the metric did not panic")
			}
		}()
		o.gather()
	}()
	if e.round != 1 {
		t.Errorf("%d rounds of collecting are over, want 1: its goroutine is left", e.round)
	}
	got, err := o.gather()
	if err != nil || len(got) != 1 || len(got[0].message.Metric) != explosiveSeries {
		t.Fatalf("%v, %v", got, err)
	}
	for _, m := range got[0].message.Metric {
		if m.Gauge.GetValue() != 1 {
			t.Fatalf("gathered later: %v", m)
		}
	}
}

// explosiveSeries is more than wait in a channel.
const explosiveSeries = 1000

// explosive is a collector whose metrics are the number of the round; the first
// one's panic.
type explosive struct {
	desc  *prometheus.Desc
	round int
}

func (e *explosive) Describe(ch chan<- *prometheus.Desc) { ch <- e.desc }

func (e *explosive) Collect(ch chan<- prometheus.Metric) {
	for i := range explosiveSeries {
		m := prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, float64(e.round), strconv.Itoa(i))
		if e.round == 0 {
			m = mine{m}
		}
		ch <- m
	}
	e.round++
}

type mine struct{ prometheus.Metric }

func (mine) Write(*dto.Metric) error { panic("mine") }

func TestWhatCouldBeGatheredIsShown(t *testing.T) {
	e := newExporter(t, func(o *Options) { o.Extra = []prometheus.Collector{broken{}} })
	e.Publish(sample())
	w := do(handler(e), "GET", "/metrics")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "nodemeter_cpu_utilization_ratio 0.25\n") {
		t.Errorf("%d:\n%s", w.Code, w.Body)
	}
}

// broken is a collector that fails.
type broken struct{}

func (broken) Describe(ch chan<- *prometheus.Desc) {
	ch <- prometheus.NewDesc("broken", "h", nil, nil)
}

func (broken) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("broken", "h", nil, nil), io.ErrUnexpectedEOF)
}
