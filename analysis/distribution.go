package analysis

import (
	"math"
	"slices"

	"nodemeter/analysis/stat"
	"nodemeter/collector/metric"
)

// Distribution accumulates the values of one column of one entity.
type Distribution struct {
	unit              metric.Unit
	n, active         int64
	expected          int64 // samples that were due; set by the owner
	sum, activeSum    float64
	weighted, seconds float64 // sum of value x seconds, and of seconds
	idleSeconds       float64 // seconds at exactly zero
	min, max          float64
	q                 quantiles
}

func newDistribution(unit metric.Unit, exact int) *Distribution {
	return &Distribution{unit: unit, min: math.Inf(1), max: math.Inf(-1), q: newQuantiles(unit, exact)}
}

// add adds a value that held for a number of seconds. It must be finite.
func (d *Distribution) add(v, seconds float64) {
	d.n++
	d.sum += v
	if v > 0 {
		d.active++
		d.activeSum += v
	} else if v == 0 {
		d.idleSeconds += seconds
	}
	d.weighted += v * seconds
	d.seconds += seconds
	if v < d.min {
		d.min = v
	}
	if v > d.max {
		d.max = v
	}
	d.q.add(v)
}

// merge adds another entity's values; o is spent afterwards.
func (d *Distribution) merge(o *Distribution) {
	d.n += o.n
	d.active += o.active
	d.sum += o.sum
	d.activeSum += o.activeSum
	d.idleSeconds += o.idleSeconds
	d.weighted += o.weighted
	d.seconds += o.seconds
	d.expected += o.expected
	d.min, d.max = min(d.min, o.min), max(d.max, o.max)
	d.q.merge(&o.q)
}

// Stats are the figures of one column of one entity, in the column's own unit
// (ratios 0-1).
type Stats struct {
	Unit    metric.Unit `json:"unit"`
	Samples int64       `json:"samples"`
	// Expected is how many samples the interval promised; a rate has none on an
	// agent's first tick.
	Expected int64 `json:"expected"`
	// Mean weighs each sample by the seconds it covers; SampleMean weighs all
	// the same, as pandas does.
	Mean       Number `json:"mean"`
	SampleMean Number `json:"sample_mean"`
	Min        Number `json:"min"`
	P5         Number `json:"p5"`
	P50        Number `json:"p50"`
	P95        Number `json:"p95"`
	P99        Number `json:"p99"`
	Max        Number `json:"max"`
	// Percentiles says how good they are: exact, exact to 0.0001, within 0.1 %.
	Percentiles string `json:"percentiles"`
	// ActiveSamples and ActiveMean are over samples above zero.
	ActiveSamples int64  `json:"active_samples"`
	ActiveMean    Number `json:"active_mean"`
	// Seconds is how long the samples cover, IdleSeconds the part at exactly zero.
	Seconds     Number `json:"seconds"`
	IdleSeconds Number `json:"idle_seconds"`
	// Box is a box plot's box, by matplotlib's rules; its outliers are distinct values,
	// the most extreme 32 of each side.
	Box stat.Box `json:"-"`
	// Histogram counts ratios in 100 equal bins of 0-1; nil for other units.
	Histogram []int64 `json:"-"`
}

// Coverage is Samples/Expected, 0-1; NaN where nothing was expected.
func (s *Stats) Coverage() float64 {
	if s.Expected == 0 {
		return math.NaN()
	}
	return min(1, float64(s.Samples)/float64(s.Expected))
}

// stats computes the figures. An empty distribution has NaN for all of them.
func (d *Distribution) stats() *Stats {
	s := &Stats{Unit: d.unit, Samples: d.n, Expected: d.expected, ActiveSamples: d.active, Percentiles: d.q.method(), Seconds: Number(d.seconds), IdleSeconds: Number(d.idleSeconds)}
	s.Mean, s.SampleMean, s.ActiveMean = ratio(d.weighted, d.seconds), ratio(d.sum, float64(d.n)), ratio(d.activeSum, float64(d.active))
	if d.seconds == 0 {
		s.Mean = s.SampleMean
	}
	s.Min, s.Max = Number(d.min), Number(d.max)
	bins := d.q.bins()
	at := func(p float64) Number {
		// A bin's middle may lie a little outside what was really seen.
		return Number(min(max(percentile(bins, d.n, p), d.min), d.max))
	}
	s.P5, s.P50, s.P95, s.P99 = at(5), at(50), at(95), at(99)
	s.Box = d.box(bins)
	s.Histogram = d.histogram(bins)
	return s
}

// ratio is a/b, NaN where b is zero.
func ratio(a, b float64) Number {
	if b == 0 {
		return NaN()
	}
	return Number(a / b)
}

// box is stat.Sample.Box over bins.
func (d *Distribution) box(bins []bin) stat.Box {
	if d.n == 0 {
		return stat.NewBox(nil)
	}
	b := stat.Box{N: int(d.n), Q1: percentile(bins, d.n, 25), Median: percentile(bins, d.n, 50), Q3: percentile(bins, d.n, 75), Mean: d.sum / float64(d.n)}
	b.Interquartile = b.Q3 - b.Q1
	low, high := b.Q1-1.5*b.Interquartile, b.Q3+1.5*b.Interquartile
	b.WhiskerLow, b.WhiskerHigh = b.Q1, b.Q3
	for _, x := range bins {
		if x.value >= low {
			b.WhiskerLow = min(x.value, b.Q1)
			break
		}
	}
	for i := len(bins) - 1; i >= 0; i-- {
		if x := bins[i]; x.value <= high {
			b.WhiskerHigh = max(x.value, b.Q3)
			break
		}
	}
	b.Outliers = outliers(bins, b.WhiskerLow, b.WhiskerHigh)
	return b
}

// maxOutliers bounds what a box keeps on each side.
const maxOutliers = 32

// outliers are the values beyond the whiskers, ascending: the most extreme
// maxOutliers of each side.
func outliers(bins []bin, low, high float64) []float64 {
	var out []float64
	for _, x := range bins {
		if x.value < low && len(out) < maxOutliers {
			out = append(out, x.value)
		}
	}
	above := len(bins)
	for above > 0 && bins[above-1].value > high {
		above--
	}
	for _, x := range bins[max(above, len(bins)-maxOutliers):] {
		out = append(out, x.value)
	}
	return slices.Clip(out)
}

func (d *Distribution) histogram(bins []bin) []int64 {
	if d.unit != metric.Ratio {
		return nil
	}
	h := make([]int64, 100)
	for _, x := range bins {
		h[min(int(x.value*100+1e-9), 99)] += x.n
	}
	return h
}
