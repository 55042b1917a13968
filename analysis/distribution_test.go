package analysis

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"nodemeter/analysis/stat"
	"nodemeter/collector/metric"
)

// What the histograms say must agree with exact figures of the same values: for
// ratios on their step of 0.0001 to the last bit that matters, for other units
// within 0.1 %.
func TestQuantilesAgreeWithExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		unit      metric.Unit
		draw      func() float64
		tolerance float64
		method    string
	}{
		{metric.Ratio, func() float64 { return math.Round(rng.Float64()*10000) / 10000 }, 1e-12, methodStep},
		{metric.Ratio, func() float64 { return math.Round(rng.Float64()*2) / 2 }, 1e-12, methodStep},
		{metric.Mbps, func() float64 { return rng.ExpFloat64() * 1000 }, 0.001, methodWide},
		{metric.Celsius, func() float64 { return 20 * rng.NormFloat64() }, 0.001, methodWide},
	} {
		d := newDistribution(c.unit, exactLimit)
		xs := make([]float64, 3*exactLimit)
		for i := range xs {
			xs[i] = c.draw()
			d.add(xs[i], 1)
		}
		s := d.stats()
		want, err := stat.NewSample(xs)
		if err != nil {
			t.Fatal(err)
		}
		if s.Percentiles != c.method {
			t.Errorf("%s: method %q, want %q", c.unit, s.Percentiles, c.method)
		}
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > c.tolerance*math.Max(math.Abs(want), 1e-3)+1e-15 {
				t.Errorf("%s: %s is %v, want %v", c.unit, what, got, want)
			}
		}
		for p, got := range map[float64]Number{0: s.Min, 5: s.P5, 50: s.P50, 95: s.P95, 99: s.P99, 100: s.Max} {
			near("percentile", float64(got), want.Percentile(p))
		}
		b := want.Box()
		near("q1", s.Box.Q1, b.Q1)
		near("q3", s.Box.Q3, b.Q3)
		near("mean", float64(s.Mean), want.Mean())
	}
}

func TestBoxOfBinsIsStats(t *testing.T) {
	for _, xs := range [][]float64{{0.5}, {0, 0, 0, 1}, {1, 2, 3, 4, 100, -50}, {5, 5, 5, 5, 9}, {0.1, 0.2, 0.2, 0.9}} {
		d := newDistribution(metric.Count, 100)
		for _, x := range xs {
			d.add(x, 1)
		}
		got, want := d.stats().Box, stat.NewBox(xs)
		if !slices.Equal(got.Outliers, want.Outliers) {
			t.Errorf("%v: outliers %v, want %v", xs, got.Outliers, want.Outliers)
		}
		got.Outliers, want.Outliers = nil, nil
		got.Mean = want.Mean
		if got.WhiskerLow != want.WhiskerLow || got.WhiskerHigh != want.WhiskerHigh || got.Median != want.Median || got.Q1 != want.Q1 || got.Q3 != want.Q3 {
			t.Errorf("%v: %+v, want %+v", xs, got, want)
		}
	}
}

// Merging, in whatever form the parts are, gives what one account gives.
func TestMergeDistributions(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, unit := range []metric.Unit{metric.Ratio, metric.Mbps} {
		for _, sizes := range [][2]int{{10, 20}, {10, 2 * exactLimit}, {2 * exactLimit, 10}, {2 * exactLimit, 2 * exactLimit}, {exactLimit, exactLimit}, {0, 10}} {
			one, sum := newDistribution(unit, exactLimit), newDistribution(unit, exactLimit)
			for _, n := range sizes {
				part := newDistribution(unit, exactLimit)
				for range n {
					v := math.Round(rng.Float64()*10000) / 10000
					one.add(v, 2)
					part.add(v, 2)
				}
				sum.merge(part)
			}
			a, b := one.stats(), sum.stats()
			if a.Samples != b.Samples || a.P50 != b.P50 || a.P99 != b.P99 || a.Min != b.Min || a.Max != b.Max || math.Abs(float64(a.Mean-b.Mean)) > 1e-12 || a.Seconds != b.Seconds {
				t.Errorf("%s %v: %+v, want %+v", unit, sizes, b, a)
			}
		}
	}
}

func TestBoxesKeepTheMostExtremeOutliers(t *testing.T) {
	d := newDistribution(metric.Count, 1<<20)
	for range 100_000 {
		d.add(0, 1)
	}
	for i := range 300 {
		d.add(float64(1+i), 1)
		d.add(float64(-1-i), 1)
	}
	o := d.stats().Box.Outliers
	if len(o) != 2*maxOutliers || o[0] != -300 || o[maxOutliers-1] != -300+maxOutliers-1 || o[maxOutliers] != 300-maxOutliers+1 || o[len(o)-1] != 300 {
		t.Errorf("%d outliers, %v to %v", len(o), o[0], o[len(o)-1])
	}
}

func TestWideBinsKeepOrder(t *testing.T) {
	values := []float64{-1e9, -3, -2.9, -1e-9, 0, 1e-9, 0.5, 0.51, 1, 1e3, 1e12}
	for i, v := range values {
		bin := wideBin(v)
		if i > 0 && bin <= wideBin(values[i-1]) {
			t.Errorf("%v and %v", values[i-1], v)
		}
		if got := wideValue(bin); math.Abs(got-v) > math.Abs(v)/1000 {
			t.Errorf("%v comes back as %v", v, got)
		}
	}
	if wideBin(math.Copysign(0, -1)) != wideBin(0) {
		t.Error("-0 is 0")
	}
}
