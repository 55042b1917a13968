package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// ar1 is a series whose neighbours correlate by r, with mean m and standard deviation 1.
func ar1(rng *rand.Rand, n int, m, r float64) []float64 {
	xs := make([]float64, n)
	v := rng.NormFloat64()
	for i := range xs {
		xs[i] = m + v
		v = r*v + math.Sqrt(1-r*r)*rng.NormFloat64()
	}
	return xs
}

// The interval must hold the true difference about as often as it says, for
// independent samples and for samples of which neighbours are alike; without
// blocks it would hold it in half of the cases only.
func TestBlockBootstrapCovers(t *testing.T) {
	for _, r := range []float64{0, 0.5, 0.9} {
		rng := rand.New(rand.NewPCG(11, 13))
		const trials = 200
		held := 0
		for i := range trials {
			d := BlockBootstrap(ar1(rng, 400, 1, r), ar1(rng, 300, 1.5, r), 400, uint64(i))
			if d.Low <= 0.5 && 0.5 <= d.High {
				held++
			}
		}
		if share := float64(held) / trials; share < 0.86 || share > 0.99 {
			t.Errorf("correlation %v: %v of the intervals hold the truth, want about 0.95", r, share)
		}
	}
}

func TestBlockBootstrapEdges(t *testing.T) {
	a := []float64{1, 2, 3, 4}
	if x, y := BlockBootstrap(a, a, 200, 1), BlockBootstrap(a, a, 200, 1); x != y || x.Difference != 0 || x.Low > 0 || x.High < 0 {
		t.Errorf("the same seed must give the same interval: %+v, %+v", x, y)
	}
	if d := BlockBootstrap([]float64{1, 1, 1}, []float64{2, 2, 2}, 100, 1); d.Low != 1 || d.High != 1 {
		t.Errorf("constants: %+v", d)
	}
	if d := BlockBootstrap([]float64{1}, a, 100, 1); d.Difference != 1.5 || !math.IsNaN(d.Low) {
		t.Errorf("one sample: %+v", d)
	}
	if d := BlockBootstrap(nil, a, 100, 1); !math.IsNaN(d.Difference) {
		t.Errorf("none: %+v", d)
	}
}

func TestBlockLengthGrowsWithLikeness(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	loose, tight := BlockLength(ar1(rng, 1000, 0, 0)), BlockLength(ar1(rng, 1000, 0, 0.95))
	if loose != 10 || tight < 50 || tight > 334 {
		t.Errorf("%d and %d", loose, tight)
	}
	if b := BlockLength([]float64{1, 1}); b != 1 {
		t.Errorf("constants: %d", b)
	}
}
