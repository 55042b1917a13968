package plot

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sample is a set of values whose distribution is drawn.
type Sample struct {
	Name   string
	Values []float64 // any order; NaN is left out
	Color  color.Color
	// Counts, when set, stand for the values: how many fell into each of equal
	// bins over the axis's fixed range; Mean is then their mean (NaN: none).
	Counts []int64
	Mean   float64
}

func (s Sample) mean() float64 {
	if s.Counts != nil {
		return s.Mean
	}
	return mean(s.sorted())
}

// bins are the densities (or shares) of n bins over lo..hi.
func (s Sample) bins(lo, hi float64, n int, share bool) []float64 {
	if s.Counts == nil {
		return bin(s.sorted(), lo, hi, n, share)
	}
	out := make([]float64, n)
	total := 0.0
	for i, c := range s.Counts {
		out[i*n/len(s.Counts)] += float64(c)
		total += float64(c)
	}
	scaleBins(out, total, (hi-lo)/float64(n), share)
	return out
}

func (s Sample) sorted() []float64 {
	vs := make([]float64, 0, len(s.Values))
	for _, v := range s.Values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			vs = append(vs, v)
		}
	}
	slices.Sort(vs)
	return vs
}

// Histogram is a panel of overlaid densities: every sample in the same bins
// (the notebook bins each over its own range, so that heights cannot be
// compared), with a dashed line at each mean.
type Histogram struct {
	Title   string
	X, Y    Axis
	Samples []Sample
	Bins    int // 30 when zero
	// Share counts the share of values in a bin, in percent, instead of the density.
	Share bool
	Notes []string
}

func (p *Histogram) sheet() *sheet {
	s := &sheet{title: p.Title, x: p.X, y: p.Y, grid: true, notes: append([]string(nil), p.Notes...)}
	s.y.Zero = true
	var x extent
	for _, sm := range p.Samples {
		x.add(sm.Values...)
		s.keys = append(s.keys, Key{Name: sm.Name, Color: faded(sm.Color, 0.6)})
	}
	if p.X.Max > p.X.Min {
		x = extent{p.X.Min, p.X.Max, true}
	}
	if !x.any {
		x = extent{0, 1, true}
	}
	if x.max == x.min {
		x.max = x.min + math.Max(math.Abs(x.min)*0.1, 1e-3)
	}
	n := p.Bins
	if n == 0 {
		n = 30
	}
	heights := make([][]float64, len(p.Samples))
	var y extent
	y.add(0)
	for i, sm := range p.Samples {
		heights[i] = sm.bins(x.min, x.max, n, p.Share)
		y.add(heights[i]...)
	}
	s.xs, s.ys = p.X.scale(x.min, x.max), s.y.scale(y.lo(), y.hi())
	s.draw = func(a area) { p.paint(a, heights, x, n) }
	return s
}

// bin counts values in n equal bins over lo..hi, the last bin closed, as
// densities (area 1) or percent of all values.
func bin(vs []float64, lo, hi float64, n int, share bool) []float64 {
	out := make([]float64, n)
	w := (hi - lo) / float64(n)
	for _, v := range vs {
		if v < lo || v > hi {
			continue
		}
		out[min(int((v-lo)/w), n-1)]++
	}
	scaleBins(out, float64(len(vs)), w, share)
	return out
}

// scaleBins turns counts into densities over bins of width w, or percent of all.
func scaleBins(counts []float64, total, w float64, share bool) {
	for i := range counts {
		switch {
		case total == 0:
		case share:
			counts[i] *= 100 / total
		default:
			counts[i] /= total * w
		}
	}
}

func (p *Histogram) paint(a area, heights [][]float64, x extent, n int) {
	w := (x.max - x.min) / float64(n)
	alpha := 0.5
	if len(p.Samples) > 3 { // outlines must do: fills would only hide each other
		alpha = 0.12
	}
	for i, sm := range p.Samples {
		var outline []vg.Point
		for k, h := range heights[i] {
			x0, x1 := a.px(x.min+float64(k)*w), a.px(x.min+float64(k+1)*w)
			if h > 0 {
				fillBox(&a.Canvas, faded(sm.Color, alpha), x0, a.py(0), x1, a.py(h))
			}
			outline = append(outline, vg.Point{X: x0, Y: a.py(h)}, vg.Point{X: x1, Y: a.py(h)})
		}
		a.StrokeLines(draw.LineStyle{Color: sm.Color, Width: 0.9}, a.ClipLinesXY(outline)...)
	}
	for _, sm := range p.Samples {
		if m := sm.mean(); !math.IsNaN(m) {
			line := lineStyle(sm.Color, false, true)
			line.Width = 1.8
			a.StrokeLines(line, a.ClipLinesXY([]vg.Point{{X: a.px(m), Y: a.Min.Y}, {X: a.px(m), Y: a.Max.Y}})...)
		}
	}
}

func mean(vs []float64) float64 {
	if len(vs) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, v := range vs {
		sum += v
	}
	return sum / float64(len(vs))
}

