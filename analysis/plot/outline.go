package plot

import (
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	vgfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// outlined draws text as filled outlines: letters then stand exactly where the
// layout measured them at any resolution, and a letter that the bundled font
// lacks is a visible box instead of nothing.
type outlined struct{ *vgimg.Canvas }

func (c outlined) FillString(f vgfont.Face, pt vg.Point, text string) {
	fillOutlines(c.Canvas, f, pt, text)
}

func fillOutlines(c vg.Canvas, f vgfont.Face, pt vg.Point, text string) {
	units := fixed.Int26_6(f.Face.UnitsPerEm())
	scale := f.Font.Size / vg.Length(units)
	var buf sfnt.Buffer
	var previous sfnt.GlyphIndex
	x := 0
	for i, r := range text {
		glyph, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		if i > 0 {
			if kern, err := f.Face.Kern(&buf, previous, glyph, units, font.HintingNone); err == nil {
				x += int(kern)
			}
		}
		if segments, err := f.Face.LoadGlyph(&buf, glyph, units, nil); err == nil && len(segments) > 0 {
			c.Fill(outline(segments, vg.Point{X: pt.X + vg.Length(x)*scale, Y: pt.Y}, scale))
		}
		if advance, err := f.Face.GlyphAdvance(&buf, glyph, units, font.HintingNone); err == nil {
			x += int(advance)
		}
		previous = glyph
	}
}

// outline turns a glyph's segments, y downwards in font units, into a path at pt.
func outline(segments sfnt.Segments, at vg.Point, scale vg.Length) vg.Path {
	var p vg.Path
	pt := func(a fixed.Point26_6) vg.Point {
		return vg.Point{X: at.X + vg.Length(a.X)*scale, Y: at.Y - vg.Length(a.Y)*scale}
	}
	for i, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if i > 0 {
				p.Close()
			}
			p.Move(pt(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			p.Line(pt(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			p.QuadTo(pt(s.Args[0]), pt(s.Args[1]))
		case sfnt.SegmentOpCubeTo:
			p.CubeTo(pt(s.Args[0]), pt(s.Args[1]), pt(s.Args[2]))
		}
	}
	p.Close()
	return p
}

// inCodePage reports whether a PDF can hold the text as text: its fonts know
// Latin-1 and a few marks of Windows-1252.
func inCodePage(text string) bool {
	for _, r := range text {
		switch {
		case r <= 0xff, r == '…', r == '–', r == '—', r == '‘', r == '’', r == '“', r == '”', r == '•', r == '€', r == '™':
		default:
			return false
		}
	}
	return true
}
