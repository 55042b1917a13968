package exporter

import (
	"math"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// textWriter writes families in the classic text format, or in OpenMetrics 1.0. It
// writes what expfmt writes, byte for byte, which a test holds, at a fifth of
// the cost: names and labels are valid here and are not validated once more.
type textWriter struct {
	open bool // OpenMetrics
	out  []byte
}

// family appends one of the daemon's own families. It reports false for a type
// that it does not know.
func (t *textWriter) family(own *ownShown) bool {
	f := own.message
	switch f.GetType() {
	case dto.MetricType_COUNTER, dto.MetricType_GAUGE, dto.MetricType_SUMMARY, dto.MetricType_HISTOGRAM:
	default:
		return false
	}
	if t.open {
		t.out = append(t.out, own.open...)
	} else {
		t.out = append(t.out, own.head...)
	}
	for _, m := range f.Metric {
		t.metric(f.GetName(), m)
	}
	return true
}

// values appends a family of a sample.
func (t *textWriter) values(f *sampleFamily) {
	if t.open {
		t.out = append(t.out, f.open...)
	} else {
		t.out = append(t.out, f.head...)
	}
	for i := range f.values {
		x := &f.values[i]
		t.out = append(append(append(t.out, f.name...), x.labels.text...), ' ')
		t.float(x.v, t.open)
		t.out = append(t.out, '\n')
	}
}

// head appends the lines that describe a family.
func (t *textWriter) head(name string, kind dto.MetricType, help string) {
	typ := strings.ToLower(kind.String())
	if kind == dto.MetricType_COUNTER && t.open {
		base, total := strings.CutSuffix(name, "_total")
		if name = base; !total {
			typ = "unknown"
		}
	}
	t.out = append(append(append(t.out, "# HELP "...), name...), ' ')
	t.escape(help, t.open)
	t.out = append(append(append(append(append(t.out, "\n# TYPE "...), name...), ' '), typ...), '\n')
}

func (t *textWriter) metric(name string, m *dto.Metric) {
	switch {
	case m.Counter != nil:
		t.sample(name, "", m, "", 0, m.Counter.GetValue())
	case m.Gauge != nil:
		t.sample(name, "", m, "", 0, m.Gauge.GetValue())
	case m.Summary != nil:
		for _, q := range m.Summary.Quantile {
			t.sample(name, "", m, "quantile", q.GetQuantile(), q.GetValue())
		}
		t.sample(name, "_sum", m, "", 0, m.Summary.GetSampleSum())
		t.count(name, "_count", m, "", 0, m.Summary.GetSampleCount())
	case m.Histogram != nil:
		h := m.Histogram
		last := 0.0
		for _, b := range h.Bucket {
			last = b.GetUpperBound()
			t.count(name, "_bucket", m, "le", last, b.GetCumulativeCount())
		}
		if !math.IsInf(last, 1) {
			t.count(name, "_bucket", m, "le", math.Inf(1), h.GetSampleCount())
		}
		t.sample(name, "_sum", m, "", 0, h.GetSampleSum())
		t.count(name, "_count", m, "", 0, h.GetSampleCount())
	}
}

// sample appends one line. extra is a further label, "" for none.
func (t *textWriter) sample(name, suffix string, m *dto.Metric, extra string, at, v float64) {
	t.series(name, suffix, m, extra, at)
	t.float(v, t.open)
	t.out = append(t.out, '\n')
}

// count is a sample that is a whole number in OpenMetrics too.
func (t *textWriter) count(name, suffix string, m *dto.Metric, extra string, at float64, n uint64) {
	t.series(name, suffix, m, extra, at)
	if t.open {
		t.out = strconv.AppendUint(t.out, n, 10)
	} else {
		t.float(float64(n), false)
	}
	t.out = append(t.out, '\n')
}

func (t *textWriter) series(name, suffix string, m *dto.Metric, extra string, at float64) {
	t.out = append(append(t.out, name...), suffix...)
	between := byte('{')
	for _, l := range m.Label {
		t.label(between, l.GetName(), l.GetValue())
		between = ','
	}
	if extra != "" {
		t.out = append(append(append(t.out, between), extra...), `="`...)
		t.float(at, t.open)
		t.out = append(t.out, '"')
		between = ','
	}
	if between == ',' {
		t.out = append(t.out, '}')
	}
	t.out = append(t.out, ' ')
}

// label appends one label after what stands between it and the one before.
func (t *textWriter) label(between byte, name, value string) {
	t.out = append(append(append(t.out, between), name...), `="`...)
	t.escape(value, true)
	t.out = append(t.out, '"')
}

// float appends a number; with point a whole one gets ".0", as OpenMetrics has it.
func (t *textWriter) float(v float64, point bool) {
	switch {
	case math.IsNaN(v):
		t.out = append(t.out, "NaN"...)
	case math.IsInf(v, 0):
		t.out = append(t.out, "+Inf"...)
		if v < 0 {
			t.out[len(t.out)-4] = '-'
		}
	case v == math.Trunc(v) && math.Abs(v) < 1e6:
		t.out = strconv.AppendInt(t.out, int64(v), 10) // what 'g' writes, faster
		if point {
			t.out = append(t.out, ".0"...)
		}
	default:
		from := len(t.out)
		t.out = strconv.AppendFloat(t.out, v, 'g', -1, 64)
		if point && !strings.ContainsAny(string(t.out[from:]), "e.") {
			t.out = append(t.out, ".0"...)
		}
	}
}

// escape appends a text with what the formats escape escaped.
func (t *textWriter) escape(s string, quotes bool) {
	if !strings.ContainsAny(s, "\\\n\"") { // mostly
		t.out = append(t.out, s...)
		return
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			t.out = append(t.out, `\\`...)
		case c == '\n':
			t.out = append(t.out, `\n`...)
		case c == '"' && quotes:
			t.out = append(t.out, `\"`...)
		default:
			t.out = append(t.out, c)
		}
	}
}
