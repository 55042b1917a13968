package remotewrite

import (
	"math"
	"slices"
	"strconv"
	"strings"

	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	dto "github.com/prometheus/client_model/go"

	"nodemeter/collector/metric"
)

// Series is values of one series in ascending time.
type Series struct {
	// Labels are sorted by name; __name__ is one of them.
	Labels []metric.Label
	// Counter says what the server is told about the series' type.
	Counter bool
	Values  []Value
	// Histogram is a native histogram at Values[0].Time, whose V is not used; nil for a number.
	Histogram *writev2.Histogram
}

// Value is a number at a time in milliseconds since 1970.
type Value struct {
	Time int64
	V    float64
}

// stale marks the end of a series (Prometheus model/value: StaleNaN).
var stale = math.Float64frombits(0x7ff0000000000002)

// key identifies a series.
func (s *Series) key() string {
	var b strings.Builder
	for _, l := range s.Labels {
		b.WriteString(l.Name)
		b.WriteByte(0)
		b.WriteString(l.Value)
		b.WriteByte(0)
	}
	return b.String()
}

// NewLabels joins a name and labels with the labels of every series, sorted.
// Empty values mean no label; names given twice keep the first.
func NewLabels(name string, labels, always []metric.Label) []metric.Label {
	out := make([]metric.Label, 0, len(labels)+len(always)+1)
	out = append(out, metric.Label{Name: "__name__", Value: name})
	for _, l := range slices.Concat(labels, always) {
		if l.Value != "" && !slices.ContainsFunc(out, func(o metric.Label) bool { return o.Name == l.Name }) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b metric.Label) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// convert turns gathered families into series at one time, as a scrape would.
func convert(families []*dto.MetricFamily, at int64, always []metric.Label) []Series {
	var out []Series
	for _, f := range families {
		for _, m := range f.Metric {
			out = appendMetric(out, f, m, at, always)
		}
	}
	return out
}

func appendMetric(out []Series, f *dto.MetricFamily, m *dto.Metric, at int64, always []metric.Label) []Series {
	labels := make([]metric.Label, 0, len(m.Label)+1)
	for _, l := range m.Label {
		labels = append(labels, metric.Label{Name: l.GetName(), Value: l.GetValue()})
	}
	one := func(suffix string, counter bool, v float64, more ...metric.Label) {
		out = append(out, Series{Labels: NewLabels(f.GetName()+suffix, slices.Concat(labels, more), always), Counter: counter, Values: []Value{{at, v}}})
	}
	switch {
	case m.Counter != nil:
		one("", true, m.Counter.GetValue())
	case m.Gauge != nil:
		one("", false, m.Gauge.GetValue())
	case m.Untyped != nil:
		one("", false, m.Untyped.GetValue())
	case m.Summary != nil:
		for _, q := range m.Summary.Quantile {
			one("", false, q.GetValue(), metric.Label{Name: "quantile", Value: number(q.GetQuantile())})
		}
		one("_sum", true, m.Summary.GetSampleSum())
		one("_count", true, float64(m.Summary.GetSampleCount()))
	case m.Histogram != nil:
		if m.Histogram.Schema != nil {
			out = append(out, Series{Labels: NewLabels(f.GetName(), labels, always), Values: []Value{{Time: at}}, Histogram: native(m.Histogram, at)})
		}
		buckets := m.Histogram.Bucket
		for _, b := range buckets {
			one("_bucket", true, float64(b.GetCumulativeCount()), metric.Label{Name: "le", Value: number(b.GetUpperBound())})
		}
		if n := len(buckets); n > 0 {
			if !math.IsInf(buckets[n-1].GetUpperBound(), 1) {
				one("_bucket", true, float64(m.Histogram.GetSampleCount()), metric.Label{Name: "le", Value: "+Inf"})
			}
			one("_sum", true, m.Histogram.GetSampleSum())
			one("_count", true, float64(m.Histogram.GetSampleCount()))
		}
	}
	return out
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// native converts a native histogram of integer counts, which is what
// client_golang makes.
func native(h *dto.Histogram, at int64) *writev2.Histogram {
	out := &writev2.Histogram{
		Count: &writev2.Histogram_CountInt{CountInt: h.GetSampleCount()}, Sum: h.GetSampleSum(), Schema: h.GetSchema(), ZeroThreshold: h.GetZeroThreshold(),
		ZeroCount:      &writev2.Histogram_ZeroCountInt{ZeroCountInt: h.GetZeroCount()},
		NegativeDeltas: slices.Clone(h.NegativeDelta), PositiveDeltas: slices.Clone(h.PositiveDelta), Timestamp: at,
	}
	spans := func(in []*dto.BucketSpan) []*writev2.BucketSpan {
		var out []*writev2.BucketSpan
		for _, s := range in {
			if s.GetLength() > 0 { // client_golang marks an empty native histogram by an empty span
				out = append(out, &writev2.BucketSpan{Offset: s.GetOffset(), Length: s.GetLength()})
			}
		}
		return out
	}
	out.NegativeSpans, out.PositiveSpans = spans(h.NegativeSpan), spans(h.PositiveSpan)
	return out
}
