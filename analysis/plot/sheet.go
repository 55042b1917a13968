package plot

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Panel is one picture of a figure: Lines, Heatmap, Boxes, Bars, Scatter,
// Histogram, Violins, Radar or Message.
type Panel interface {
	sheet() *sheet
}

// Key is one entry of a legend.
type Key struct {
	Name   string
	Color  color.Color
	Line   bool // drawn as a line, not as a patch
	Dashed bool
	Marker bool
	Bold   bool
	hatch  bool
}

// sheet is a panel ready to be laid out: what stands around the data area and
// how the data area is filled.
type sheet struct {
	title string
	x, y  Axis
	xs    scale
	ys    scale
	keys  []Key
	notes []string
	empty bool // axes without anything to draw: says so
	bare  bool // no axes: radar, message
	bar   *colorBar
	grid  bool
	draw  func(a area)
	// right and top ask for room beside and above the data area, for what draw puts there.
	right vg.Length
	top   func(height vg.Length) vg.Length

	xt, yt  []tick
	thinX   int
	thinY   int
	upright bool // x labels are turned
}

// area is the data area with its scales, in points.
type area struct {
	draw.Canvas
	xs, ys scale
	device any       // the canvas below, for what only some formats can do
	above  vg.Length // room above the data area, when the sheet asked for it
}

func (a *area) px(v float64) vg.Length { return a.X(a.xs.norm(v)) }
func (a *area) py(v float64) vg.Length { return a.Y(a.ys.norm(v)) }

// margins are what a sheet needs around its data area.
type margins struct{ left, right, bottom, top vg.Length }

func (m margins) max(o margins) margins {
	return margins{max(m.left, o.left), max(m.right, o.right), max(m.bottom, o.bottom), max(m.top, o.top)}
}

const (
	gap      vg.Length = 4  // between stacked elements
	tickGap  vg.Length = 16 // between neighbouring tick labels along an axis
	rowGap   vg.Length = 22 // between tick labels above each other
	barWidth vg.Length = 11 // colour bar
	maxLabel vg.Length = 92 // a category's name
)

// measure plans ticks for a canvas of w by h and returns the margins needed.
// Tick labels and margins depend on each other, so it runs twice.
func (s *sheet) measure(w, h vg.Length) margins {
	m := margins{left: 40, right: 10, bottom: 30, top: 30}
	for range 2 {
		dw, dh := max(w-m.left-m.right, 20), max(h-m.bottom-m.top, 20)
		if !s.bare && !s.empty {
			s.planX(dw)
			s.planY(dh)
		}
		m = margins{left: s.leftNeed(), right: s.rightNeed(), bottom: s.bottomNeed(w), top: s.topNeed(w)}
		if s.top != nil {
			m.top += s.top(h)
		}
	}
	return m
}

func (s *sheet) planX(w vg.Length) {
	s.thinX, s.upright = 1, false
	if len(s.x.Categories) == 0 {
		s.xt = s.xs.ticks(w, tickGap, func(n string) vg.Length { return width(tickSize, n) })
		return
	}
	var widest vg.Length
	for _, n := range s.x.Categories {
		widest = max(widest, width(tickSize, clean(n)))
	}
	if widest+8 <= w/vg.Length(len(s.x.Categories)) {
		s.xt, _ = nominal(s.x.Categories, w, 1)
		return
	}
	s.upright = true
	s.xt, s.thinX = nominal(s.x.Categories, w, tickSize+4)
	for i := range s.xt {
		s.xt[i].name = shorten(tickSize, oneLine(s.xt[i].name), maxLabel)
	}
}

func (s *sheet) planY(h vg.Length) {
	s.thinY = 1
	if len(s.y.Categories) == 0 {
		s.yt = s.ys.ticks(h, rowGap, func(string) vg.Length { return tickSize })
		return
	}
	s.yt, s.thinY = nominal(s.y.Categories, h, tickSize+2)
	for i := range s.yt {
		s.yt[i].name = shorten(tickSize, oneLine(s.yt[i].name), maxLabel)
	}
}

func (s *sheet) leftNeed() vg.Length {
	if s.bare {
		return 6
	}
	var w vg.Length
	for _, t := range s.yt {
		w = max(w, width(tickSize, t.name))
	}
	w += 10
	if s.y.Label != "" {
		w += labelSize + gap
	}
	if len(s.xt) > 0 && !s.upright { // half of the first label sticks out
		w = max(w, width(tickSize, s.xt[0].name)/2)
	}
	return w
}

// barNeed is the width of a colour bar with its numbers and name.
func barNeed() vg.Length { return barWidth + 3*gap + width(tickSize, "100") + labelSize + 3*gap }

func (s *sheet) rightNeed() vg.Length {
	if s.right > 0 {
		return s.right
	}
	if s.bar != nil {
		return barNeed()
	}
	if n := len(s.xt); n > 0 && !s.upright && len(s.x.Categories) == 0 {
		return max(10, width(tickSize, s.xt[n-1].name)/2+2)
	}
	return 10
}

func (s *sheet) bottomNeed(w vg.Length) vg.Length {
	var h vg.Length
	if !s.bare {
		for _, t := range s.xt {
			if s.upright {
				h = max(h, width(tickSize, t.name))
			} else {
				h = max(h, style(tickSize, ink(), text.XCenter, text.YTop).Height(t.name))
			}
		}
		h += 7
		if s.x.Label != "" {
			h += labelSize + gap
		}
	}
	return h + vg.Length(len(s.noteLines(w)))*(noteSize+2) + gap
}

