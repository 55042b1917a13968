package cmd_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"nodemeter/analysis"
	"nodemeter/collector/metric"
	"nodemeter/collector/window"
	"nodemeter/exporter"
)

var (
	cpuUtil = &metric.Desc{On: metric.Node, Column: "cpu_util", Metric: "nodemeter_cpu_utilization_ratio", Help: "h", Absent: "a",
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.0001}
	cpuUser = &metric.Desc{On: metric.Node, Column: "cpu_user_seconds", Metric: "nodemeter_cpu_seconds_total", Help: "h", Absent: "a",
		Labels: []metric.Label{{Name: "mode", Value: "user"}}, Unit: metric.Seconds, Kind: metric.Counter, Type: metric.TypeFloat, Step: 0.01}
)

// tenMinutes are samples of a busy and jittery node: one a second, some absent.
func tenMinutes(begin time.Time) []*metric.Sample {
	r := rand.New(rand.NewPCG(1, 2))
	node := &metric.Entity{Kind: metric.Node, ID: "n1"}
	var out []*metric.Sample
	user := 1000.0
	for i := 1; i <= 600; i++ {
		s := &metric.Sample{
			Time:     begin.Add(time.Duration(i) * time.Second),
			Interval: time.Duration(900_000+r.IntN(200_000)) * time.Microsecond,
		}
		user += float64(r.IntN(200)) / 100
		points := []metric.Point{metric.Float(cpuUser, math.Round(user*100)/100)}
		if i%50 != 0 {
			points = append(points, metric.Float(cpuUtil, float64(r.IntN(10_001))/10_000))
		}
		s.Readings = []metric.Reading{{Entity: node, Points: points}}
		out = append(out, s)
	}
	return out
}

// exported publishes the samples, and one more that ends their span, and
// returns the value of the one series of each family; of a histogram mean and count.
func exported(t *testing.T, samples []*metric.Sample) map[string]float64 {
	t.Helper()
	e, err := exporter.New(exporter.Options{Descs: []*metric.Desc{cpuUtil, cpuUser}, Interval: time.Second, Span: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	gather := func(prefix string) {
		families, err := e.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			m := f.Metric[0]
			switch {
			case m.Gauge != nil:
				out[f.GetName()] = m.Gauge.GetValue()
			case m.Histogram != nil:
				out[prefix+f.GetName()] = m.Histogram.GetSampleSum() / float64(m.Histogram.GetSampleCount())
				out[prefix+f.GetName()+"_count"] = float64(m.Histogram.GetSampleCount())
			case m.Counter != nil:
				out[prefix+f.GetName()] = m.Counter.GetValue()
			}
		}
	}
	for i, s := range samples {
		e.Publish(s)
		if i == 0 {
			gather("first ")
		}
	}
	gather("")
	last := samples[len(samples)-1]
	e.Publish(&metric.Sample{Time: last.Time.Add(time.Second), Interval: last.Interval, Mono: last.Mono, Readings: last.Readings, Sources: last.Sources})
	gather("after ")
	return out
}

// recorded writes the samples to windows and analyzes those.
func recorded(t *testing.T, samples []*metric.Sample) *analysis.EntityResult {
	t.Helper()
	dir := t.TempDir()
	r, err := window.NewRecorder(window.Options{Dir: dir, Node: "n1", Interval: time.Second, Queue: len(samples)})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		r.Publish(s)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	result, err := analysis.Analyze(t.Context(), analysis.Options{
		Paths: []string{dir}, By: metric.Node, Columns: []string{"cpu_user_seconds"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Entities) != 1 {
		t.Fatalf("%d entities", len(result.Entities))
	}
	return result.Entities[0]
}

// TestSameFiguresOnlineAndOffline: what Prometheus is told and what the summary
// says of the same samples are the same figures.
func TestSameFiguresOnlineAndOffline(t *testing.T) {
	samples := tenMinutes(time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC))
	online, offline := exported(t, samples), recorded(t, samples)
	util := offline.Stats["cpu_util"]
	if util == nil {
		t.Fatal("no cpu_util offline")
	}
	for _, c := range []struct {
		name            string
		online, offline float64
	}{
		{"mean weighted by time", online["nodemeter_cpu_utilization_span_mean_ratio"], float64(util.Mean)},
		{"minimum", online["nodemeter_cpu_utilization_span_min_ratio"], float64(util.Min)},
		{"maximum", online["nodemeter_cpu_utilization_span_max_ratio"], float64(util.Max)},
		{"mean of samples", online["nodemeter_cpu_utilization_samples_ratio"], float64(util.SampleMean)},
		{"number of samples", online["nodemeter_cpu_utilization_samples_ratio_count"], float64(util.Samples)},
		{"increase of a counter", online["nodemeter_cpu_seconds_total"] - online["first nodemeter_cpu_seconds_total"], offline.Increase["cpu_user_seconds"].Total},
	} {
		if !(math.Abs(c.online-c.offline) <= 1e-9*math.Abs(c.offline)) || c.offline == 0 {
			t.Errorf("%s: %.12g online, %.12g offline", c.name, c.online, c.offline)
		}
	}
}
