package exporter

import (
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"nodemeter/collector/metric"
)

// feed publishes one sample a second with the given processor utilizations; the
// first stands for second 1 of a minute.
func feed(e *Exporter, utils ...float64) {
	begin := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	for i, u := range utils {
		e.Publish(&metric.Sample{
			Time: begin.Add(time.Duration(i+1) * time.Second), Interval: time.Second,
			Readings: []metric.Reading{
				{Entity: node, Points: []metric.Point{metric.Float(util, u), metric.Float(mbps, 8*u)}},
				{Entity: gpu0, Points: []metric.Point{metric.Float(gpuUtil, u)}},
			},
		})
	}
}

var gpuUtil = desc(metric.Desc{On: metric.GPU, Column: "gpu_util", Metric: "nodemeter_gpu_utilization_ratio", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat})

func gathered(t *testing.T, e *Exporter, name string) *dto.MetricFamily {
	t.Helper()
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f
		}
	}
	return nil
}

func withSpan(o *Options) { o.Span = 10 * time.Second; o.Descs = append(o.Descs, gpuUtil) }

// TestBurstBetweenScrapesIsInTheHistogram: the one sample at 100 % that no
// scrape sees is there, in the native buckets and in the sum.
func TestBurstBetweenScrapesIsInTheHistogram(t *testing.T) {
	e := newExporter(t, withSpan)
	feed(e, 0.1, 0.1, 1, 0.1)
	f := gathered(t, e, "nodemeter_cpu_utilization_samples_ratio")
	if f == nil {
		t.Fatal("no histogram")
	}
	h := f.Metric[0].Histogram
	if h.GetSampleCount() != 4 || math.Abs(h.GetSampleSum()-1.3) > 1e-12 {
		t.Errorf("count %d, sum %g", h.GetSampleCount(), h.GetSampleSum())
	}
	if n := len(h.GetPositiveSpan()); n != 2 {
		t.Errorf("%d runs of native buckets, want one at 0.1 and one at 1", n)
	}
	if n := len(h.GetBucket()); n != 0 {
		t.Errorf("%d classic buckets without being asked for", n)
	}
	g := gathered(t, e, "nodemeter_gpu_utilization_samples_ratio").Metric[0]
	if g.Label[0].GetName() != "uuid" || g.Label[0].GetValue() != "GPU-1" {
		t.Errorf("labels %v", g.Label)
	}
}

func TestClassicBuckets(t *testing.T) {
	e := newExporter(t, func(o *Options) { o.ClassicHistograms = true })
	feed(e, 0.1, 0.96, 1)
	got := text(t, e)
	for _, want := range []string{
		`nodemeter_cpu_utilization_samples_ratio_bucket{le="0.95"} 1`,
		`nodemeter_cpu_utilization_samples_ratio_bucket{le="0.99"} 2`,
		`nodemeter_network_throughput_samples_bytes_per_second_bucket{le="100000"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

// TestSpanIsTheLastWholeOne: the sample on the boundary belongs to the span
// that ends there, and nothing is shown before the next one begins.
func TestSpanIsTheLastWholeOne(t *testing.T) {
	e := newExporter(t, withSpan)
	minute := []float64{0.2, 0.2, 0.9, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.1}
	feed(e, minute...)
	if f := gathered(t, e, "nodemeter_cpu_utilization_span_max_ratio"); f != nil {
		t.Errorf("an unfinished span is shown: %v", f)
	}
	feed(e, append(minute, 0.99)...)
	got := text(t, e)
	for _, want := range []string{
		"nodemeter_cpu_utilization_span_min_ratio 0.1\n",
		"nodemeter_cpu_utilization_span_max_ratio 0.9\n",
		`nodemeter_gpu_utilization_span_max_ratio{uuid="GPU-1"} 0.9`,
		"nodemeter_network_throughput_span_max_bytes_per_second 900000\n",
		"nodemeter_span_coverage_ratio 1\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if v := gathered(t, e, "nodemeter_cpu_utilization_span_mean_ratio").Metric[0].GetGauge().GetValue(); math.Abs(v-0.26) > 1e-9 {
		t.Errorf("mean %g", v)
	}
}

func TestSpanMeanIsWeightedByTime(t *testing.T) {
	var e extent
	e.add(1, time.Second)
	e.add(0.5, 3*time.Second)
	if mean := e.sum / e.seconds; mean != 0.625 {
		t.Errorf("mean %g", mean)
	}
}

func TestHistogramOfADepartedEntityIsForgotten(t *testing.T) {
	e := newExporter(t, withSpan)
	feed(e, 0.5)
	if gathered(t, e, "nodemeter_gpu_utilization_samples_ratio") == nil {
		t.Fatal("no histogram")
	}
	s := sample() // of another day, without that metric of the GPU
	e.Publish(s)
	s.Time = s.Time.Add(2 * forgetAfter)
	e.Publish(s)
	if f := gathered(t, e, "nodemeter_gpu_utilization_samples_ratio"); f != nil {
		t.Errorf("still there: %v", f)
	}
}
