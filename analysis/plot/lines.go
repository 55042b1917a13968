package plot

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Series is one line: Y over X, of equal length, X ascending. A NaN in Y is a
// gap: the line stops before it and starts again after it.
type Series struct {
	Name   string
	X, Y   []float64
	Color  color.Color // nil: chosen by position
	Dashed bool
	Marker bool
	Bold   bool
	Faint  bool // half transparent, for reference lines
	// Steps draws Y as holding until the next X.
	Steps bool
	// Labels, when set, names single points (one a point, "" for none).
	Labels []string
	thin   bool
	// Low and High, when set, are error bars.
	Low, High []float64
}

// Band is an area between Low and High over X; NaN is a gap.
type Band struct {
	Name      string
	X         []float64
	Low, High []float64
	Color     color.Color
}

// Rule is a straight line across the data area.
type Rule struct {
	Name     string
	At       float64
	Vertical bool
	Color    color.Color
	Faint    bool
}

// Lines is a panel of lines. Up to MaxSeries many-coloured series are named
// in the legend; beyond, series are thinned to a ramp of colours, and a note says so.
type Lines struct {
	Title  string
	X, Y   Axis
	Many   []Series // interchangeable: one a worker, thinned when there are too many
	Series []Series // each of its own meaning, always drawn, above the others
	Bands  []Band
	Rules  []Rule
	Notes  []string
	// Noun names what Many counts, in the plural, for the note: "workers".
	Noun string
}

const (
	// MaxSeries is how many interchangeable series get a colour and a legend entry each.
	MaxSeries = 10
	maxDrawn  = 16
	crowd     = 100 // beyond, the band says more than single lines
)

func (p *Lines) sheet() *sheet {
	s := &sheet{title: p.Title, x: p.X, y: p.Y, grid: true, notes: append([]string(nil), p.Notes...)}
	many, note := p.thin()
	if note != "" {
		s.notes = append(s.notes, note)
	}
	all := append(append([]Series(nil), many...), p.Series...)
	x, y := p.extents(all)
	for _, b := range p.Bands {
		s.keys = append(s.keys, Key{Name: b.Name, Color: faded(b.Color, 0.35)})
	}
	s.empty = !x.any || !y.any
	if labelled(all) && y.any && !p.Y.Log2 { // room for the names above the points
		y.add(y.max + (y.max-math.Min(y.min, 0))*0.06)
	}
	s.xs, s.ys = p.X.scale(x.lo(), x.hi()), p.Y.scale(y.lo(), y.hi())
	s.keys = append(s.keys, p.legend(many)...)
	s.draw = func(a area) { p.paint(a, all) }
	return s
}

// extents are the ranges of everything drawn.
func (p *Lines) extents(all []Series) (x, y extent) {
	for _, l := range all {
		x.add(l.X...)
		y.add(l.Y...)
		y.add(l.Low...)
		y.add(l.High...)
	}
	for _, b := range p.Bands {
		x.add(b.X...)
		y.add(b.Low...)
		y.add(b.High...)
	}
	for _, r := range p.Rules {
		if !r.Vertical {
			y.add(r.At)
		}
	}
	return x, y
}

func (p *Lines) paint(a area, all []Series) {
	for _, b := range p.Bands {
		b.paint(a)
	}
	for _, r := range p.Rules {
		r.paint(a)
	}
	for _, l := range all {
		l.paint(a)
	}
	for _, l := range all {
		l.paintLabels(a, p.Rules)
	}
}

// thin gives the interchangeable series their colours and leaves out what
// could not be told apart.
func (p *Lines) thin() ([]Series, string) {
	n := len(p.Many)
	if n <= MaxSeries {
		out := append([]Series(nil), p.Many...)
		for i := range out {
			if out[i].Color == nil {
				out[i].Color = Qualitative(i)
			}
			out[i].Color = faded(out[i].Color, 0.8)
		}
		return out, ""
	}
	var out []Series
	drawn := min(n, maxDrawn)
	if n > crowd {
		drawn = maxDrawn / 2
	}
	for i := range drawn {
		at := i * (n - 1) / (drawn - 1)
		l := p.Many[at]
		l.Color = faded(spread(float64(at)/float64(n-1)), 0.6)
		l.thin = true
		out = append(out, l)
	}
	note := fmt.Sprintf("%d %s, coloured in their order.", n, p.Noun)
	if drawn < n {
		note = fmt.Sprintf("%d of %d %s drawn, evenly spaced, coloured in their order; bands and averages cover all of them.", drawn, n, p.Noun)
	}
	return out, note
}

