package plot

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Points is one set of a scatter plot.
type Points struct {
	Name  string
	X, Y  []float64
	Color color.Color
}

// Scatter is a panel of points. Sets are drawn interleaved, so that the last
// one does not cover the others.
type Scatter struct {
	Title string
	X, Y  Axis
	Sets  []Points
	Notes []string
}

// maxPoints bounds the marks of one scatter panel.
const maxPoints = 4000

func (p *Scatter) sheet() *sheet {
	s := &sheet{title: p.Title, x: p.X, y: p.Y, grid: true, notes: append([]string(nil), p.Notes...)}
	var x, y extent
	total := 0
	for _, set := range p.Sets {
		x.add(set.X...)
		y.add(set.Y...)
		total += len(set.X)
		s.keys = append(s.keys, Key{Name: set.Name, Color: set.Color, Marker: true})
	}
	if len(s.keys) > maxKeys {
		s.keys = nil
	}
	step := 1
	if total > maxPoints {
		step = (total + maxPoints - 1) / maxPoints
		s.notes = append(s.notes, fmt.Sprintf("Every %s of %d points is drawn, and the extremes.", ordinal(step), total))
	}
	s.xs, s.ys = p.X.scale(x.lo(), x.hi()), p.Y.scale(y.lo(), y.hi())
	s.empty = !x.any
	s.draw = func(a area) { p.paint(a, step, x, y) }
	return s
}

func (p *Scatter) paint(a area, step int, x, y extent) {
	longest := 0
	for _, set := range p.Sets {
		longest = max(longest, len(set.X))
	}
	for i := range longest {
		for k, set := range p.Sets {
			if i >= min(len(set.X), len(set.Y)) {
				continue
			}
			extreme := set.X[i] == x.max || set.Y[i] == y.max || set.X[i] == x.min || set.Y[i] == y.min
			at := vg.Point{X: a.px(set.X[i]), Y: a.py(set.Y[i])}
			if (i%step != 0 && !extreme) || !a.Contains(at) {
				continue
			}
			c := faded(set.Color, 0.4)
			if k%2 == 0 {
				dot(&a.Canvas, c, at, 2.6)
			} else { // a second shape for those who cannot tell the colours
				square(&a.Canvas, c, at, 2.4)
			}
		}
	}
}

func square(c *draw.Canvas, col color.Color, at vg.Point, r vg.Length) {
	fillBox(c, col, at.X-r, at.Y-r, at.X+r, at.Y+r)
}
