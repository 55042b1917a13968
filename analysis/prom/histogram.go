package prom

import (
	"cmp"
	"math"
	"slices"

	"github.com/prometheus/common/model"

	"nodemeter/analysis/stat"
)

// histogram is a native histogram as the server answers with, added up.
type histogram struct {
	count, sum float64
	buckets    map[[2]float64]float64 // counts by bounds; the zero bucket is 0 to 0
}

func newHistogram() *histogram { return &histogram{buckets: map[[2]float64]float64{}} }

func (h *histogram) add(s *model.SampleHistogram) {
	h.count += float64(s.Count)
	h.sum += float64(s.Sum)
	for _, b := range s.Buckets {
		bounds := [2]float64{float64(b.Lower), float64(b.Upper)}
		if bounds[0] <= 0 && bounds[1] >= 0 { // the zero bucket is a hair wide
			bounds = [2]float64{}
		}
		h.buckets[bounds] += float64(b.Count)
	}
}

func (h *histogram) merge(o *histogram) {
	h.count += o.count
	h.sum += o.sum
	for b, n := range o.buckets {
		h.buckets[b] += n
	}
}

// times is the histogram in another unit.
func (h *histogram) times(factor float64) *histogram {
	if factor == 1 {
		return h
	}
	out := &histogram{count: h.count, sum: h.sum * factor, buckets: make(map[[2]float64]float64, len(h.buckets))}
	for b, n := range h.buckets {
		out.buckets[[2]float64{b[0] * factor, b[1] * factor}] += n
	}
	return out
}

// zero is how many values were zero.
func (h *histogram) zero() float64 { return h.buckets[[2]float64{}] }

// bucket is one bucket with the count of all before it.
type bucket struct {
	lower, upper, n, before float64
}

// sorted are the buckets that hold anything, in ascending order.
func (h *histogram) sorted() []bucket {
	out := make([]bucket, 0, len(h.buckets))
	for b, n := range h.buckets {
		if n > 0 {
			out = append(out, bucket{lower: b[0], upper: b[1], n: n})
		}
	}
	slices.SortFunc(out, func(a, b bucket) int { return cmp.Or(cmp.Compare(a.upper, b.upper), cmp.Compare(a.lower, b.lower)) })
	var before float64
	for i := range out {
		out[i].before = before
		before += out[i].n
	}
	return out
}

// at is where a share p of a bucket's values lies below: exponential within a
// bucket, as Prometheus 3 interpolates, because its bounds are.
func (b bucket) at(p float64) float64 {
	if b.lower <= 0 || b.upper <= 0 {
		return b.lower + (b.upper-b.lower)*p
	}
	return b.lower * math.Pow(b.upper/b.lower, p)
}

// quantile is exact to the bucket; NaN of an empty histogram.
func quantile(buckets []bucket, p float64) float64 {
	if len(buckets) == 0 {
		return math.NaN()
	}
	last := buckets[len(buckets)-1]
	rank := p * (last.before + last.n)
	for _, b := range buckets {
		if rank <= b.before+b.n {
			return b.at(min(max((rank-b.before)/b.n, 0), 1))
		}
	}
	return last.upper
}

// box is a box plot's box as far as buckets know it; values beyond the whiskers
// are given as one outlier a bucket.
func (h *histogram) box(buckets []bucket, low, high float64) stat.Box {
	if len(buckets) == 0 {
		return stat.NewBox(nil)
	}
	at := func(p float64) float64 { return min(max(quantile(buckets, p), low), high) }
	b := stat.Box{N: int(h.count + 0.5), Q1: at(0.25), Median: at(0.5), Q3: at(0.75), Mean: h.sum / h.count}
	b.Interquartile = b.Q3 - b.Q1
	fenceLow, fenceHigh := b.Q1-1.5*b.Interquartile, b.Q3+1.5*b.Interquartile
	b.WhiskerLow, b.WhiskerHigh = b.Q1, b.Q3
	for _, x := range buckets {
		middle := min(max(x.at(0.5), low), high)
		switch {
		case middle < fenceLow || middle > fenceHigh:
			b.Outliers = append(b.Outliers, middle)
		case middle < b.WhiskerLow:
			b.WhiskerLow = middle
		case middle > b.WhiskerHigh:
			b.WhiskerHigh = middle
		}
	}
	return b
}

// percent counts ratios in 100 equal bins of 0-1, each bucket spread over the
// bins it covers.
func percent(buckets []bucket) []int64 {
	exact := make([]float64, 100)
	for _, b := range buckets {
		from, to := min(max(b.lower, 0), 1)*100, min(max(b.upper, 0), 1)*100
		if to <= from {
			exact[min(int(from), 99)] += b.n
			continue
		}
		for i := int(from); i < 100 && float64(i) < to; i++ {
			exact[i] += b.n * (min(to, float64(i+1)) - max(from, float64(i))) / (to - from)
		}
	}
	out := make([]int64, 100)
	var sum float64
	var given int64
	for i, n := range exact { // rounded so that the total stays
		sum += n
		out[i] = int64(sum+0.5) - given
		given += out[i]
	}
	return out
}