// CDF is a panel of empirical distribution functions: the share i/n of values
// that are at most x, as a step.
type CDF struct {
	Title   string
	X, Y    Axis
	Samples []Sample
	Notes   []string
}

func (p *CDF) sheet() *sheet {
	l := &Lines{Title: p.Title, X: p.X, Y: p.Y, Notes: p.Notes}
	for _, sm := range p.Samples {
		vs := sm.sorted()
		if len(vs) == 0 {
			continue
		}
		s := Series{Name: sm.Name, Color: sm.Color, Steps: true, X: []float64{vs[0]}, Y: []float64{0}}
		step := max(1, len(vs)/2000)
		for i := 0; i < len(vs); i += step {
			s.X, s.Y = append(s.X, vs[i]), append(s.Y, float64(i+1)/float64(len(vs)))
		}
		s.X, s.Y = append(s.X, vs[len(vs)-1]), append(s.Y, 1)
		l.Series = append(l.Series, s)
	}
	return l.sheet()
}

// Violins is a panel of mirrored kernel densities with the lowest and highest
// value, median (line) and mean (cross).
type Violins struct {
	Title   string
	X, Y    Axis // X.Categories is filled from the samples
	Samples []Sample
	Notes   []string
}

func (p *Violins) sheet() *sheet {
	s := &sheet{title: p.Title, x: p.X, y: p.Y, grid: true, notes: append([]string(nil), p.Notes...)}
	s.x.Categories = nil
	var y extent
	shapes := make([]violin, len(p.Samples))
	for i, sm := range p.Samples {
		shapes[i] = newViolin(sm)
		y.add(sm.Values...)
		s.x.Categories = append(s.x.Categories, sm.Name)
	}
	s.xs, s.ys = s.x.scale(0, 0), p.Y.scale(y.lo(), y.hi())
	s.keys = []Key{{Name: "median", Color: ink(), Line: true, Bold: true}, {Name: "mean", Color: ink(), Marker: true}}
	s.draw = func(a area) {
		w := min((a.Max.X-a.Min.X)/vg.Length(max(len(p.Samples), 1))*0.42, 60)
		for i, v := range shapes {
			v.paint(a, a.px(float64(i)), w)
		}
	}
	return s
}

type violin struct {
	at, density  []float64
	mean, median float64
	color        color.Color
}

// newViolin estimates the density at 100 points between the extremes with a
// Gaussian kernel of Scott's width (n^-1/5 times the standard deviation), as
// scipy's gaussian_kde does. Large samples are binned finely first.
func newViolin(sm Sample) violin {
	vs := sm.sorted()
	v := violin{mean: mean(vs), median: math.NaN(), color: sm.Color}
	n := len(vs)
	if n == 0 {
		return v
	}
	v.median = (vs[(n-1)/2] + vs[n/2]) / 2
	lo, hi := vs[0], vs[n-1]
	ss := 0.0
	for _, x := range vs {
		ss += (x - v.mean) * (x - v.mean)
	}
	if n < 2 || hi == lo {
		v.at, v.density = []float64{lo, hi}, []float64{1, 1}
		return v
	}
	h := math.Sqrt(ss/float64(n-1)) * math.Pow(float64(n), -0.2)
	centres, weights := condense(vs, 2000)
	for i := range 100 {
		x := lo + (hi-lo)*float64(i)/99
		d := 0.0
		for k, c := range centres {
			u := (x - c) / h
			d += weights[k] * math.Exp(-u*u/2)
		}
		v.at, v.density = append(v.at, x), append(v.density, d)
	}
	return v
}

// condense replaces a large sorted sample by the means of n equal runs.
func condense(vs []float64, n int) (centres, weights []float64) {
	n = min(n, len(vs))
	for i := range n {
		part := vs[i*len(vs)/n : (i+1)*len(vs)/n]
		centres, weights = append(centres, mean(part)), append(weights, float64(len(part)))
	}
	return centres, weights
}

func (v violin) paint(a area, x, half vg.Length) {
	if len(v.at) == 0 {
		return
	}
	top := slices.Max(v.density)
	var left, right []vg.Point
	for i, at := range v.at {
		w := half * vg.Length(v.density[i]/top)
		y := a.py(at)
		left, right = append(left, vg.Point{X: x - w, Y: y}), append(right, vg.Point{X: x + w, Y: y})
	}
	slices.Reverse(right)
	shape := append(left, right...)
	a.FillPolygon(faded(v.color, 0.5), a.ClipPolygonXY(shape))
	thin := draw.LineStyle{Color: ink(), Width: 0.9}
	whisker(a, thin, x, a.py(v.at[0]), a.py(v.at[len(v.at)-1]), half/3)
	bold := draw.LineStyle{Color: ink(), Width: 2.2}
	a.StrokeLines(bold, []vg.Point{{X: x - half/2, Y: a.py(v.median)}, {X: x + half/2, Y: a.py(v.median)}})
	dot(&a.Canvas, ink(), vg.Point{X: x, Y: a.py(v.mean)}, 3)
}
