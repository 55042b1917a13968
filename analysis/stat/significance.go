package stat

import (
	"math"
	"slices"
)

// Holm adjusts p-values for the number of tests made at once (Holm 1979): the
// adjusted values hold the family-wise error. Order is kept; NaN stays NaN and is
// not counted as a test.
func Holm(p []float64) []float64 {
	out := slices.Clone(p)
	order := make([]int, 0, len(p))
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	running := 0.0
	for rank, i := range order {
		running = max(running, min(1, float64(len(order)-rank)*p[i]))
		out[i] = running
	}
	return out
}

// Interval is a confidence interval; NaN where there is none.
type Interval struct{ Low, High float64 }

// PercentileInterval is a 95 % interval of the p-th percentile by order
// statistics (Hahn and Meeker 1991): it needs no assumption about the
// distribution. ok is false, and the interval NaN, where the sample is too small to
// have one: the outermost numbers would have to be the limits.
func (s Sample) PercentileInterval(p float64) (Interval, bool) {
	n := s.N()
	none := Interval{math.NaN(), math.NaN()}
	if n == 0 || !(p > 0 && p < 100) {
		return none, false
	}
	q := p / 100
	low, okLow := binomialRank(n, q, 0.025)
	high, okHigh := binomialRank(n, 1-q, 0.025)
	if !okLow || !okHigh {
		return none, false
	}
	return Interval{s.sorted[low-1], s.sorted[n-high]}, true
}

// binomialRank is the largest rank r >= 1 with P(Binomial(n, q) < r) <= alpha:
// the r-th smallest number is below the quantile at least that surely. Above
// 5,000 numbers it is the normal approximation, at alpha 0.025.
func binomialRank(n int, q, alpha float64) (int, bool) {
	if n > 5000 {
		m := float64(n)
		r := int(m*q - 1.959963984540054*math.Sqrt(m*q*(1-q)))
		return r, r >= 1
	}
	r, sum := 0, 0.0
	for k := 0; k < n; k++ {
		sum += math.Exp(lnChoose(n, k) + float64(k)*math.Log(q) + float64(n-k)*math.Log1p(-q))
		if sum > alpha {
			break
		}
		r = k + 1
	}
	return r, r >= 1
}

func lnChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n) + 1)
	b, _ := math.Lgamma(float64(k) + 1)
	c, _ := math.Lgamma(float64(n-k) + 1)
	return a - b - c
}

// MeanInterval is Student's 95 % interval of the mean; NaN of fewer than two
// numbers.
func (s Sample) MeanInterval() Interval {
	n := float64(s.N())
	half := studentQuantile(0.975, n-1) * s.Std() / math.Sqrt(n)
	return Interval{s.Mean() - half, s.Mean() + half}
}

// ProportionInterval is Wilson's 95 % interval (1927) of k successes in n.
func ProportionInterval(k, n int) Interval {
	if n <= 0 || k < 0 || k > n {
		return Interval{math.NaN(), math.NaN()}
	}
	const z2 = 1.959963984540054 * 1.959963984540054
	p, m := float64(k)/float64(n), float64(n)
	centre := (p + z2/(2*m)) / (1 + z2/m)
	half := math.Sqrt(z2*(p*(1-p)/m+z2/(4*m*m))) / (1 + z2/m)
	return Interval{max(0, centre-half), min(1, centre+half)}
}
