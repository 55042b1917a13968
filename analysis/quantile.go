package analysis

import (
	"math"
	"slices"

	"nodemeter/collector/metric"
)

// How percentiles were computed, for output.
const (
	methodExact = "exact"
	methodStep  = "exact to 0.0001"
	methodWide  = "within 0.1 %"
)

// quantiles holds enough of a column to give its order statistics: every value
// up to a bound, and a histogram beyond it. Ratios go into 10,001 fixed bins,
// one for each value that windows can hold; other units into bins whose width
// is 1/1024 of their value. Memory is bounded either way: 40 KiB for a ratio,
// and one counter for each 0.1 % of the range for the rest.
type quantiles struct {
	ratio bool
	limit int
	exact []float64
	fixed *[ratioBins]uint32
	wide  *wideHistogram
	n     int64
}

// wideHistogram counts the 2^22 bins of wideBin, in pages that exist where
// something has been counted.
type wideHistogram [64]*[256]*[256]uint32

func (h *wideHistogram) add(bin uint32, n uint32) {
	mid := h[bin>>16&63]
	if mid == nil {
		mid = new([256]*[256]uint32)
		h[bin>>16&63] = mid
	}
	page := mid[bin>>8&255]
	if page == nil {
		page = new([256]uint32)
		mid[bin>>8&255] = page
	}
	page[bin&255] += n
}

// each calls f with the bins counted, in ascending order.
func (h *wideHistogram) each(f func(bin, n uint32)) {
	for i, mid := range h {
		if mid == nil {
			continue
		}
		for j, page := range mid {
			if page == nil {
				continue
			}
			for k, n := range page {
				if n > 0 {
					f(uint32(i)<<16|uint32(j)<<8|uint32(k), n)
				}
			}
		}
	}
}

const (
	ratioBins  = 10001
	exactLimit = 4096 // values kept before a histogram takes over; 32 KiB
)

func newQuantiles(unit metric.Unit, limit int) quantiles {
	return quantiles{ratio: unit == metric.Ratio, limit: limit}
}

func (q *quantiles) add(v float64) {
	q.n++
	switch {
	case q.fixed != nil:
		q.fixed[ratioBin(v)]++
	case q.wide != nil:
		q.wide.add(wideBin(v), 1)
	default:
		q.exact = append(q.exact, v)
		if len(q.exact) > q.limit {
			q.spill()
		}
	}
}

// spill moves the values into a histogram.
func (q *quantiles) spill() {
	if q.ratio {
		q.fixed = new([ratioBins]uint32)
		for _, v := range q.exact {
			q.fixed[ratioBin(v)]++
		}
	} else {
		q.wide = new(wideHistogram)
		for _, v := range q.exact {
			q.wide.add(wideBin(v), 1)
		}
	}
	q.exact = nil
}

func ratioBin(v float64) int {
	return min(max(int(v*(ratioBins-1)+0.5), 0), ratioBins-1)
}

// wideBin maps floats to integers that keep their order and drop the last 42
// bits: sign, exponent and the first 10 bits of the fraction remain.
func wideBin(v float64) uint32 {
	b := math.Float64bits(v + 0) // -0 becomes 0
	if b>>63 == 1 {
		b = ^b
	} else {
		b |= 1 << 63
	}
	return uint32(b >> 42)
}

// wideValue is the middle of a bin.
func wideValue(bin uint32) float64 {
	if bin == 1<<21 {
		return 0
	}
	b := uint64(bin)<<42 | 1<<41
	if b>>63 == 1 {
		b &^= 1 << 63
	} else {
		b = ^b
	}
	return math.Float64frombits(b)
}

// merge adds o's values to q; o is spent afterwards.
func (q *quantiles) merge(o *quantiles) {
	if o.n == 0 {
		return
	}
	if q.exact != nil || q.n == 0 {
		if o.exact != nil && len(q.exact)+len(o.exact) <= q.limit {
			q.exact = append(q.exact, o.exact...)
			q.n += o.n
			return
		}
		if q.fixed == nil && q.wide == nil {
			q.spill()
		}
	}
	q.n += o.n
	switch {
	case q.fixed != nil && o.fixed != nil:
		for i, n := range o.fixed {
			q.fixed[i] += n
		}
	case q.fixed != nil:
		for _, v := range o.exact {
			q.fixed[ratioBin(v)]++
		}
	default:
		if o.wide != nil {
			o.wide.each(q.wide.add)
		}
		for _, v := range o.exact {
			q.wide.add(wideBin(v), 1)
		}
	}
}

// method says how good the percentiles are.
func (q *quantiles) method() string {
	switch {
	case q.fixed != nil:
		return methodStep
	case q.wide != nil:
		return methodWide
	}
	return methodExact
}

// bin is a value and how often it occurred.
type bin struct {
	value float64
	n     int64
}

// bins returns the values in ascending order.
func (q *quantiles) bins() []bin {
	var out []bin
	switch {
	case q.fixed != nil:
		for i, n := range q.fixed {
			if n > 0 {
				out = append(out, bin{float64(i) / (ratioBins - 1), int64(n)})
			}
		}
	case q.wide != nil:
		q.wide.each(func(b, n uint32) { out = append(out, bin{wideValue(b), int64(n)}) })
	default:
		slices.Sort(q.exact)
		for _, v := range q.exact {
			if len(out) > 0 && out[len(out)-1].value == v {
				out[len(out)-1].n++
			} else {
				out = append(out, bin{v, 1})
			}
		}
	}
	return out
}

// percentile is numpy's linear percentile over bins that hold n values.
func percentile(bins []bin, n int64, p float64) float64 {
	if n == 0 {
		return math.NaN()
	}
	h := float64(n-1) * p / 100
	k := min(int64(h), n-1)
	var a, b float64
	found := false
	seen := int64(0)
	for _, x := range bins {
		seen += x.n
		if !found && seen > k {
			a, b, found = x.value, x.value, true
			if seen > k+1 {
				break
			}
		} else if found {
			b = x.value
			break
		}
	}
	t := h - float64(k)
	if t >= 0.5 {
		return b - (b-a)*(1-t)
	}
	return a + (b-a)*t
}
