package remotewrite

import "github.com/prometheus/client_golang/prometheus"

// metrics are the writer's own health.
type metrics struct {
	sent, refused, retries, filled prometheus.Counter
	last                           prometheus.Gauge
	waiting                        prometheus.GaugeFunc
	dropped                        prometheus.CounterFunc
}

func newMetrics(q *queue) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "nodemeter_remote_write_" + name, Help: help})
	}
	return &metrics{
		sent:    counter("samples_total", "Values the server has accepted, filled gaps included."),
		refused: counter("refused_samples_total", "Values the server has refused for good; they are lost."),
		retries: counter("retries_total", "Sendings that failed and were tried again."),
		filled:  counter("filled_samples_total", "Values sent from windows after an outage."),
		last: prometheus.NewGauge(prometheus.GaugeOpts{Name: "nodemeter_remote_write_last_success_timestamp_seconds",
			Help: "When the server last accepted something."}),
		waiting: prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "nodemeter_remote_write_waiting_steps",
			Help: "Steps in memory that have not been sent."}, func() float64 { return float64(q.length()) }),
		dropped: prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "nodemeter_remote_write_dropped_steps_total",
			Help: "Steps that did not fit into memory; their span is filled from windows."}, func() float64 {
			q.mu.Lock()
			defer q.mu.Unlock()
			return float64(q.dropped)
		}),
	}
}

// Describe implements prometheus.Collector.
func (w *Writer) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range w.metrics.all() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (w *Writer) Collect(ch chan<- prometheus.Metric) {
	for _, c := range w.metrics.all() {
		c.Collect(ch)
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.sent, m.refused, m.retries, m.filled, m.last, m.waiting, m.dropped}
}
