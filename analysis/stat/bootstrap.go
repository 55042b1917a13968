package stat

import (
	"math"
	"math/rand/v2"
	"slices"
)

// MeanDifference is the difference of the means of two series of samples taken
// over time, with an interval that allows for their being alike from one
// sample to the next.
type MeanDifference struct {
	Difference float64 // mean(y) - mean(x)
	Low, High  float64 // 95 % interval; NaN where a series has fewer than two samples
	// BlockX and BlockY are the lengths of the blocks drawn, in samples;
	// StretchesX and StretchesY how many of them each series has: about the
	// number of independent observations. Below ten the interval is rough.
	BlockX, BlockY         int
	StretchesX, StretchesY float64
}

// BlockBootstrap computes the interval by the circular block bootstrap (Politis
// and Romano 1992): means of series put together from blocks of neighbours,
// drawn with replacement, which keeps the likeness of neighbours that single
// draws would destroy. The interval is the 2.5th to 97.5th percentile of the
// difference over the draws. The same seed gives the same interval. Both series
// must be finite; draws is at least 100.
func BlockBootstrap(x, y []float64, draws int, seed uint64) MeanDifference {
	d := MeanDifference{Difference: math.NaN(), Low: math.NaN(), High: math.NaN()}
	if len(x) < 2 || len(y) < 2 {
		if len(x) > 0 && len(y) > 0 {
			d.Difference = PairwiseMean(y) - PairwiseMean(x)
		}
		return d
	}
	d.Difference = PairwiseMean(y) - PairwiseMean(x)
	d.BlockX, d.BlockY = BlockLength(x), BlockLength(y)
	d.StretchesX, d.StretchesY = float64(len(x))/float64(d.BlockX), float64(len(y))/float64(d.BlockY)
	rng := rand.New(rand.NewPCG(seed, 0x6e6f64656d657465))
	sx, sy := newCircle(x), newCircle(y)
	all := make([]float64, max(draws, 100))
	for i := range all {
		all[i] = sy.draw(rng, d.BlockY) - sx.draw(rng, d.BlockX)
	}
	slices.Sort(all)
	s := Sample{all}
	d.Low, d.High = s.Percentile(2.5), s.Percentile(97.5)
	return d
}

// BlockLength is Carlstein's (1986) rule for a series whose neighbours correlate
// by r: (2r/(1-r^2))^(2/3) n^(1/3), at least n^(1/3), at most a third of the series.
func BlockLength(xs []float64) int {
	n := float64(len(xs))
	root := math.Cbrt(n)
	r := min(max(Autocorrelation(xs), 0), 0.999)
	b := math.Pow(2*r/(1-r*r), 2.0/3) * root
	return max(1, int(math.Ceil(min(max(b, root), n/3))))
}

// Autocorrelation is the correlation of neighbours (lag 1); 0 where nothing varies.
func Autocorrelation(xs []float64) float64 {
	m := PairwiseMean(xs)
	c0, c1 := 0.0, 0.0
	for i, x := range xs {
		c0 += (x - m) * (x - m)
		if i > 0 {
			c1 += (x - m) * (xs[i-1] - m)
		}
	}
	if c0 == 0 {
		return 0
	}
	return c1 / c0
}

// circle is a series whose end joins its beginning, as running sums.
type circle []float64

func newCircle(xs []float64) circle {
	c := make(circle, 2*len(xs)+1)
	for i := range 2 * len(xs) {
		c[i+1] = c[i] + xs[i%len(xs)]
	}
	return c
}

// draw is the mean of a series of the same length put together from blocks.
func (c circle) draw(rng *rand.Rand, block int) float64 {
	n := (len(c) - 1) / 2
	sum := 0.0
	for left := n; left > 0; left -= block {
		at, length := rng.IntN(n), min(block, left)
		sum += c[at+length] - c[at]
	}
	return sum / float64(n)
}
