package plot

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// svgCanvas is a vg.Canvas that writes compact SVG. Unlike gonum's it can
// leave the furniture's colours to the page's theme, uses no style attributes
// (which a strict content policy refuses), and keeps heatmap cells sharp.
// An error of the image encoder is kept and returned by writeTo.
type svgCanvas struct {
	w, h   vg.Length
	themed bool
	buf    bytes.Buffer
	state  svgState
	stack  []svgState
	err    error
}

type svgState struct {
	color  color.Color
	width  vg.Length
	dashes []vg.Length
	// the affine map from drawing to page coordinates, still with y upwards
	a, b, c, d, e, f float64
}

func newSVG(w, h vg.Length, themed bool) *svgCanvas {
	c := &svgCanvas{w: w, h: h, themed: themed, state: svgState{a: 1, d: 1}}
	vg.Initialize(c)
	return c
}

func (c *svgCanvas) exactImages()                           {}
func (c *svgCanvas) Size() (x, y vg.Length)                 { return c.w, c.h }
func (c *svgCanvas) SetLineWidth(w vg.Length)               { c.state.width = w }
func (c *svgCanvas) SetLineDash(d []vg.Length, _ vg.Length) { c.state.dashes = d }
func (c *svgCanvas) Push()                                  { c.stack = append(c.stack, c.state) }
func (c *svgCanvas) Pop()                                   { c.state = c.stack[len(c.stack)-1]; c.stack = c.stack[:len(c.stack)-1] }
func (c *svgCanvas) Translate(p vg.Point)                   { c.apply(1, 0, 0, 1, float64(p.X), float64(p.Y)) }
func (c *svgCanvas) Scale(x, y float64)                     { c.apply(x, 0, 0, y, 0, 0) }
func (c *svgCanvas) Rotate(r float64)                       { s, k := math.Sincos(r); c.apply(k, s, -s, k, 0, 0) }

func (c *svgCanvas) SetColor(col color.Color) {
	if col == nil {
		col = color.Black
	}
	c.state.color = col
}

func (c *svgCanvas) apply(a, b, cc, d, e, f float64) {
	s := c.state
	c.state.a, c.state.b = s.a*a+s.c*b, s.b*a+s.d*b
	c.state.c, c.state.d = s.a*cc+s.c*d, s.b*cc+s.d*d
	c.state.e, c.state.f = s.a*e+s.c*f+s.e, s.b*e+s.d*f+s.f
}

// at maps a point to SVG's coordinates, y downwards.
func (c *svgCanvas) at(p vg.Point) (x, y float64) {
	s := c.state
	return s.a*float64(p.X) + s.c*float64(p.Y) + s.e, float64(c.h) - (s.b*float64(p.X) + s.d*float64(p.Y) + s.f)
}

