package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// BarSet is one bar in every group: Values[i] belongs to group i, NaN where
// the group has none. Colors, when set, colours bars one by one.
type BarSet struct {
	Name      string
	Values    []float64
	Low, High []float64 // error bars, when set
	Color     color.Color
	Colors    []color.Color
}

// Bars is a panel of bars: grouped side by side, or stacked.
type Bars struct {
	Title   string
	X, Y    Axis // X.Categories names the groups
	Sets    []BarSet
	Stacked bool
	// Format writes a bar's value above it when there is room; nil: no values.
	Format func(float64) string
	// Absent stands where a group has no value of a set ("no GPU").
	Absent string
	Notes  []string
	// Legend is for sets that share colours in ways only the caller knows.
	Legend []Key
}

// narrowest is the width in points below which bars become lines.
const narrowest vg.Length = 1.6

func (p *Bars) sheet() *sheet {
	s := &sheet{title: p.Title, x: p.X, y: p.Y, grid: true, notes: append([]string(nil), p.Notes...)}
	s.y.Zero = true
	y := p.extent()
	s.empty = !y.any
	y.add(0)
	hi := y.hi()
	if p.Format != nil || p.Stacked {
		hi += (hi - y.lo()) * 0.08 // room for the values
	}
	s.xs, s.ys = s.x.scale(0, 0), s.y.scale(y.lo(), hi)
	s.keys = p.Legend
	if s.keys == nil && len(p.Sets) > 1 {
		for _, b := range p.Sets {
			s.keys = append(s.keys, Key{Name: b.Name, Color: b.Color})
		}
	}
	s.draw = p.paint
	return s
}

func (p *Bars) extent() extent {
	var y extent
	for _, b := range p.Sets {
		y.add(b.Values...)
		y.add(b.High...)
		y.add(b.Low...)
	}
	if p.Stacked && y.any {
		for i := range p.X.Categories {
			y.add(p.total(i))
		}
	}
	return y
}

func (p *Bars) total(group int) float64 {
	sum := 0.0
	for _, b := range p.Sets {
		if v := b.at(group); !math.IsNaN(v) {
			sum += v
		}
	}
	return sum
}

func (b BarSet) at(i int) float64 {
	if i >= len(b.Values) {
		return math.NaN()
	}
	return b.Values[i]
}

func (b BarSet) color(i int) color.Color {
	if i < len(b.Colors) {
		return b.Colors[i]
	}
	return b.Color
}

func (p *Bars) paint(a area) {
	group := (a.Max.X - a.Min.X) / vg.Length(max(len(p.X.Categories), 1))
	side := len(p.Sets)
	if p.Stacked {
		side = 1
	}
	w := min(group*0.8/vg.Length(max(side, 1)), 70)
	if w < narrowest {
		p.paintLines(a)
		return
	}
	for i := range p.X.Categories {
		left := a.px(float64(i)) - w*vg.Length(side)/2
		if p.Stacked {
			p.paintStack(a, i, left, w)
			continue
		}
		for k, b := range p.Sets {
			p.paintBar(a, b, i, left+w*vg.Length(k), w)
		}
	}
}

func (p *Bars) paintBar(a area, b BarSet, i int, x, w vg.Length) {
	v := b.at(i)
	if math.IsNaN(v) {
		p.paintAbsent(a, x+w/2, w)
		return
	}
	top := min(a.py(v), a.Max.Y)
	fillBox(&a.Canvas, b.color(i), x, a.py(math.Max(0, a.ys.min)), x+w, top)
	label := top
	if i < len(b.Low) && i < len(b.High) && !math.IsNaN(b.Low[i]+b.High[i]) {
		whisker(a, draw.LineStyle{Color: ink(), Width: 0.9}, x+w/2, a.py(b.Low[i]), a.py(b.High[i]), min(w/5, 5))
		label = max(label, min(a.py(b.High[i]), a.Max.Y))
	}
	p.paintValue(a, v, x+w/2, label, w)
}

func (p *Bars) paintValue(a area, v float64, x, y, w vg.Length) {
	if p.Format == nil {
		return
	}
	name := p.Format(v)
	size := legendSize
	if width(size, name) > w+8 {
		size = 7
	}
	if width(size, name) <= w+4 && y+size+3 <= a.Max.Y {
		a.FillText(style(size, ink(), text.XCenter, text.YBottom), vg.Point{X: x, Y: y + 2}, name)
	}
}

func (p *Bars) paintAbsent(a area, x, w vg.Length) {
	if p.Absent == "" || w < 8 {
		return
	}
	sty := style(7.5, muted(), text.XLeft, text.YCenter)
	sty.Rotation = math.Pi / 2
	a.FillText(sty, vg.Point{X: x, Y: a.Min.Y + 4}, p.Absent)
}

func (p *Bars) paintStack(a area, i int, x, w vg.Length) {
	sum := 0.0
	for _, b := range p.Sets {
		v := b.at(i)
		if math.IsNaN(v) || v <= 0 {
			continue
		}
		fillBox(&a.Canvas, b.color(i), x, a.py(sum), x+w, min(a.py(sum+v), a.Max.Y))
		sum += v
	}
	p.paintValue(a, sum, x+w/2, a.py(sum), w)
}

// paintLines draws each set as a stepped line over the groups: with hundreds
// of groups bars would be thinner than ink.
func (p *Bars) paintLines(a area) {
	for _, b := range p.Sets {
		var pts []vg.Point
		flush := func() {
			a.StrokeLines(draw.LineStyle{Color: b.color(0), Width: 1.1}, a.ClipLinesXY(pts)...)
			pts = nil
		}
		for i := range p.X.Categories {
			v := b.at(i)
			if math.IsNaN(v) {
				flush()
				continue
			}
			pts = append(pts, vg.Point{X: a.px(float64(i) - 0.5), Y: a.py(v)}, vg.Point{X: a.px(float64(i) + 0.5), Y: a.py(v)})
		}
		flush()
	}
}
