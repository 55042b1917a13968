package stat

import "math"

// Histogram has len(Counts)+1 edges; Density integrates to one.
type Histogram struct {
	Edges   []float64
	Counts  []int
	Density []float64
}

// NewHistogram is numpy's histogram(xs, bins, density=True) over the range
// [low, high]: half-open bins, the last one closed; NaN and numbers outside are
// not counted. An empty range is widened by one half each way, as numpy does.
// Without a finite range there are no bins.
func NewHistogram(xs []float64, bins int, low, high float64) Histogram {
	if bins < 1 || math.IsNaN(low+high) || math.IsInf(low, 0) || math.IsInf(high, 0) || low > high {
		return Histogram{}
	}
	if low == high {
		low, high = low-0.5, high+0.5
	}
	h := Histogram{Edges: Linspace(low, high, bins+1), Counts: make([]int, bins), Density: make([]float64, bins)}
	n := 0
	for _, x := range xs {
		if !(x >= low && x <= high) {
			continue
		}
		h.Counts[h.bin(x, float64(bins)/(high-low))]++
		n++
	}
	for i, c := range h.Counts {
		h.Density[i] = float64(c) / (h.Edges[i+1] - h.Edges[i]) / float64(n)
	}
	return h
}

// bin guesses by arithmetic and corrects against the edges, as numpy does.
func (h *Histogram) bin(x, scale float64) int {
	last := len(h.Counts) - 1
	i := min(int((x-h.Edges[0])*scale), last)
	if x < h.Edges[i] {
		i--
	}
	if i != last && x >= h.Edges[i+1] {
		i++
	}
	return max(i, 0)
}

// Linspace is n numbers from low to high at equal steps, the last exactly high
// (numpy's linspace).
func Linspace(low, high float64, n int) []float64 {
	if n < 1 {
		return nil
	}
	out := make([]float64, n)
	out[0] = low
	if n == 1 {
		return out
	}
	step := (high - low) / float64(n-1)
	for i := range out {
		out[i] = float64(i)*step + low
	}
	out[n-1] = high
	return out
}
