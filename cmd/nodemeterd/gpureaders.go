package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/gpu"
)

// gpuReaders is how the GPU readers and the driver's calls fare, as metrics.
type gpuReaders struct {
	status                   func() gpu.Status
	starts, losses, stuck    *prometheus.Desc
	calls, failures, longest *prometheus.Desc
}

func newGPUReaders(status func() gpu.Status) *gpuReaders {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("nodemeter_gpu_"+name, help, labels, nil)
	}
	const anew = " Starts anew with each reader."
	return &gpuReaders{
		status:   status,
		starts:   desc("reader_starts_total", "GPU reader processes started."),
		losses:   desc("reader_losses_total", "GPU reader processes that ended or hung and were replaced."),
		stuck:    desc("readers_stuck", "GPU reader processes that were told to end and are still there."),
		calls:    desc("call_duration_seconds", "Time spent in a call of the driver, over all GPUs."+anew, "call"),
		failures: desc("call_failures_total", "Calls of the driver that failed."+anew, "call"),
		longest:  desc("call_duration_max_seconds", "The longest single call of the driver."+anew, "call"),
	}
}

// Describe implements prometheus.Collector.
func (g *gpuReaders) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.starts, g.losses, g.stuck, g.calls, g.failures, g.longest} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gpuReaders) Collect(ch chan<- prometheus.Metric) {
	s := g.status()
	ch <- prometheus.MustNewConstMetric(g.starts, prometheus.CounterValue, float64(s.ReadersStarted))
	ch <- prometheus.MustNewConstMetric(g.losses, prometheus.CounterValue, float64(s.ReadersLost))
	ch <- prometheus.MustNewConstMetric(g.stuck, prometheus.GaugeValue, float64(s.ReadersStuck))
	for _, c := range s.ByCall() {
		ch <- prometheus.MustNewConstSummary(g.calls, c.Count, c.Total.Seconds(), nil, c.Name)
		ch <- prometheus.MustNewConstMetric(g.failures, prometheus.CounterValue, float64(c.Failed), c.Name)
		ch <- prometheus.MustNewConstMetric(g.longest, prometheus.GaugeValue, c.Max.Seconds(), c.Name)
	}
}