func (p *Lines) legend(many []Series) []Key {
	var keys []Key
	if len(p.Many) <= MaxSeries {
		for _, l := range many {
			keys = append(keys, Key{Name: l.Name, Color: l.Color, Line: true})
		}
	} else {
		n := len(p.Many)
		keys = append(keys, Key{Name: p.Many[0].Name, Color: spread(0), Line: true},
			Key{Name: "… " + p.Many[n-1].Name, Color: spread(1), Line: true})
	}
	for _, l := range p.Series {
		if l.Name != "" {
			keys = append(keys, Key{Name: l.Name, Color: l.Color, Line: true, Dashed: l.Dashed, Marker: l.Marker, Bold: l.Bold})
		}
	}
	for _, r := range p.Rules {
		if r.Name != "" {
			keys = append(keys, Key{Name: r.Name, Color: r.Color, Line: true, Dashed: true})
		}
	}
	return keys
}

func (r Rule) paint(a area) {
	sty := lineStyle(r.Color, false, true)
	if r.Faint {
		sty.Color = faded(r.Color, 0.7)
	}
	if r.Vertical {
		a.StrokeLines(sty, a.ClipLinesXY([]vg.Point{{X: a.px(r.At), Y: a.Min.Y}, {X: a.px(r.At), Y: a.Max.Y}})...)
		return
	}
	a.StrokeLines(sty, a.ClipLinesXY([]vg.Point{{X: a.Min.X, Y: a.py(r.At)}, {X: a.Max.X, Y: a.py(r.At)}})...)
}

// paint draws the line run by run between gaps; a value alone between two
// gaps is a dot, since a line through one point cannot be seen.
func (l Series) paint(a area) {
	sty := lineStyle(l.Color, l.Bold, l.Dashed)
	if l.thin {
		sty.Width = 0.8
	}
	if l.Faint {
		sty.Color = faded(l.Color, 0.6)
	}
	for _, run := range runs(l.X, l.Y) {
		pts := l.points(a, run)
		if len(pts) == 1 && !l.Marker {
			if a.Contains(pts[0]) {
				dot(&a.Canvas, sty.Color, pts[0], max(sty.Width, 1.8))
			}
			continue
		}
		a.StrokeLines(sty, a.ClipLinesXY(pts)...)
	}
	l.paintSpread(a)
	for i := range l.X {
		at := vg.Point{X: a.px(l.X[i]), Y: a.py(l.Y[i])}
		if l.Marker && !math.IsNaN(l.Y[i]) && a.Contains(at) {
			dot(&a.Canvas, l.Color, at, 4)
		}
	}
}

func labelled(all []Series) bool {
	for _, l := range all {
		if len(l.Labels) > 0 {
			return true
		}
	}
	return false
}

// paintLabels writes the points' names where neither the line nor a rule
// crosses them, inside the data area.
func (l Series) paintLabels(a area, rules []Rule) {
	var line []vg.Point
	for i := range l.X {
		if !math.IsNaN(l.Y[i]) {
			line = append(line, vg.Point{X: a.px(l.X[i]), Y: a.py(l.Y[i])})
		}
	}
	for i, name := range l.Labels {
		if i >= len(l.Y) || math.IsNaN(l.Y[i]) || name == "" {
			continue
		}
		name = clean(name)
		half := width(legendSize, name) / 2
		at := vg.Point{X: a.px(l.X[i]), Y: a.py(l.Y[i])}
		x := min(max(at.X, a.Min.X+half+3), a.Max.X-half-3)
		y := at.Y + 7
		for _, off := range [...]vg.Length{7, -7 - legendSize, 15, -15 - legendSize} {
			box := vg.Rectangle{Min: vg.Point{X: x - half, Y: at.Y + off - 1}, Max: vg.Point{X: x + half, Y: at.Y + off + legendSize + 1}}
			if box.Min.Y > a.Min.Y && box.Max.Y < a.Max.Y && !crossed(box, line) && !ruled(a, box, rules) {
				y = at.Y + off
				break
			}
		}
		a.FillText(style(legendSize, ink(), text.XCenter, text.YBottom), vg.Point{X: x, Y: y}, name)
	}
}

