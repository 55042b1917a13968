package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// TimeNode is the time by node colour plot: a heatmap with the band between
// lowest and highest and the average above it, on the same time axis, and
// every row's average as a bar beside it.
type TimeNode struct {
	Heatmap
	Band    Band
	Average Series
	// Means are the rows' averages, in the heatmap's unit; NaN for none.
	Means []float64
	Color color.Color // of the bars
}

const (
	bandShare            = 0.24 // of the data area's height
	meansWidth vg.Length = 76
)

func (p *TimeNode) sheet() *sheet {
	s := p.Heatmap.sheet()
	inner := s.draw
	s.keys = append([]Key{{Name: p.Band.Name, Color: faded(p.Band.Color, 0.35)}, {Name: p.Average.Name, Color: p.Average.Color, Line: true, Bold: true}}, s.keys...)
	bar := s.bar
	s.bar = nil
	s.right = meansWidth + barNeed()
	s.top = func(h vg.Length) vg.Length { return max(h*bandShare, 40) }
	s.draw = func(a area) {
		inner(a)
		p.paintBand(a, s.xt)
		beside := a
		beside.Min.X = a.Max.X + gap
		beside.Max.X = beside.Min.X + meansWidth - gap
		p.paintMeans(beside)
		bars := a
		bars.Max.X = beside.Max.X
		bar.paint(bars)
	}
	return s
}

// paintBand draws the strip above the heatmap.
func (p *TimeNode) paintBand(a area, xt []tick) {
	strip := a
	strip.Min.Y = a.Max.Y + 2*gap
	strip.Max.Y = strip.Min.Y + a.above - 2*gap
	strip.ys = scale{min: p.Min, max: p.Max}
	line := draw.LineStyle{Color: rule(), Width: 0.6}
	for _, t := range xt {
		strip.StrokeLine2(line, strip.px(t.at), strip.Min.Y, strip.px(t.at), strip.Max.Y)
	}
	for _, t := range strip.ys.ticks(strip.Max.Y-strip.Min.Y, 8, func(string) vg.Length { return tickSize }) {
		y := strip.py(t.at)
		strip.StrokeLine2(line, strip.Min.X, y, strip.Max.X, y)
		strip.FillText(style(tickSize, ink(), text.XRight, text.YCenter), vg.Point{X: strip.Min.X - 6, Y: y}, t.name)
	}
	p.Band.paint(strip)
	p.Average.paint(strip)
}

// paintMeans draws one bar a row, as long as its average.
func (p *TimeNode) paintMeans(a area) {
	x := scale{min: p.Min, max: p.Max}
	at := func(v float64) vg.Length { return a.X(x.norm(v)) }
	per := (len(p.Rows) + maxRows - 1) / maxRows
	rows := vg.Length((len(p.Means) + max(per, 1) - 1) / max(per, 1))
	h := (a.Max.Y - a.Min.Y) / max(rows, 1)
	for i := 0; i < len(p.Means); i += max(per, 1) {
		v := mean(present(p.Means[i:min(i+per, len(p.Means))]))
		top := a.Max.Y - h*vg.Length(i/max(per, 1))
		inset := min(h*0.15, 3)
		if !math.IsNaN(v) {
			fillBox(&a.Canvas, p.Color, a.Min.X, top-h+inset, at(v), top-inset)
		}
	}
	frame := draw.LineStyle{Color: rule(), Width: 0.9}
	a.StrokeLines(frame, []vg.Point{a.Min, {X: a.Max.X, Y: a.Min.Y}, a.Max, {X: a.Min.X, Y: a.Max.Y}, a.Min})
	for _, t := range x.ticks(a.Max.X-a.Min.X, 8, func(n string) vg.Length { return width(tickSize, n) }) {
		if t.at == x.min || t.at == x.max { // its number would run into the neighbour's
			continue
		}
		a.FillText(style(tickSize, ink(), text.XCenter, text.YTop), vg.Point{X: at(t.at), Y: a.Min.Y - 5}, t.name)
	}
	a.FillText(style(labelSize, ink(), text.XCenter, text.YTop), vg.Point{X: (a.Min.X + a.Max.X) / 2, Y: a.Min.Y - 5 - tickSize - gap}, "Average")
}

func present(vs []float64) []float64 {
	var out []float64
	for _, v := range vs {
		if !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}
