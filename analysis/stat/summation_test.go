package stat

import "testing"

// The wanted bits are those of pandas 1.5.3 on numpy 1.24.
func TestMeansArePandasToTheBit(t *testing.T) {
	tenths := func(n int) []float64 {
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = float64(i*i%17) / 10
		}
		return xs
	}
	for _, c := range []struct {
		n               int
		pairwise, group float64
	}{{3, 0.16666666666666666, 0.16666666666666666}, {7, 0.5714285714285714, 0.5714285714285714}, {8, 0.6875000000000001, 0.6875}, {100, 0.8109999999999999, 0.811}, {129, 0.8007751937984497, 0.8007751937984496}, {300, 0.8026666666666668, 0.8026666666666668}, {1000, 0.801, 0.801}} {
		xs := append(tenths(c.n), nan)
		if got := PairwiseMean(xs[:c.n]); got != c.pairwise {
			t.Errorf("PairwiseMean of %d = %v, want %v", c.n, got, c.pairwise)
		}
		if got := GroupMean(xs); got != c.group {
			t.Errorf("GroupMean of %d = %v, want %v", c.n, got, c.group)
		}
	}
	if !same(PairwiseMean(nil), nan) || !same(GroupMean([]float64{nan}), nan) {
		t.Error("a mean of nothing")
	}
}
