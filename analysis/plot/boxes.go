package plot

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Box is a box plot's five numbers (whiskers Low and High, as matplotlib
// draws them) with what lies outside. N is the number of values behind it;
// with N zero only the name stands.
type Box struct {
	Name                      string
	Low, Q1, Median, Q3, High float64
	Mean                      float64 // NaN: not drawn
	Outliers                  []float64
	N                         int
	Color                     color.Color
}

// Boxes is a panel of box plots side by side.
type Boxes struct {
	Title string
	X, Y  Axis // X.Categories is filled from the boxes
	Boxes []Box
	Notes []string
}

// maxOutliers bounds the circles of one box.
const maxOutliers = 400

func (p *Boxes) sheet() *sheet {
	s := &sheet{title: p.Title, x: p.X, y: p.Y, grid: true, notes: append([]string(nil), p.Notes...)}
	s.x.Categories = nil
	var y extent
	thinned := false
	for _, b := range p.Boxes {
		name := b.Name
		if b.N == 0 {
			name += "\n(no data)"
		} else {
			y.add(b.Low, b.High, b.Q1, b.Q3)
			y.add(b.Outliers...)
		}
		thinned = thinned || len(b.Outliers) > maxOutliers
		s.x.Categories = append(s.x.Categories, name)
	}
	if thinned {
		s.notes = append(s.notes, fmt.Sprintf("At most %d outliers of a box are drawn, evenly picked from the sorted ones.", maxOutliers))
	}
	s.xs, s.ys = s.x.scale(0, 0), p.Y.scale(y.lo(), y.hi())
	s.empty = !y.any
	s.draw = func(a area) {
		w := min((a.Max.X-a.Min.X)/vg.Length(max(len(p.Boxes), 1))*0.5, 54)
		for i, b := range p.Boxes {
			if b.N > 0 {
				b.paint(a, a.px(float64(i)), w)
			}
		}
	}
	return s
}

func (b Box) paint(a area, x, w vg.Length) {
	line := draw.LineStyle{Color: ink(), Width: 0.9}
	q1, q3, med := a.py(b.Q1), a.py(b.Q3), a.py(b.Median)
	whisker(a, line, x, a.py(b.Low), q1, w/4)
	whisker(a, line, x, q3, a.py(b.High), w/4)
	box := []vg.Point{{X: x - w/2, Y: q1}, {X: x + w/2, Y: q1}, {X: x + w/2, Y: q3}, {X: x - w/2, Y: q3}, {X: x - w/2, Y: q1}}
	a.FillPolygon(faded(b.Color, 0.7), a.ClipPolygonXY(box))
	a.StrokeLines(line, a.ClipLinesXY(box)...)
	a.StrokeLines(draw.LineStyle{Color: ink(), Width: 1.8}, a.ClipLinesXY([]vg.Point{{X: x - w/2, Y: med}, {X: x + w/2, Y: med}})...)
	if mean := (vg.Point{X: x, Y: a.py(b.Mean)}); !math.IsNaN(b.Mean) && a.Contains(mean) {
		a.DrawGlyph(draw.GlyphStyle{Color: ink(), Radius: 2.6, Shape: draw.CrossGlyph{}}, mean)
	}
	for _, v := range every(b.Outliers, maxOutliers) {
		if at := (vg.Point{X: x, Y: a.py(v)}); a.Contains(at) {
			a.DrawGlyph(draw.GlyphStyle{Color: ink(), Radius: 2.2, Shape: draw.RingGlyph{}}, at)
		}
	}
}

// every picks at most n values, evenly, first and last included.
func every(vs []float64, n int) []float64 {
	if len(vs) <= n {
		return vs
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = vs[i*(len(vs)-1)/(n-1)]
	}
	return out
}
