package tasks

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// ramp is n numbers from low by step.
func ramp(n int, low, step float64) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = low + float64(i)*step
	}
	return xs
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name string
		x, y []float64
		want []string
	}{
		{"both", ramp(40, 2, 0.01), ramp(40, 1, 0.01), []string{"y is faster than x by 1.00 s on average", "1.19 instead of 2.19 s", "shorter in 100% of pairs, a large effect", "both tests agree"}},
		{"the other way", ramp(40, 1, 0.01), ramp(40, 2, 0.01), []string{"x is faster than y by 1.00 s on average (95% 0.948 to 1.05; 1.19 instead of 2.19 s)"}},
		{"neither", ramp(40, 1, 0.01), ramp(40, 1.001, 0.01), []string{"no significant difference (means p ", "lies between -0.0530 and +0.0510 s"}},
		{"ranks only", append(ramp(38, 1, 0.01), 40, 40), append(ramp(38, 1.3, 0.01), 1, 1), []string{"the tests disagree: tasks of x are typically shorter than those of y, in ", "by means there is no significant difference"}},
		{"means only", append(ramp(60, 1, 0.01), ramp(20, 30, 0.1)...), ramp(80, 1.05, 0.008), []string{"the tests disagree: y is faster than x by ", "by ranks there is no significant difference"}},
		{"different ways", append(ramp(80, 1, 0.001), ramp(20, 50, 1)...), ramp(100, 1.2, 0.001), []string{"the tests point different ways: y is faster than x by", "but tasks of x are typically shorter than those of y, in 80% of pairs"}},
		{"many tasks", ramp(20000, 1, 0.0001), ramp(20000, 1.05, 0.0001), []string{"a negligible effect; both tests agree, but only because there are many tasks"}},
		{"ranks alone can tell", []float64{1}, ramp(60, 2, 0.1), []string{"tasks of x are typically shorter than those of y, in 100% of pairs", "means cannot be tested"}},
		{"nothing on one side", nil, ramp(3, 1, 1), []string{"no tasks on one side"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := pairs([]sampleOf{{name: "x", xs: c.x}, {name: "y", xs: c.y}}, "")
			correct(table)
			for _, w := range c.want {
				if !strings.Contains(table[0].Verdict, w) {
					t.Errorf("%s\ndoes not say %q (Welch p %v, ranks p %v)", table[0].Verdict, w, table[0].WelchHolm, table[0].RanksHolm)
				}
			}
		})
	}
}

// Six samples are fifteen pairs, and one small p-value among them is multiplied.
func TestHolmOverATable(t *testing.T) {
	var samples []sampleOf
	for i := range 6 {
		samples = append(samples, sampleOf{name: fmt.Sprint(i), xs: ramp(10, 1+0.001*float64(i), 0.1)})
	}
	samples[5].xs = ramp(10, 1.42, 0.1)
	table := pairs(samples, "")
	correct(table)
	if len(table) != 15 {
		t.Fatalf("%d pairs", len(table))
	}
	smallest := slices.MinFunc(table, func(a, b Pair) int { return compareFloats(float64(a.Welch.P), float64(b.Welch.P)) })
	if got, want := float64(smallest.WelchHolm), 15*float64(smallest.Welch.P); math.Abs(got-min(1, want)) > 1e-12 {
		t.Errorf("p %v became %v, want %v", smallest.Welch.P, got, want)
	}
	if got := pairs(make([]sampleOf, maxCompared+1), ""); got != nil {
		t.Errorf("%d pairs of too many samples", len(got))
	}
}
