package exporter

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/metric"
)

// spans keeps least, greatest and mean of the quantities over the last whole
// span of wall time. Spans are aligned, so that every scraper, whenever it
// comes, sees the same figures, and so do all nodes.
//
// The loop alone calls begin and add; Collect may be called from anywhere.
type spans struct {
	length time.Duration

	end     time.Time // of the span being filled
	covered time.Duration
	filling map[spanKey]*extent

	last atomic.Pointer[span]

	ends, coverage *prometheus.Desc
	descs          map[columnKey]*extentDescs
}

// span is a finished one; immutable.
type span struct {
	end      time.Time
	at       time.Time // when it was finished, on the monotonic clock
	coverage float64
	extents  map[spanKey]*extent
}

type spanKey struct {
	column columnKey
	id     string
}

// extent is what is known of one quantity of one entity in a span.
type extent struct {
	least, greatest float64
	sum             float64 // of value x seconds
	seconds         float64
}

func (e *extent) add(v float64, covers time.Duration) {
	if e.seconds == 0 || v < e.least {
		e.least = v
	}
	if e.seconds == 0 || v > e.greatest {
		e.greatest = v
	}
	e.sum += v * covers.Seconds()
	e.seconds += covers.Seconds()
}

type extentDescs struct{ least, greatest, mean *prometheus.Desc }

func newSpans(length time.Duration) *spans {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	s := &spans{
		length: length, filling: map[spanKey]*extent{}, descs: map[columnKey]*extentDescs{},
		ends:     desc("nodemeter_span_end_timestamp_seconds", "End of the last whole span, which the _span_ families describe."),
		coverage: desc("nodemeter_span_coverage_ratio", "Share of the last whole span that samples cover."),
	}
	for _, q := range quantities() {
		s.descs[columnKey{q.on, q.column}] = &extentDescs{
			desc(q.family("span_min"), q.noun+": least sample of the last whole span.", q.labels()...),
			desc(q.family("span_max"), q.noun+": greatest sample of the last whole span.", q.labels()...),
			desc(q.family("span_mean"), q.noun+": mean over the last whole span, weighted by the length of each sample.", q.labels()...),
		}
	}
	return s
}

// begin finishes the span when s is the first sample after it. A sample stands
// for the time before it, so one on a boundary belongs to the span that ends there.
func (s *spans) begin(m *metric.Sample) {
	if s.length <= 0 {
		return
	}
	ns := m.Time.UnixNano() - 1
	end := time.Unix(0, ns-ns%int64(s.length)+int64(s.length))
	if !end.Equal(s.end) {
		if len(s.filling) > 0 {
			s.last.Store(&span{s.end, time.Now(), min(s.covered.Seconds()/s.length.Seconds(), 1), s.filling})
		}
		s.end, s.covered, s.filling = end, 0, map[spanKey]*extent{}
	}
	s.covered += m.Interval
}

// add takes in one value that covers an interval. The first sample covers none.
func (s *spans) add(q quantity, id string, v float64, covers time.Duration) {
	if s.length <= 0 || covers <= 0 {
		return
	}
	k := spanKey{columnKey{q.on, q.column}, id}
	e := s.filling[k]
	if e == nil {
		e = &extent{}
		s.filling[k] = e
	}
	e.add(v, covers)
}

// Describe implements prometheus.Collector.
func (s *spans) Describe(ch chan<- *prometheus.Desc) {
	ch <- s.ends
	ch <- s.coverage
	for _, d := range s.descs {
		ch <- d.least
		ch <- d.greatest
		ch <- d.mean
	}
}

// Collect implements prometheus.Collector. A span that ended long ago is not shown.
func (s *spans) Collect(ch chan<- prometheus.Metric) {
	last := s.last.Load()
	if last == nil || time.Since(last.at) > 2*s.length {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(s.ends, float64(last.end.Unix()))
	gauge(s.coverage, last.coverage)
	for k, e := range last.extents {
		var labels []string
		if k.column.on != metric.Node {
			labels = []string{k.id}
		}
		d := s.descs[k.column]
		gauge(d.least, e.least, labels...)
		gauge(d.greatest, e.greatest, labels...)
		gauge(d.mean, e.sum/e.seconds, labels...)
	}
}