// crossed reports whether a line runs through a box.
func crossed(box vg.Rectangle, line []vg.Point) bool {
	c := draw.Canvas{Rectangle: box}
	return len(c.ClipLinesXY(line)) > 0
}

func ruled(a area, box vg.Rectangle, rules []Rule) bool {
	for _, r := range rules {
		if y := a.py(r.At); !r.Vertical && y > box.Min.Y && y < box.Max.Y {
			return true
		}
	}
	return false
}

func (l Series) paintSpread(a area) {
	sty := draw.LineStyle{Color: l.Color, Width: 1}
	for i := range l.X {
		if i >= len(l.Low) || i >= len(l.High) || math.IsNaN(l.Low[i]+l.High[i]) {
			continue
		}
		whisker(a, sty, a.px(l.X[i]), a.py(l.Low[i]), a.py(l.High[i]), 3)
	}
}

func whisker(a area, sty draw.LineStyle, x, lo, hi, half vg.Length) {
	a.StrokeLines(sty, a.ClipLinesXY([]vg.Point{{X: x, Y: lo}, {X: x, Y: hi}},
		[]vg.Point{{X: x - half, Y: lo}, {X: x + half, Y: lo}}, []vg.Point{{X: x - half, Y: hi}, {X: x + half, Y: hi}})...)
}

// points places one run on the canvas. Where several values fall on one
// point's width only first, lowest, highest and last are kept: no spike is lost.
func (l Series) points(a area, run span) []vg.Point {
	var out []vg.Point
	for i := run.from; i < run.to; i++ {
		p := vg.Point{X: a.px(l.X[i]), Y: a.py(l.Y[i])}
		if l.Steps && len(out) > 0 {
			out = append(out, vg.Point{X: p.X, Y: out[len(out)-1].Y})
		}
		out = append(out, p)
	}
	return decimate(out, 0.5)
}

func decimate(pts []vg.Point, step vg.Length) []vg.Point {
	if len(pts) < 400 {
		return pts
	}
	var out []vg.Point
	for i := 0; i < len(pts); {
		j, lo, hi := i, i, i
		for ; j < len(pts) && pts[j].X < pts[i].X+step; j++ {
			if pts[j].Y < pts[lo].Y {
				lo = j
			}
			if pts[j].Y > pts[hi].Y {
				hi = j
			}
		}
		last := -1
		for _, k := range [...]int{i, min(lo, hi), max(lo, hi), j - 1} {
			if k != last {
				out = append(out, pts[k])
			}
			last = k
		}
		i = j
	}
	return out
}

func (b Band) paint(a area) {
	for _, run := range runs(b.X, b.Low) {
		var up, down []vg.Point
		for i := run.from; i < run.to; i++ {
			if !math.IsNaN(b.High[i]) {
				up = append(up, vg.Point{X: a.px(b.X[i]), Y: a.py(b.High[i])})
				down = append(down, vg.Point{X: a.px(b.X[i]), Y: a.py(b.Low[i])})
			}
		}
		up, down = envelope(up, 0.5, true), envelope(down, 0.5, false)
		for i := len(down) - 1; i >= 0; i-- {
			up = append(up, down[i])
		}
		if len(up) > 2 {
			a.FillPolygon(faded(b.Color, 0.35), a.ClipPolygonXY(up))
		}
	}
}

// envelope keeps the highest (or lowest) value of every step's width.
func envelope(pts []vg.Point, step vg.Length, high bool) []vg.Point {
	if len(pts) < 800 {
		return pts
	}
	var out []vg.Point
	for i := 0; i < len(pts); {
		best := pts[i]
		j := i
		for ; j < len(pts) && pts[j].X < pts[i].X+step; j++ {
			if (pts[j].Y > best.Y) == high {
				best.Y = pts[j].Y
			}
		}
		out = append(out, best)
		i = j
	}
	return out
}
