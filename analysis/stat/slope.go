package stat

import "math"

// SlopeThroughOrigin is the least-squares b of y = b x and its 95 % interval by
// Student's t. The slope is NaN without a point off zero, the interval with fewer than
// three points.
func SlopeThroughOrigin(x, y []float64) (slope, low, high float64) {
	nan := math.NaN()
	if len(x) != len(y) || len(x) == 0 {
		return nan, nan, nan
	}
	var xx, xy float64
	for i := range x {
		xx += x[i] * x[i]
		xy += x[i] * y[i]
	}
	if !(xx > 0) {
		return nan, nan, nan
	}
	slope = xy / xx
	df := float64(len(x) - 1)
	if df < 2 {
		return slope, nan, nan
	}
	rss := 0.0
	for i := range x {
		d := y[i] - slope*x[i]
		rss += d * d
	}
	half := studentQuantile(0.975, df) * math.Sqrt(rss/df/xx)
	return slope, slope - half, slope + half
}
