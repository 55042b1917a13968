package stat

import (
	"math"
	"math/big"
	"slices"
)

// MannWhitney is the rank-sum test of two samples, two-sided.
type MannWhitney struct {
	// UX counts the pairs in which the number of x is the larger, a tie as one
	// half; UY = n*m - UX.
	UX, UY float64
	P      float64
	Ties   bool   // some number occurs more than once in the two samples together
	Method string // "exact" or "asymptotic"
	// Why says why the method is not the one scipy would choose; empty otherwise.
	Why string
}

// exactLimit bounds the work of the exact distribution: coefficients times
// passes over them. 8 against 50,000 numbers stays within it.
const exactLimit = 4_000_000

// ScipyMannWhitney is scipy 1.10's mannwhitneyu(x, y) with its defaults: exact
// where a sample has at most eight numbers and nothing is tied, otherwise the
// normal approximation with the variance corrected for ties and a continuity
// correction of one half. Empty samples and NaN give NaN.
func ScipyMannWhitney(x, y []float64) MannWhitney {
	m, tieTerm := rankSums(x, y)
	if math.IsNaN(m.UX) {
		return m
	}
	if (len(x) > 8 && len(y) > 8) || m.Ties {
		return m.asymptotic(len(x), len(y), tieTerm)
	}
	if exactWork(len(x), len(y)) > exactLimit {
		m = m.asymptotic(len(x), len(y), tieTerm)
		m.Why = "too many numbers for the exact distribution"
		return m
	}
	return m.exact(len(x), len(y))
}

// ExactMannWhitney is the test by the exact distribution of U; ok is false where
// ties or the number of numbers rule it out.
func ExactMannWhitney(x, y []float64) (m MannWhitney, ok bool) {
	m, _ = rankSums(x, y)
	if math.IsNaN(m.UX) || m.Ties || exactWork(len(x), len(y)) > exactLimit/4 {
		return m, false
	}
	return m.exact(len(x), len(y)), true
}

// AsymptoticMannWhitney is the test by the normal approximation, whatever the
// number of numbers.
func AsymptoticMannWhitney(x, y []float64) MannWhitney {
	m, tieTerm := rankSums(x, y)
	if math.IsNaN(m.UX) {
		return m
	}
	return m.asymptotic(len(x), len(y), tieTerm)
}

// rankSums computes U from midranks, and the sum of t^3-t over groups of ties.
func rankSums(x, y []float64) (MannWhitney, float64) {
	undefined := MannWhitney{UX: math.NaN(), UY: math.NaN(), P: math.NaN(), Method: "asymptotic"}
	if len(x) == 0 || len(y) == 0 || slices.ContainsFunc(x, math.IsNaN) || slices.ContainsFunc(y, math.IsNaN) {
		return undefined, 0
	}
	a, b := slices.Clone(x), slices.Clone(y)
	slices.Sort(a)
	slices.Sort(b)
	var m MannWhitney
	tieTerm := 0.0
	for i, j := 0, 0; i < len(a) || j < len(b); {
		v := math.Inf(1)
		if i < len(a) {
			v = a[i]
		}
		if j < len(b) {
			v = min(v, b[j])
		}
		ni, nj := countEqual(a[i:], v), countEqual(b[j:], v)
		// Each of the ni numbers of x beats the j smaller ones of y and ties with nj.
		m.UX += float64(ni) * (float64(j) + float64(nj)/2)
		if t := float64(ni + nj); t > 1 {
			m.Ties = true
			tieTerm += t*t*t - t
		}
		i, j = i+ni, j+nj
	}
	m.UY = float64(len(x))*float64(len(y)) - m.UX
	return m, tieTerm
}

func countEqual(sorted []float64, v float64) int {
	n := 0
	for n < len(sorted) && sorted[n] == v {
		n++
	}
	return n
}

func (m MannWhitney) asymptotic(nx, ny int, tieTerm float64) MannWhitney {
	a, b := float64(nx), float64(ny)
	n := a + b
	sigma := math.Sqrt(a * b / 12 * (n + 1 - tieTerm/(n*(n-1))))
	z := (max(m.UX, m.UY) - a*b/2 - 0.5) / sigma
	m.P, m.Method = min(1, normalTwoSided(z)), "asymptotic"
	return m
}

// exactWork is how many big-integer operations exact needs.
func exactWork(nx, ny int) float64 {
	small := float64(min(nx, ny))
	return small * (float64(nx)*float64(ny)/2 + 1) * 2
}

// exact counts the arrangements with a smaller U at most min(UX, UY): the
// coefficients of the Gaussian binomial [nx+ny choose nx], which generates
// U's distribution (Mann and Whitney 1947), in whole numbers.
func (m MannWhitney) exact(nx, ny int) MannWhitney {
	small, large := min(nx, ny), max(nx, ny)
	top := int(min(m.UX, m.UY))
	c := make([]*big.Int, top+1)
	for i := range c {
		c[i] = new(big.Int)
	}
	c[0].SetInt64(1)
	for i := 1; i <= small; i++ {
		for k := top; k >= large+i; k-- { // times 1 - q^(large+i)
			c[k].Sub(c[k], c[k-large-i])
		}
		for k := i; k <= top; k++ { // over 1 - q^i
			c[k].Add(c[k], c[k-i])
		}
	}
	sum := new(big.Int)
	for _, v := range c {
		sum.Add(sum, v)
	}
	all := new(big.Int).Binomial(int64(nx)+int64(ny), int64(small))
	p, _ := new(big.Rat).SetFrac(sum.Lsh(sum, 1), all).Float64()
	m.P, m.Method = min(1, p), "exact"
	return m
}
