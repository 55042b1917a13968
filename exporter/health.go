package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/metric"
)

// health is what the daemon tells about itself. Everything in it comes from the
// samples: their sources and events.
type health struct {
	ticks, sampled          prometheus.Counter
	late, steps, slept      prometheus.Counter
	missed                  *prometheus.CounterVec
	lastTick, covered, lag  prometheus.Gauge
	series, limit, interval prometheus.Gauge
	dropped                 prometheus.Counter
	build                   *prometheus.GaugeVec
	lateness                float64 // seconds after which a tick counts as late
	lags                    prometheus.Histogram
	sources                 *sourcesHealth
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func newHealth(o Options) *health {
	h := &health{
		ticks:    counter("nodemeter_ticks_total", "Samples taken."),
		sampled:  counter("nodemeter_sampled_seconds_total", "Time that the samples taken cover: what a counter of busy time grew in."),
		late:     counter("nodemeter_late_ticks_total", "Samples whose reading began more than a tenth of the interval after their tick."),
		steps:    counter("nodemeter_clock_steps_total", "Times the wall clock was set."),
		slept:    counter("nodemeter_suspended_seconds_total", "Time the machine was suspended while the agent ran."),
		missed:   counters("nodemeter_missed_ticks_total", "Ticks for which no sample was taken, by reason.", "reason"),
		lastTick: gauge("nodemeter_last_tick_timestamp_seconds", "The tick that the exported sample stands for."),
		covered:  gauge("nodemeter_tick_covered_seconds", "Monotonic time between the exported sample and the one before it."),
		lag:      gauge("nodemeter_tick_lag_seconds", "How long after its tick the reading of the exported sample began."),
		interval: gauge("nodemeter_interval_seconds", "The configured time between ticks."),
		series:   gauge("nodemeter_series", "Series made from the exported sample."),
		limit:    gauge("nodemeter_series_limit", "Most series that are made from a sample."),
		dropped:  counter("nodemeter_series_dropped_total", "Series not exported because of the limit, summed over samples."),
		build:    gauges("nodemeter_build_info", "Which program this is; always 1.", "version", "revision", "goversion"),
		lateness: o.Interval.Seconds() / 10,
		lags:     lags(o.ClassicHistograms),
		sources:  newSourcesHealth(),
	}
	h.interval.Set(o.Interval.Seconds())
	h.limit.Set(float64(o.MaxSeries))
	h.build.WithLabelValues(o.Build.Version, o.Build.Revision, o.Build.GoVersion).Set(1)
	for _, reason := range []string{"overrun", "suspend", "clock_step", "budget"} {
		h.missed.WithLabelValues(reason) // a counter that is there at 0 can be alerted on
	}
	return h
}

// lags is the jitter of the tick loop. Its buckets grow by a tenth; below ten
// microseconds is on time.
func lags(classic bool) prometheus.Histogram {
	o := prometheus.HistogramOpts{
		Name:                           "nodemeter_tick_lag_samples_seconds",
		Help:                           "How long after its tick reading began: a histogram of every tick.",
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramZeroThreshold:   1e-5,
		NativeHistogramMaxBucketNumber: 160,
	}
	if classic {
		o.Buckets = []float64{5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 1e-1}
	}
	return prometheus.NewHistogram(o)
}

func (h *health) collectors() []prometheus.Collector {
	return []prometheus.Collector{
		h.ticks, h.sampled, h.late, h.steps, h.slept, h.missed, h.lastTick, h.covered, h.lag, h.lags, h.interval,
		h.series, h.limit, h.dropped, h.build,
		newSelf(time.Now()),
	}
}

// observe takes in one sample.
func (h *health) observe(s *metric.Sample) {
	h.ticks.Inc()
	h.sampled.Add(max(s.Interval.Seconds(), 0))
	if s.Late.Seconds() > h.lateness {
		h.late.Inc()
	}
	h.lastTick.Set(float64(s.Time.UnixMicro()) / 1e6)
	h.covered.Set(s.Interval.Seconds())
	h.lag.Set(s.Late.Seconds())
	h.lags.Observe(s.Late.Seconds())
	h.sources.observe(s.Sources)
	for _, e := range s.Events {
		switch e.Kind {
		case metric.EventMissedTicks:
			h.missed.WithLabelValues(e.Detail).Add(float64(e.Count))
		case metric.EventClockStep:
			h.steps.Inc()
		case metric.EventSuspend:
			h.slept.Add(max(e.By.Seconds(), 0))
		}
	}
}
