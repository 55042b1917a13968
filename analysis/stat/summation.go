package stat

import "math"

// PairwiseMean is the mean as pandas has it of a column in file order, to the last
// bit: numpy's pairwise sum (blocks of 128, eight partial sums) over the numbers
// that are not NaN. Figures that are printed rounded need it: a mean on the edge of
// two decimals goes the way pandas' does. NaN where there is no number.
func PairwiseMean(xs []float64) float64 {
	filled := make([]float64, len(xs))
	n := 0
	for i, x := range xs {
		if !math.IsNaN(x) {
			filled[i] = x
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return pairwiseSum(filled) / float64(n)
}

func pairwiseSum(a []float64) float64 {
	n := len(a)
	if n < 8 {
		sum := 0.0
		for _, x := range a {
			sum += x
		}
		return sum
	}
	if n > 128 {
		half := n / 2
		half -= half % 8
		return pairwiseSum(a[:half]) + pairwiseSum(a[half:])
	}
	r := [8]float64(a[:8])
	i := 8
	for ; i < n-n%8; i += 8 {
		for k := range r {
			r[k] += a[i+k]
		}
	}
	sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for ; i < n; i++ {
		sum += a[i]
	}
	return sum
}

// GroupMean is the mean as pandas' groupby has it, to the last bit: Kahan's
// compensated sum, in file order, over the numbers that are not NaN.
func GroupMean(xs []float64) float64 {
	sum, lost, n := 0.0, 0.0, 0
	for _, x := range xs {
		if math.IsNaN(x) {
			continue
		}
		y := x - lost
		t := sum + y
		lost = t - sum - y
		sum = t
		n++
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
