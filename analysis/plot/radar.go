package plot

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Polygon is one shape of a radar chart: a value of 0-1 a spoke, NaN where
// there is none (the outline is then open there).
type Polygon struct {
	Name   string
	Values []float64
	Color  color.Color
}

// Radar is a radar chart: three spokes or more, each scaled 0-1.
type Radar struct {
	Title    string
	Spokes   []string
	Polygons []Polygon
	Notes    []string
}

func (p *Radar) sheet() *sheet {
	s := &sheet{title: p.Title, bare: true, notes: append([]string(nil), p.Notes...)}
	for _, g := range p.Polygons {
		s.keys = append(s.keys, Key{Name: g.Name, Color: g.Color, Line: true, Marker: true})
	}
	s.draw = p.paint
	return s
}

// spoke is the direction of the i-th spoke, the first upwards, clockwise.
func (p *Radar) spoke(i int) (cos, sin vg.Length) {
	at := math.Pi/2 - 2*math.Pi*float64(i)/float64(len(p.Spokes))
	return vg.Length(math.Cos(at)), vg.Length(math.Sin(at))
}

func (p *Radar) paint(a area) {
	if len(p.Spokes) < 3 {
		return
	}
	centre := a.Center()
	var widest vg.Length
	for _, n := range p.Spokes {
		widest = max(widest, width(tickSize, n))
	}
	r := min((a.Max.X-a.Min.X)/2-widest-6, (a.Max.Y-a.Min.Y)/2-tickSize-6)
	at := func(i int, v float64) vg.Point {
		cos, sin := p.spoke(i)
		return vg.Point{X: centre.X + cos*r*vg.Length(v), Y: centre.Y + sin*r*vg.Length(v)}
	}
	line := draw.LineStyle{Color: rule(), Width: 0.6}
	for _, ring := range [...]float64{0.25, 0.5, 0.75, 1} {
		var pts []vg.Point
		for i := 0; i <= len(p.Spokes); i++ {
			pts = append(pts, at(i%len(p.Spokes), ring))
		}
		a.StrokeLines(line, pts)
	}
	for i, n := range p.Spokes {
		a.StrokeLines(line, []vg.Point{centre, at(i, 1)})
		cos, sin := p.spoke(i)
		sty := style(tickSize, ink(), text.XAlignment((float64(cos)-1)/2), text.YAlignment((float64(sin)-1)/2))
		tip := vg.Point{X: centre.X + cos*(r+5), Y: centre.Y + sin*(r+5)}
		a.FillText(sty, tip, clean(n))
	}
	for _, ring := range [...]float64{0.5, 1} { // named on an edge, clear of the corners
		from, to := at(0, ring), at(1, ring)
		mid := vg.Point{X: (from.X + to.X) / 2, Y: (from.Y + to.Y) / 2}
		a.FillText(style(7.5, muted(), text.XLeft, text.YBottom), vg.Point{X: mid.X + 2, Y: mid.Y + 1}, strconv.FormatFloat(ring, 'g', -1, 64))
	}
	for _, g := range p.Polygons {
		g.paint(a, at, len(p.Spokes))
	}
}

func (g Polygon) paint(a area, at func(int, float64) vg.Point, spokes int) {
	var pts []vg.Point
	whole := true
	for i := range spokes {
		if i >= len(g.Values) || math.IsNaN(g.Values[i]) {
			whole = false
			continue
		}
		pts = append(pts, at(i, math.Min(1, math.Max(0, g.Values[i]))))
	}
	if whole {
		a.FillPolygon(faded(g.Color, 0.2), pts)
		a.StrokeLines(draw.LineStyle{Color: g.Color, Width: 1.8}, append(append([]vg.Point(nil), pts...), pts[0]))
	}
	for _, pt := range pts {
		dot(&a.Canvas, g.Color, pt, 3)
	}
}

// Message is a panel that says why there is nothing to draw.
type Message struct {
	Title, Text string
}

func (p *Message) sheet() *sheet {
	s := &sheet{title: p.Title, bare: true}
	s.draw = func(a area) {
		lines := wrap(labelSize, clean(p.Text), (a.Max.X-a.Min.X)*0.8)
		y := a.Center().Y + vg.Length(len(lines)-1)*(labelSize+4)/2
		for _, l := range lines {
			a.FillText(style(labelSize, muted(), text.XCenter, text.YCenter), vg.Point{X: a.Center().X, Y: y}, l)
			y -= labelSize + 4
		}
	}
	return s
}
