package plot

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
)

// Axis is one axis of a panel. The zero Axis takes its range from the data.
type Axis struct {
	Label string
	// Min and Max fix the range when Max > Min.
	Min, Max float64
	// Zero makes an unfixed range start at zero, so that a bar's or a line's
	// height can be read as a size.
	Zero bool
	// Log2 spaces powers of two evenly; values must be positive.
	Log2 bool
	// Categories names the positions 0, 1, 2, ...; the axis is then nominal.
	Categories []string
	// reversed puts the first category at the top of a vertical axis.
	reversed bool
	edges    bool // no margin beyond the data
}

// scale maps data to 0-1 along an axis.
type scale struct {
	min, max float64
	log2     bool
	reversed bool
}

func (s scale) norm(v float64) float64 {
	lo, hi := s.min, s.max
	if s.log2 {
		lo, hi, v = math.Log2(lo), math.Log2(hi), math.Log2(v)
	}
	f := (v - lo) / (hi - lo)
	if s.reversed {
		f = 1 - f
	}
	return f
}

// scale fits the axis to data in lo..hi; lo > hi means that there is none.
func (a Axis) scale(lo, hi float64) scale {
	s := scale{log2: a.Log2, reversed: a.reversed}
	switch {
	case len(a.Categories) > 0:
		s.min, s.max = -0.5, float64(len(a.Categories))-0.5
		return s
	case a.Max > a.Min:
		s.min, s.max = a.Min, a.Max
		return s
	case lo > hi || math.IsInf(lo, 0) || math.IsInf(hi, 0):
		lo, hi = 0, 1
	}
	if a.Log2 {
		if hi <= 0 {
			lo, hi = 1, 2
		}
		if lo <= 0 {
			lo = hi / 1024
		}
		s.min, s.max = lo/math.Sqrt2, hi*math.Sqrt2
		return s
	}
	if a.Zero {
		lo = math.Min(lo, 0)
	}
	pad := (hi - lo) * 0.05
	if hi == lo {
		pad = math.Max(math.Abs(hi)*0.05, 0.5)
	}
	s.min, s.max = lo-pad, hi+pad
	if a.edges {
		s.min, s.max = lo, hi
		if hi == lo {
			s.max = lo + 1
		}
	}
	if a.Zero && lo == 0 {
		s.min = 0
	}
	return s
}

// tick is a position along an axis and its name.
type tick struct {
	at   float64
	name string
}

// ticks places round numbers along length so that neighbours keep at least
// gap points between them; size gives a label's extent along the axis.
func (s scale) ticks(length vg.Length, gap vg.Length, size func(string) vg.Length) []tick {
	if s.log2 {
		return s.powers(length, gap, size)
	}
	span := s.max - s.min
	if !(span > 0) || math.IsInf(span, 0) || span < 1e-12*math.Abs(s.max) {
		return nil
	}
	exp := math.Floor(math.Log10(span)) - 2
	for ; ; exp++ {
		for _, m := range [...]float64{1, 2, 2.5, 5} {
			if step := m * math.Pow(10, exp); span/step < 60 {
				if t := s.multiples(step); fits(t, s, length, gap, size) || len(t) <= 2 {
					return t
				}
			}
		}
	}
}

func (s scale) multiples(step float64) []tick {
	decimals := 0
	for d := step; decimals < 12 && math.Abs(d-math.Round(d)) > 1e-6*d; decimals++ {
		d *= 10
	}
	var out []tick
	first := math.Ceil(s.min/step - 1e-9)
	for k := 0.0; ; k++ {
		v := (first + k) * step
		if v > s.max+step*1e-9 {
			return out
		}
		if v == 0 {
			v = 0 // no minus sign
		}
		out = append(out, tick{v, number(v, step, decimals)})
	}
}

// number writes v with as many decimals as its step needs; thousands become
// k, M, G so that labels stay short.
func number(v, step float64, decimals int) string {
	for _, u := range [...]struct {
		by   float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if step >= u.by/10 && math.Abs(v) >= u.by {
			by := math.Max(u.by, 1e3)
			if u.name == "k" {
				by = 1e3
			}
			return strconv.FormatFloat(v/by, 'f', -1, 64) + u.name
		}
	}
	if decimals > 5 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

func (s scale) powers(length, gap vg.Length, size func(string) vg.Length) []tick {
	for every := 1; ; every++ {
		var out []tick
		for e := math.Ceil(math.Log2(s.min)); e <= math.Floor(math.Log2(s.max)); e += float64(every) {
			out = append(out, tick{math.Exp2(e), strconv.FormatFloat(math.Exp2(e), 'g', 6, 64)})
		}
		if fits(out, s, length, gap, size) || len(out) <= 2 {
			return out
		}
	}
}

func fits(t []tick, s scale, length, gap vg.Length, size func(string) vg.Length) bool {
	for i := 1; i < len(t); i++ {
		dist := vg.Length(math.Abs(s.norm(t[i].at)-s.norm(t[i-1].at))) * length
		if dist < (size(t[i].name)+size(t[i-1].name))/2+gap {
			return false
		}
	}
	return true
}

// nominal names every category, or every k-th when there is no room; it
// returns k.
func nominal(names []string, length, need vg.Length) ([]tick, int) {
	every := 1
	if n := vg.Length(len(names)); n*need > length {
		every = int(math.Ceil(float64(n * need / length)))
	}
	var out []tick
	for i := 0; i < len(names); i += every {
		out = append(out, tick{float64(i), clean(names[i])})
	}
	return out, every
}

// TimeUnit picks the unit in which a span of seconds is best read: its name
// for the axis and its length in seconds.
func TimeUnit(span float64) (name string, seconds float64) {
	switch {
	case span > 4*86400:
		return "days", 86400
	case span > 3*3600:
		return "hours", 3600
	case span > 3600:
		return "minutes", 60
	}
	return "seconds", 1
}

// oneLine joins a label's lines for places that have one.
func oneLine(s string) string { return strings.ReplaceAll(clean(s), "\n", " ") }
