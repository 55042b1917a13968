// Package stat puts checking constructors in front of gonum/stat, which panics
// on empty, unsorted or unequal input, and computes the figures of pandas,
// numpy and matplotlib by their own definitions.
//
// Data flows one way: numbers become a Sample (checked, sorted, once), and every
// figure is a method of it. Functions that must behave as numpy does on NaN
// (Percentile, NewBox, Mean) say so. Nothing here keeps state; a Sample is
// immutable and may be shared by goroutines.
package stat

import (
	"errors"
	"fmt"
	"math"
	"slices"

	gonum "gonum.org/v1/gonum/stat"
)

// ErrEmpty says that a figure was asked of no numbers.
var ErrEmpty = errors.New("no numbers")

// ErrNotFinite says that a NaN or an infinity stands among the numbers.
var ErrNotFinite = errors.New("not a finite number")

// Sample is a set of finite numbers in ascending order. The zero Sample is
// empty, and all its figures are NaN.
type Sample struct {
	sorted []float64
}

// NewSample copies and sorts xs. It returns ErrEmpty or ErrNotFinite (with the
// position) instead of a Sample whose figures would be meaningless.
func NewSample(xs []float64) (Sample, error) {
	return NewSampleInPlace(slices.Clone(xs))
}

// NewSampleInPlace is NewSample for a slice that the caller gives away.
func NewSampleInPlace(xs []float64) (Sample, error) {
	if len(xs) == 0 {
		return Sample{}, ErrEmpty
	}
	for i, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return Sample{}, fmt.Errorf("number %d: %w", i+1, ErrNotFinite)
		}
	}
	slices.Sort(xs)
	return Sample{xs}, nil
}

// Finite returns the finite numbers of xs as a Sample (empty if there are
// none) and how many were left out.
func Finite(xs []float64) (Sample, int) {
	kept := make([]float64, 0, len(xs))
	for _, x := range xs {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			kept = append(kept, x)
		}
	}
	slices.Sort(kept)
	return Sample{kept}, len(xs) - len(kept)
}

// N is the number of numbers.
func (s Sample) N() int { return len(s.sorted) }

// Sorted returns the numbers in ascending order. The caller must not change them.
func (s Sample) Sorted() []float64 { return s.sorted }

// Min is the smallest number, NaN of an empty Sample.
func (s Sample) Min() float64 {
	if len(s.sorted) == 0 {
		return math.NaN()
	}
	return s.sorted[0]
}

// Max is the largest number, NaN of an empty Sample.
func (s Sample) Max() float64 {
	if len(s.sorted) == 0 {
		return math.NaN()
	}
	return s.sorted[len(s.sorted)-1]
}

// Mean is the arithmetic mean, NaN of an empty Sample.
func (s Sample) Mean() float64 {
	if len(s.sorted) == 0 {
		return math.NaN()
	}
	return gonum.Mean(s.sorted, nil)
}

// Std is the standard deviation with n-1 in the denominator, as pandas has it
// (ddof 1): NaN of fewer than two numbers.
func (s Sample) Std() float64 {
	if len(s.sorted) < 2 {
		return math.NaN()
	}
	return gonum.StdDev(s.sorted, nil)
}

// Percentile is numpy's default ("linear", type 7 of Hyndman and Fan 1996):
// h = (n-1)p/100, interpolated between the two neighbours. p outside 0-100, and
// an empty Sample, give NaN.
func (s Sample) Percentile(p float64) float64 {
	n := len(s.sorted)
	if n == 0 || !(p >= 0 && p <= 100) {
		return math.NaN()
	}
	h := float64(n-1) * (p / 100)
	i := min(int(h), n-1)
	a := s.sorted[i]
	if i == n-1 {
		return a
	}
	return lerp(a, s.sorted[i+1], h-float64(i))
}

// lerp interpolates from the nearer end, as numpy's _lerp does, so that equal
// neighbours give exactly themselves.
func lerp(a, b, t float64) float64 {
	d := b - a
	if t >= 0.5 {
		return b - d*(1-t)
	}
	return a + d*t
}

// Median is the 50th percentile.
func (s Sample) Median() float64 { return s.Percentile(50) }

// Percentile is np.percentile(xs, p): NaN when xs is empty or holds a NaN
// (numpy does not skip NaN; pandas does).
func Percentile(xs []float64, p float64) float64 {
	s, err := NewSample(xs)
	if err != nil {
		return math.NaN()
	}
	return s.Percentile(p)
}

// Mean is the mean of the numbers that are not NaN, as pandas has it; NaN if
// there are none.
func Mean(xs []float64) float64 {
	s, n := 0.0, 0
	for _, x := range xs {
		if !math.IsNaN(x) {
			s, n = s+x, n+1
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return s / float64(n)
}

// WeightedMean is the mean of xs with one weight each. Unequal lengths, a
// negative or NaN weight and a sum of weights of zero are errors.
func WeightedMean(xs, weights []float64) (float64, error) {
	if len(xs) != len(weights) {
		return math.NaN(), fmt.Errorf("%d numbers with %d weights", len(xs), len(weights))
	}
	if len(xs) == 0 {
		return math.NaN(), ErrEmpty
	}
	total := 0.0
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return math.NaN(), fmt.Errorf("weight %d: %v: want a finite number that is not negative", i+1, w)
		}
		if math.IsNaN(xs[i]) || math.IsInf(xs[i], 0) {
			return math.NaN(), fmt.Errorf("number %d: %w", i+1, ErrNotFinite)
		}
		total += w
	}
	if total == 0 {
		return math.NaN(), errors.New("the weights add up to nothing")
	}
	return gonum.Mean(xs, weights), nil
}
