package stat

import "math"

// Effect says how large the difference between two samples is, which a p-value
// does not. Each figure is NaN where it is not defined.
type Effect struct {
	// A is Vargha and Delaney's: the probability that a number of x is larger than
	// one of y, ties counted half. 0.5 is no difference.
	A float64
	// ALow and AHigh are a 95 % interval of A (Newcombe's, by the variance of Hanley
	// and McNeil 1982, on the logit scale).
	ALow, AHigh float64
	// RankBiserial is 2A-1.
	RankBiserial float64
	// HedgesG is the difference of means in pooled standard deviations, corrected
	// for small samples (Hedges 1981).
	HedgesG float64
}

// Effects computes the effect sizes of x against y.
func Effects(x, y []float64) Effect {
	m, _ := rankSums(x, y)
	nx, ny := float64(len(x)), float64(len(y))
	e := Effect{A: m.UX / (nx * ny)}
	e.RankBiserial = 2*e.A - 1
	e.ALow, e.AHigh = intervalOfA(e.A, nx, ny)
	mo := twoMoments(x, y)
	df := nx + ny - 2
	sd := math.Sqrt(((nx-1)*mo.vx + (ny-1)*mo.vy) / df)
	e.HedgesG = (mo.mx - mo.my) / sd * (1 - 3/(4*df-1))
	if math.IsInf(e.HedgesG, 0) {
		e.HedgesG = math.NaN()
	}
	return e
}

// intervalOfA keeps the interval inside 0-1 by working on logits; at 0 and 1,
// where the variance vanishes, A is first drawn in by half a pair.
func intervalOfA(a, nx, ny float64) (low, high float64) {
	if math.IsNaN(a) || nx < 2 || ny < 2 {
		return math.NaN(), math.NaN()
	}
	half := 0.5 / (nx * ny)
	a = min(max(a, half), 1-half)
	q1, q2 := a/(2-a), 2*a*a/(1+a)
	v := (a*(1-a) + (nx-1)*(q1-a*a) + (ny-1)*(q2-a*a)) / (nx * ny)
	logit, se := math.Log(a/(1-a)), math.Sqrt(v)/(a*(1-a))
	const z = 1.959963984540054
	back := func(l float64) float64 { return 1 / (1 + math.Exp(-l)) }
	return back(logit - z*se), back(logit + z*se)
}

// Magnitude names the size of A by Vargha and Delaney's (2000) limits: negligible,
// small (from 0.56), medium (from 0.64), large (from 0.71), either side of 0.5.
func Magnitude(a float64) string {
	switch d := math.Abs(a - 0.5); {
	case math.IsNaN(d):
		return ""
	case d < 0.06:
		return "negligible"
	case d < 0.14:
		return "small"
	case d < 0.21:
		return "medium"
	}
	return "large"
}
