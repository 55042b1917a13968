package stat

import "math"

// Description is what pandas' describe prints, plus any percentiles asked for.
type Description struct {
	// N is the number of finite numbers; NaN the number of others, left out.
	N, NaN              int
	Mean, Std, Min, Max float64 // NaN where not defined
	Percentiles         []float64
}

// Describe describes the finite numbers of xs; percentiles (0-100) come back in
// the order asked for. It never fails: what cannot be computed is NaN.
func Describe(xs []float64, percentiles ...float64) Description {
	s, nan := Finite(xs)
	d := s.Describe(percentiles...)
	d.NaN = nan
	return d
}

// Describe describes a Sample.
func (s Sample) Describe(percentiles ...float64) Description {
	d := Description{N: s.N(), Mean: s.Mean(), Std: s.Std(), Min: s.Min(), Max: s.Max(), Percentiles: make([]float64, len(percentiles))}
	for i, p := range percentiles {
		d.Percentiles[i] = s.Percentile(p)
	}
	return d
}

// Box is one box of a box plot, by matplotlib.cbook.boxplot_stats with its
// defaults (whis 1.5, autorange off).
type Box struct {
	N, NaN                        int // N counts all numbers, NaN among them
	WhiskerLow, WhiskerHigh       float64
	Q1, Median, Q3, Interquartile float64
	Mean                          float64
	Outliers                      []float64 // ascending
}

// NewBox computes a box as matplotlib does: linear quartiles; whiskers at the
// most extreme numbers within 1.5 interquartile ranges of the box, or at the box
// where there is none beyond it; outliers outside the whiskers. One NaN makes
// every figure NaN (the box vanishes) and leaves no outliers; so does no number
// at all.
func NewBox(xs []float64) Box {
	s, err := NewSample(xs)
	if err != nil {
		return emptyBox(xs)
	}
	return s.Box()
}

// Box computes the box of a Sample; see NewBox.
func (s Sample) Box() Box {
	if s.N() == 0 {
		return emptyBox(nil)
	}
	b := Box{N: s.N(), Q1: s.Percentile(25), Median: s.Percentile(50), Q3: s.Percentile(75), Mean: s.Mean()}
	b.Interquartile = b.Q3 - b.Q1
	low, high := b.Q1-1.5*b.Interquartile, b.Q3+1.5*b.Interquartile
	b.WhiskerLow, b.WhiskerHigh = b.Q1, b.Q3
	for _, x := range s.sorted {
		if x >= low {
			b.WhiskerLow = math.Min(x, b.Q1)
			break
		}
	}
	for i := len(s.sorted) - 1; i >= 0; i-- {
		if x := s.sorted[i]; x <= high {
			b.WhiskerHigh = math.Max(x, b.Q3)
			break
		}
	}
	for _, x := range s.sorted {
		if x < b.WhiskerLow || x > b.WhiskerHigh {
			b.Outliers = append(b.Outliers, x)
		}
	}
	return b
}

func emptyBox(xs []float64) Box {
	n := math.NaN()
	b := Box{N: len(xs), WhiskerLow: n, WhiskerHigh: n, Q1: n, Median: n, Q3: n, Interquartile: n, Mean: n}
	for _, x := range xs {
		if math.IsNaN(x) {
			b.NaN++
		}
	}
	return b
}
