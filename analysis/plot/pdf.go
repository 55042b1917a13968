package plot

import (
	"image"
	"image/color"
	"io"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
)

// fixPDF keeps the time of day and map order out of PDF files, process-wide:
// the library offers no other way in.
var fixPDF = sync.OnceFunc(func() {
	fpdf.SetDefaultCatalogSort(true)
	fpdf.SetDefaultCreationDate(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	fpdf.SetDefaultModificationDate(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
})

// straightPDF gives vgpdf colours that are not multiplied by their opacity:
// it takes what color.Color returns for the colour itself, and so would
// darken whatever is translucent.
type straightPDF struct {
	*vgpdf.Canvas
	widths map[int]bool
}

func (c straightPDF) SetColor(col color.Color) {
	if col == nil {
		col = color.Black
	}
	c.Canvas.SetColor(straight(color.NRGBAModel.Convert(col).(color.NRGBA)))
}

type straight color.NRGBA

// RGBA breaks color.Color's contract on purpose: see straightPDF.
func (s straight) RGBA() (r, g, b, a uint32) {
	return uint32(s.R) * 0x101, uint32(s.G) * 0x101, uint32(s.B) * 0x101, uint32(s.A) * 0x101
}

// FillString draws what the code page lacks as outlines.
func (c straightPDF) FillString(f font.Face, pt vg.Point, text string) {
	if inCodePage(text) {
		c.Canvas.FillString(f, pt, text)
		return
	}
	fillOutlines(c, f, pt, text)
}

// DrawImage widens an image by a pixel or so where another of its width has
// been drawn: the library writes images in the order of their widths, and
// those of equal width in any order.
func (c straightPDF) DrawImage(r vg.Rectangle, img image.Image) {
	from := img.Bounds()
	w := from.Dx()
	for c.widths[w] {
		w++
	}
	c.widths[w] = true
	if w != from.Dx() {
		wider := image.NewNRGBA(image.Rect(0, 0, w, from.Dy()))
		for y := range from.Dy() {
			for x := range w {
				wider.Set(x, y, img.At(from.Min.X+x*from.Dx()/w, from.Min.Y+y))
			}
		}
		img = wider
	}
	c.Canvas.DrawImage(r, img)
}

func (f *Figure) pdf(w io.Writer, pw, ph vg.Length) error {
	fixPDF()
	c := vgpdf.New(pw, ph)
	f.draw(draw.New(straightPDF{c, map[int]bool{}}))
	_, err := c.WriteTo(w)
	return err
}