// num writes a coordinate to a hundredth of a point.
func num(v float64) string {
	v = math.Round(v*100) / 100
	if v == 0 {
		v = 0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func (c *svgCanvas) Stroke(p vg.Path) {
	if c.state.width <= 0 {
		return
	}
	fmt.Fprintf(&c.buf, `<path d="%s" fill="none"%s stroke-width="%s"`, c.path(p), c.paint("stroke"), num(float64(c.state.width)))
	if len(c.state.dashes) > 0 {
		c.buf.WriteString(` stroke-dasharray="`)
		for i, d := range c.state.dashes {
			if i > 0 {
				c.buf.WriteByte(' ')
			}
			c.buf.WriteString(num(float64(d)))
		}
		c.buf.WriteByte('"')
	}
	c.buf.WriteString("/>\n")
}

func (c *svgCanvas) Fill(p vg.Path) {
	if len(p) == 3 && p[1].Type == vg.ArcComp && math.Abs(p[1].Angle) >= 2*math.Pi-1e-9 {
		x, y := c.at(p[1].Pos)
		fmt.Fprintf(&c.buf, `<circle cx="%s" cy="%s" r="%s"%s/>`+"\n", num(x), num(y), num(float64(p[1].Radius)), c.paint("fill"))
		return
	}
	fmt.Fprintf(&c.buf, `<path d="%s"%s/>`+"\n", c.path(p), c.paint("fill"))
}

func (c *svgCanvas) path(p vg.Path) string {
	var b bytes.Buffer
	for _, s := range p {
		x, y := c.at(s.Pos)
		switch s.Type {
		case vg.MoveComp:
			fmt.Fprintf(&b, "M%s %s", num(x), num(y))
		case vg.LineComp:
			fmt.Fprintf(&b, "L%s %s", num(x), num(y))
		case vg.CloseComp:
			b.WriteByte('Z')
		case vg.ArcComp:
			c.arc(&b, s)
		case vg.CurveComp:
			b.WriteByte("QC"[min(len(s.Control), 2)-1])
			for _, k := range s.Control {
				kx, ky := c.at(k)
				fmt.Fprintf(&b, "%s %s ", num(kx), num(ky))
			}
			fmt.Fprintf(&b, "%s %s", num(x), num(y))
		}
	}
	return b.String()
}

// arc draws in two halves: SVG cannot say a full turn in one.
func (c *svgCanvas) arc(b *bytes.Buffer, s vg.PathComp) {
	r := num(float64(s.Radius))
	sweep := 0 // counter-clockwise on the page
	if s.Angle < 0 {
		sweep = 1
	}
	for i := range 3 {
		sin, cos := math.Sincos(s.Start + s.Angle*float64(i)/2)
		x, y := c.at(vg.Point{X: s.Pos.X + s.Radius*vg.Length(cos), Y: s.Pos.Y + s.Radius*vg.Length(sin)})
		if i == 0 {
			fmt.Fprintf(b, "L%s %s", num(x), num(y))
			continue
		}
		fmt.Fprintf(b, "A%s %s 0 0 %d %s %s", r, r, sweep, num(x), num(y))
	}
}

// paint is a colour attribute with its opacity.
func (c *svgCanvas) paint(attr string) string {
	n := color.NRGBAModel.Convert(c.state.color).(color.NRGBA)
	s := fmt.Sprintf(` %s="#%02x%02x%02x"`, attr, n.R, n.G, n.B)
	if name := themeName(n); c.themed && name != "" {
		s = fmt.Sprintf(` %s="var(--%s)"`, attr, name)
	}
	if n.A < 255 {
		s += fmt.Sprintf(` %s-opacity="%s"`, attr, num(float64(n.A)/255))
	}
	return s
}

func themeName(n color.NRGBA) string {
	switch (color.RGBA{n.R, n.G, n.B, 255}) {
	case ink():
		return "ink"
	case muted():
		return "muted"
	case rule():
		return "rule"
	case hatch():
		return "hatch"
	case blank():
		return "blank"
	case paper():
		return "paper"
	}
	return ""
}

func (c *svgCanvas) FillString(f font.Face, pt vg.Point, text string) {
	if f.Font.Size == 0 {
		return
	}
	x, y := c.at(pt)
	fmt.Fprintf(&c.buf, `<text x="%s" y="%s" font-size="%s"%s`, num(x), num(y), num(float64(f.Font.Size)), c.paint("fill"))
	if turn := math.Atan2(c.state.b, c.state.a); math.Abs(turn) > 1e-9 {
		fmt.Fprintf(&c.buf, ` transform="rotate(%s %s %s)"`, num(-turn*180/math.Pi), num(x), num(y))
	}
	if w := f.Width(text); w > 0 && latin(text) {
		// Whatever font the reader has, the text keeps the room it was given.
		fmt.Fprintf(&c.buf, ` textLength="%s" lengthAdjust="spacingAndGlyphs"`, num(float64(w)))
	}
	fmt.Fprintf(&c.buf, ">%s</text>\n", html.EscapeString(text))
}

// latin reports whether the bundled font has every letter, so that its widths can be trusted.
func latin(s string) bool {
	for _, r := range s {
		if r > 0x24f && (r < 0x2010 || r > 0x2122) {
			return false
		}
	}
	return true
}

func (c *svgCanvas) DrawImage(r vg.Rectangle, img image.Image) {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		c.err = fmt.Errorf("encode a heatmap: %w", err)
		return
	}
	x, y := c.at(vg.Point{X: r.Min.X, Y: r.Max.Y})
	fmt.Fprintf(&c.buf, `<image x="%s" y="%s" width="%s" height="%s" preserveAspectRatio="none" image-rendering="pixelated" href="data:image/png;base64,%s"/>`+"\n",
		num(x), num(y), num(float64(r.Max.X-r.Min.X)), num(float64(r.Max.Y-r.Min.Y)), base64.StdEncoding.EncodeToString(b.Bytes()))
}

// writeTo writes the document; with a label it is an element for an HTML page.
func (c *svgCanvas) writeTo(w io.Writer, label string) error {
	if c.err != nil {
		return c.err
	}
	var head bytes.Buffer
	if !c.themed {
		fmt.Fprintf(&head, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<svg xmlns="http://www.w3.org/2000/svg" width="%spt" height="%spt"`, num(float64(c.w)), num(float64(c.h)))
	} else {
		fmt.Fprintf(&head, `<svg role="img" aria-label="%s"`, html.EscapeString(clean(label)))
	}
	fmt.Fprintf(&head, ` viewBox="0 0 %s %s" font-family="'Liberation Sans', Arial, Helvetica, sans-serif">`+"\n", num(float64(c.w)), num(float64(c.h)))
	for _, b := range [][]byte{head.Bytes(), c.buf.Bytes(), []byte("</svg>\n")} {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
