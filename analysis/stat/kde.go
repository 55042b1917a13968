package stat

import "math"

// Density estimates the density of xs at each coordinate with scipy's
// gaussian_kde: Gaussian kernels, bandwidth by Scott's rule n^(-1/5) times the
// standard deviation. Where all numbers are equal, the estimate is matplotlib's for
// violins: 1 at that number, 0 elsewhere. Empty samples and NaN give NaN.
func Density(xs, coordinates []float64) []float64 {
	out := make([]float64, len(coordinates))
	mean, variance := meanVariance(xs)
	if len(xs) == 0 || math.IsNaN(mean) {
		for i := range out {
			out[i] = math.NaN()
		}
		return out
	}
	if allEqual(xs) {
		for i, c := range coordinates {
			if c == xs[0] {
				out[i] = 1
			}
		}
		return out
	}
	n := float64(len(xs))
	h := math.Sqrt(variance) * math.Pow(n, -0.2)
	norm := 1 / (n * h * math.Sqrt(2*math.Pi))
	for i, c := range coordinates {
		sum := 0.0
		for _, x := range xs {
			d := (c - x) / h
			sum += math.Exp(-d * d / 2)
		}
		out[i] = sum * norm
	}
	return out
}

func allEqual(xs []float64) bool {
	for _, x := range xs {
		if x != xs[0] {
			return false
		}
	}
	return true
}

// Violin is what matplotlib's violinplot computes: the density at 100 points from
// the smallest to the largest number.
type Violin struct {
	Coordinates, Density   []float64
	Mean, Median, Min, Max float64
}

// maxViolin bounds the numbers a density is made from: above, every n-th
// of the sorted numbers stands for its neighbours.
const maxViolin = 20_000

// NewViolin computes a violin of xs; with a NaN among them every figure is NaN.
// More than 20,000 numbers are thinned evenly over their order for the density.
func NewViolin(xs []float64) Violin {
	s, err := NewSample(xs)
	if err != nil {
		n := math.NaN()
		return Violin{Mean: n, Median: n, Min: n, Max: n}
	}
	v := Violin{Mean: s.Mean(), Median: s.Median(), Min: s.Min(), Max: s.Max()}
	v.Coordinates = Linspace(v.Min, v.Max, 100)
	v.Density = Density(thin(s.Sorted(), maxViolin), v.Coordinates)
	return v
}

// thin keeps at most limit of the sorted numbers, evenly over their ranks.
func thin(sorted []float64, limit int) []float64 {
	if len(sorted) <= limit {
		return sorted
	}
	out := make([]float64, limit)
	for i := range out {
		out[i] = sorted[(2*i+1)*len(sorted)/(2*limit)]
	}
	return out
}