func (s *sheet) topNeed(w vg.Length) vg.Length {
	h := 2 * gap
	if s.title != "" {
		h += titleSize + gap
	}
	if rows := len(s.legendRows(w)); rows > 0 {
		h += vg.Length(rows)*(legendSize+4) + gap
	}
	return h
}

// noteLines are the small print under a panel, with what was thinned said.
func (s *sheet) noteLines(w vg.Length) []string {
	notes := append([]string(nil), s.notes...)
	if s.thinX > 1 {
		notes = append(notes, fmt.Sprintf("Every %s name on the horizontal axis is shown.", ordinal(s.thinX)))
	}
	if s.thinY > 1 {
		notes = append(notes, fmt.Sprintf("Every %s row is named.", ordinal(s.thinY)))
	}
	var lines []string
	for _, n := range notes {
		lines = append(lines, wrap(noteSize, clean(n), w-2*gap)...)
	}
	return lines
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// paint draws the sheet into c with margins m (at least what measure said).
func (s *sheet) paint(c draw.Canvas, m margins) {
	data := draw.Crop(c, m.left, -m.right, m.bottom, -m.top)
	if data.Max.X-data.Min.X < 10 || data.Max.Y-data.Min.Y < 10 {
		return
	}
	a := area{Canvas: data, xs: s.xs, ys: s.ys, device: c.Canvas}
	y := data.Max.Y
	if s.top != nil {
		a.above = s.top(c.Max.Y - c.Min.Y)
		y += a.above
	}
	if !s.bare {
		s.paintGrid(a)
	}
	switch {
	case s.empty:
		a.FillText(style(labelSize, muted(), text.XCenter, text.YCenter), a.Center(), "no data")
	case s.draw != nil:
		s.draw(a)
	}
	if !s.bare {
		s.paintAxes(a)
	}
	if s.bar != nil {
		s.bar.paint(a)
	}
	s.paintHead(c, data, y, data.Max.Y+m.top)
	y = c.Min.Y + gap
	lines := s.noteLines(c.Max.X - c.Min.X)
	for i := len(lines) - 1; i >= 0; i-- {
		c.FillText(style(noteSize, muted(), text.XLeft, text.YBottom), vg.Point{X: c.Min.X + gap, Y: y}, lines[i])
		y += noteSize + 2
	}
}

// paintHead writes the title at the top of the sheet, so that titles of one
// row of panels line up, and the legend just above the data.
func (s *sheet) paintHead(c, data draw.Canvas, y, top vg.Length) {
	w := c.Max.X - c.Min.X
	mid := (data.Min.X + data.Max.X) / 2
	y += gap
	rows := s.legendRows(w)
	for i := len(rows) - 1; i >= 0; i-- {
		paintRow(&c, rows[i], clampRow(mid, rows[i].width, c), y)
		y += legendSize + 4
	}
	y = top - titleSize - gap
	if s.title != "" {
		t := shorten(titleSize, clean(s.title), w-2*gap)
		x := min(max(mid, c.Min.X+width(titleSize, t)/2), c.Max.X-width(titleSize, t)/2)
		c.FillText(style(titleSize, ink(), text.XCenter, text.YBottom), vg.Point{X: x, Y: y}, t)
	}
}

func (s *sheet) paintGrid(a area) {
	frame := draw.LineStyle{Color: rule(), Width: 0.9}
	a.StrokeLines(frame, []vg.Point{a.Min, {X: a.Max.X, Y: a.Min.Y}, a.Max, {X: a.Min.X, Y: a.Max.Y}, a.Min})
	line := draw.LineStyle{Color: rule(), Width: 0.6}
	for _, t := range s.xt {
		if !s.grid || len(s.x.Categories) > 0 {
			break
		}
		x := a.px(t.at)
		a.StrokeLine2(line, x, a.Min.Y, x, a.Max.Y)
	}
	for _, t := range s.yt {
		if !s.grid {
			break
		}
		y := a.py(t.at)
		a.StrokeLine2(line, a.Min.X, y, a.Max.X, y)
	}
}

func (s *sheet) paintAxes(a area) {
	var below vg.Length
	for _, t := range s.xt {
		sty := style(tickSize, ink(), text.XCenter, text.YTop)
		need := sty.Height(t.name)
		if s.upright {
			sty = style(tickSize, ink(), text.XRight, text.YCenter)
			sty.Rotation = math.Pi / 2
			need = width(tickSize, t.name)
		}
		below = max(below, need)
		a.FillText(sty, vg.Point{X: a.px(t.at), Y: a.Min.Y - 5}, t.name)
	}
	var beside vg.Length
	for _, t := range s.yt {
		beside = max(beside, width(tickSize, t.name))
		a.FillText(style(tickSize, ink(), text.XRight, text.YCenter), vg.Point{X: a.Min.X - 6, Y: a.py(t.at)}, t.name)
	}
	if s.x.Label != "" {
		at := vg.Point{X: (a.Min.X + a.Max.X) / 2, Y: a.Min.Y - 5 - below - gap}
		a.FillText(style(labelSize, ink(), text.XCenter, text.YTop), at, clean(s.x.Label))
	}
	if s.y.Label != "" {
		sty := style(labelSize, ink(), text.XCenter, text.YBottom)
		sty.Rotation = math.Pi / 2
		label := shorten(labelSize, clean(s.y.Label), a.Max.Y-a.Min.Y+60)
		a.FillText(sty, vg.Point{X: a.Min.X - 6 - beside - gap - 2, Y: (a.Min.Y + a.Max.Y) / 2}, label)
	}
}
