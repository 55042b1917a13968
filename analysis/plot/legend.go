package plot

import (
	"image/color"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Legends stand in rows between title and data area, never on the data.

const (
	swatch    vg.Length = 16
	maxKeys             = 12
	maxLegend vg.Length = 160 // one entry's name
)

type legendRow struct {
	keys  []Key
	width vg.Length
}

func keyWidth(k Key) vg.Length {
	return swatch + 4 + width(legendSize, k.Name) + 10
}

// legendRows breaks the keys into rows at most w wide.
func (s *sheet) legendRows(w vg.Length) []legendRow {
	var rows []legendRow
	for _, k := range s.keys {
		k.Name = shorten(legendSize, oneLine(k.Name), maxLegend)
		kw := keyWidth(k)
		if n := len(rows); n == 0 || rows[n-1].width+kw > w-2*gap {
			rows = append(rows, legendRow{})
		}
		r := &rows[len(rows)-1]
		r.keys = append(r.keys, k)
		r.width += kw
	}
	return rows
}

// clampRow returns where a row centred on mid starts so that it stays in c.
func clampRow(mid, w vg.Length, c draw.Canvas) vg.Length {
	x := mid - w/2
	return max(c.Min.X+gap, min(x, c.Max.X-w))
}

func paintRow(c *draw.Canvas, r legendRow, x, y vg.Length) {
	for _, k := range r.keys {
		paintSwatch(c, k, x, y)
		sty := style(legendSize, ink(), text.XLeft, text.YBottom)
		c.FillText(sty, vg.Point{X: x + swatch + 4, Y: y}, k.Name)
		x += keyWidth(k)
	}
}

func paintSwatch(c *draw.Canvas, k Key, x, y vg.Length) {
	mid := y + legendSize/2
	switch {
	case k.hatch:
		box := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: y + 1}, Max: vg.Point{X: x + swatch, Y: y + legendSize}}}
		paintHatch(box)
	case k.Line:
		c.StrokeLine2(lineStyle(k.Color, k.Bold, k.Dashed), x, mid, x+swatch, mid)
	case !k.Marker:
		fillBox(c, k.Color, x, y+1, x+swatch, y+legendSize)
	}
	if k.Marker {
		dot(c, k.Color, vg.Point{X: x + swatch/2, Y: mid}, 3)
	}
}

func lineStyle(c color.Color, bold, dashed bool) draw.LineStyle {
	s := draw.LineStyle{Color: c, Width: 1.2}
	if bold {
		s.Width = 2.4
	}
	if dashed {
		s.Dashes = []vg.Length{5, 3}
	}
	return s
}

func fillBox(c *draw.Canvas, col color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(col, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

func dot(c *draw.Canvas, col color.Color, at vg.Point, r vg.Length) {
	var p vg.Path
	p.Move(vg.Point{X: at.X + r, Y: at.Y})
	p.Arc(at, r, 0, 2*3.141592653589793)
	p.Close()
	c.SetColor(col)
	c.Fill(p)
}

// paintHatch fills c with the pattern that means "no data".
func paintHatch(c draw.Canvas) {
	fillBox(&c, blank(), c.Min.X, c.Min.Y, c.Max.X, c.Max.Y)
	h := c.Max.Y - c.Min.Y
	var lines [][]vg.Point
	for x := c.Min.X - h; x < c.Max.X; x += 5 {
		lines = append(lines, []vg.Point{{X: x, Y: c.Min.Y}, {X: x + h, Y: c.Max.Y}})
	}
	c.StrokeLines(draw.LineStyle{Color: hatch(), Width: 0.6}, c.ClipLinesXY(lines...)...)
}
