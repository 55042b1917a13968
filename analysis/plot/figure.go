package plot

import (
	"bytes"
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Figure is a grid of panels, filled row by row.
type Figure struct {
	Panels  []Panel
	Columns int // 1 when zero
	// Width and Height are the whole figure's, in inches; zero takes 7 by 5 a
	// panel, of three columns or more 5.3 by 5.
	Width, Height float64
	// DPI is the resolution of PNG output; zero takes DefaultDPI.
	DPI int
	// Wide panels, by index, take a whole row of their own.
	Wide map[int]bool
}

// DefaultDPI is the resolution of PNG output, the notebook's.
const DefaultDPI = 150

const (
	panelWidth, panelHeight = 7.0, 5.0
	narrowPanel             = 16.0 / 3
	// MaxInches bounds each side, so that a typing error does not ask for gigabytes.
	MaxInches = 100
	// MinDPI and MaxDPI bound the resolution.
	MinDPI, MaxDPI = 20, 1200
	// maxDots bounds both together: a PNG is drawn in memory, four bytes a dot.
	maxDots = 1 << 28
)

// Formats are the names Render knows.
func Formats() []string { return []string{"png", "svg", "pdf"} }

// Render writes the figure in a format of Formats.
func (f *Figure) Render(w io.Writer, format string) error {
	width, height := f.size()
	if !(width >= 1 && height >= 1 && width <= MaxInches && height <= MaxInches) { // nor NaN
		return fmt.Errorf("a figure of %g x %g inches: each side must be 1 to %d", width, height, MaxInches)
	}
	pw, ph := vg.Length(width)*vg.Inch, vg.Length(height)*vg.Inch
	switch format {
	case "png":
		return f.png(w, pw, ph)
	case "svg":
		c := newSVG(pw, ph, false)
		fillPage(draw.New(c))
		f.draw(draw.New(c))
		return c.writeTo(w, "")
	case "pdf":
		return f.pdf(w, pw, ph)
	}
	return fmt.Errorf("unknown format %q (known: png, svg, pdf)", format)
}

func (f *Figure) png(w io.Writer, pw, ph vg.Length) error {
	dpi := f.DPI
	if dpi == 0 {
		dpi = DefaultDPI
	}
	if dpi < MinDPI || dpi > MaxDPI {
		return fmt.Errorf("%d dots an inch: must be %d to %d", dpi, MinDPI, MaxDPI)
	}
	if dots := float64(pw/vg.Inch) * float64(ph/vg.Inch) * float64(dpi) * float64(dpi); dots > maxDots {
		return fmt.Errorf("a picture of %.0f million dots: at most %d; give a smaller size or --dpi, or svg or pdf", dots/1e6, maxDots/1_000_000)
	}
	c := vgimg.NewWith(vgimg.UseWH(pw, ph), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	f.draw(draw.New(outlined{c}))
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

func fillPage(c draw.Canvas) { fillBox(&c, paper(), c.Min.X, c.Min.Y, c.Max.X, c.Max.Y) }

// Inline returns one panel as an <svg> element for an HTML page, width by
// height inches. Text, grid and paper take their colours from the page (CSS
// variables --ink, --muted, --rule, --hatch, --blank, --paper); label is the accessible name.
func Inline(p Panel, width, height float64, label string) ([]byte, error) {
	f := Figure{Panels: []Panel{p}, Width: width, Height: height}
	c := newSVG(vg.Length(width)*vg.Inch, vg.Length(height)*vg.Inch, true)
	f.draw(draw.New(c))
	var b bytes.Buffer
	if err := c.writeTo(&b, label); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (f *Figure) columns() int { return max(1, min(f.Columns, len(f.Panels))) }

func (f *Figure) size() (float64, float64) {
	w, h := f.Width, f.Height
	if w == 0 {
		w = panelWidth * float64(f.columns())
		if f.columns() > 2 {
			w = narrowPanel * float64(f.columns())
		}
	}
	if h == 0 {
		h = panelHeight * float64(len(f.rows()))
	}
	return w, h
}

// rows lists the panels of each row.
func (f *Figure) rows() [][]int {
	var rows [][]int
	for i := range f.Panels {
		n := len(rows)
		if f.Wide[i] || n == 0 || len(rows[n-1]) == f.columns() || f.Wide[rows[n-1][0]] {
			rows = append(rows, nil)
			n++
		}
		rows[n-1] = append(rows[n-1], i)
	}
	return rows
}

// draw lays the panels out; data areas of one row share top and bottom,
// those of one column left and right edges.
func (f *Figure) draw(c draw.Canvas) {
	rows := f.rows()
	cols := vg.Length(f.columns())
	cw, ch := (c.Max.X-c.Min.X)/cols, (c.Max.Y-c.Min.Y)/vg.Length(max(len(rows), 1))
	sheets := make([]*sheet, len(f.Panels))
	byCol := make([]margins, f.columns())
	needs := make([]margins, len(f.Panels))
	for _, row := range rows {
		for k, i := range row {
			sheets[i] = f.Panels[i].sheet()
			needs[i] = sheets[i].measure(f.wide(i, cw, cols), ch)
			byCol[k] = byCol[k].max(needs[i])
		}
	}
	for r, row := range rows {
		var high margins
		for _, i := range row {
			high = high.max(needs[i])
		}
		for k, i := range row {
			cell := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: c.Min.X + vg.Length(k)*cw, Y: c.Max.Y - vg.Length(r+1)*ch},
				Max: vg.Point{X: c.Min.X + vg.Length(k)*cw + f.wide(i, cw, cols), Y: c.Max.Y - vg.Length(r)*ch},
			}}
			m := needs[i]
			m.top, m.bottom, m.left = high.top, high.bottom, byCol[k].left
			if sheets[i].bare || f.Wide[i] {
				m = needs[i]
			}
			sheets[i].paint(cell, m)
		}
	}
}

func (f *Figure) wide(i int, cw, cols vg.Length) vg.Length {
	if f.Wide[i] {
		return cw * cols
	}
	return cw
}
