package stat

import (
	"errors"
	"math"
	"slices"
	"testing"
)

var nan = math.NaN()

func same(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b))
}

// The wanted figures are numpy 1.24's.
func TestPercentileIsNumpys(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		p    float64
		want float64
	}{
		{[]float64{7}, 0, 7}, {[]float64{7}, 99, 7},
		{[]float64{3, 1, 2}, 50, 2},
		{[]float64{1, 2, 3, 4}, 25, 1.75}, {[]float64{4, 3, 2, 1}, 75, 3.25}, {[]float64{1, 2, 3, 4}, 99, 3.97},
		{[]float64{1, 2, 3, 4}, 100, 4}, {[]float64{1, 2, 3, 4}, 0, 1},
		{[]float64{0.1, 0.1, 0.1}, 33, 0.1},
		{[]float64{1, nan, 2}, 50, nan}, {nil, 50, nan},
		{[]float64{1, 2}, -1, nan}, {[]float64{1, 2}, 101, nan}, {[]float64{1, 2}, nan, nan},
	} {
		if got := Percentile(c.xs, c.p); !same(got, c.want) {
			t.Errorf("Percentile(%v, %v) = %v, want %v", c.xs, c.p, got, c.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	d := Describe([]float64{2, nan, 4, 4, 4, 5, 5, 7, 9}, 50, 95)
	if d.N != 8 || d.NaN != 1 || d.Mean != 5 || !same(d.Std, math.Sqrt(32.0/7)) || d.Min != 2 || d.Max != 9 || d.Percentiles[0] != 4.5 || !same(d.Percentiles[1], 8.3) {
		t.Errorf("got %+v", d)
	}
	if d := Describe([]float64{3}); d.Mean != 3 || !math.IsNaN(d.Std) {
		t.Errorf("one number: %+v", d)
	}
	if d := Describe(nil, 5); d.N != 0 || !math.IsNaN(d.Mean) || !math.IsNaN(d.Percentiles[0]) {
		t.Errorf("none: %+v", d)
	}
}

// The wanted figures are matplotlib 3.6's boxplot_stats.
func TestBoxIsMatplotlibs(t *testing.T) {
	b := NewBox([]float64{100, 1, 2, 3, 4, -50})
	if b.Q1 != 1.25 || b.Median != 2.5 || b.Q3 != 3.75 || b.WhiskerLow != 1 || b.WhiskerHigh != 4 || !slices.Equal(b.Outliers, []float64{-50, 100}) || b.Mean != 10 || b.N != 6 {
		t.Errorf("outliers: %+v", b)
	}
	if b := NewBox([]float64{5, 5, 5, 5, 9}); b.WhiskerHigh != 5 || b.Interquartile != 0 || len(b.Outliers) != 1 {
		t.Errorf("no width: %+v", b)
	}
	// Every number beyond the upper quartile is an outlier: the whisker ends at the box.
	if b := NewBox([]float64{0, 0, 0, 10}); b.Q3 != 2.5 || b.WhiskerHigh != 2.5 || !slices.Equal(b.Outliers, []float64{10}) {
		t.Errorf("whisker at the box: %+v", b)
	}
	if b := NewBox([]float64{1, nan, 2}); b.N != 3 || b.NaN != 1 || !math.IsNaN(b.Median) || !math.IsNaN(b.Mean) || b.Outliers != nil {
		t.Errorf("NaN: %+v", b)
	}
	if b := NewBox(nil); b.N != 0 || !math.IsNaN(b.WhiskerHigh) {
		t.Errorf("empty: %+v", b)
	}
}

func TestConstructorsCheck(t *testing.T) {
	if _, err := NewSample(nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty: %v", err)
	}
	for _, bad := range []float64{nan, math.Inf(1), math.Inf(-1)} {
		if _, err := NewSample([]float64{1, bad}); !errors.Is(err, ErrNotFinite) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	var zero Sample
	for _, f := range []float64{zero.Min(), zero.Max(), zero.Mean(), zero.Std(), zero.Median(), zero.Box().Mean} {
		if !math.IsNaN(f) {
			t.Errorf("a figure of nothing: %v", f)
		}
	}
	xs := []float64{2, 1}
	if s, _ := NewSample(xs); s.Min() != 1 || xs[0] != 2 {
		t.Error("NewSample must sort a copy")
	}
}

func TestWeightedMean(t *testing.T) {
	if m, err := WeightedMean([]float64{1, 4}, []float64{3, 1}); err != nil || m != 1.75 {
		t.Errorf("%v %v", m, err)
	}
	for _, c := range []struct{ xs, w []float64 }{
		{nil, nil}, {[]float64{1}, nil}, {[]float64{1}, []float64{0}}, {[]float64{1, 2}, []float64{1, -1}},
		{[]float64{nan}, []float64{1}}, {[]float64{1}, []float64{nan}}, {[]float64{1}, []float64{math.Inf(1)}},
	} {
		if m, err := WeightedMean(c.xs, c.w); err == nil || !math.IsNaN(m) {
			t.Errorf("WeightedMean(%v, %v) = %v without an error", c.xs, c.w, m)
		}
	}
	if m := Mean([]float64{1, nan, 3}); m != 2 {
		t.Errorf("Mean skips NaN as pandas does: %v", m)
	}
}
