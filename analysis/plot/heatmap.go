package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Heatmap is a matrix in colours: one row a worker, top to bottom, one column
// a bin of the horizontal axis. NaN cells are hatched as "no data".
type Heatmap struct {
	Title string
	X     Axis
	YName string   // what a row is: "Worker"
	Rows  []string // names, top to bottom
	// From and To are the edges of the first and the last column.
	From, To float64
	Values   [][]float64 // [row][column]
	// Min and Max are the ends of the colour scale; Label names it.
	Min, Max float64
	Label    string
	// Highest merges rows that have no room of their own by their maximum
	// instead of their mean.
	Highest bool
	Notes   []string
}

// maxRows is how many rows a picture can still tell apart.
const maxRows = 600

type colorBar struct {
	min, max float64
	label    string
}

func (p *Heatmap) sheet() *sheet {
	s := &sheet{title: p.Title, x: p.X, y: Axis{Label: p.YName, reversed: true}, notes: append([]string(nil), p.Notes...)}
	names, values, per := p.merged()
	s.y.Categories = names
	if per > 1 {
		how := "mean"
		if p.Highest {
			how = "maximum"
		}
		s.notes = append(s.notes, fmt.Sprintf("%d rows; each line shows the %s of up to %d neighbours.", len(p.Rows), how, per))
	}
	s.x.edges = true
	s.xs, s.ys = s.x.scale(p.From, p.To), s.y.scale(0, 0)
	s.bar = &colorBar{p.Min, p.Max, p.Label}
	gaps := missing(values)
	if gaps {
		s.keys = []Key{{Name: "no data", hatch: true}}
	}
	s.draw = func(a area) {
		if gaps {
			paintHatch(a.Canvas)
		}
		if len(values) > 0 && len(values[0]) > 0 {
			a.DrawImage(a.Rectangle, p.image(a, values))
		}
	}
	return s
}

func missing(values [][]float64) bool {
	for _, row := range values {
		for _, v := range row {
			if math.IsNaN(v) {
				return true
			}
		}
	}
	return len(values) == 0
}

// merged folds neighbouring rows together until at most maxRows are left.
func (p *Heatmap) merged() ([]string, [][]float64, int) {
	per := (len(p.Rows) + maxRows - 1) / maxRows
	if per <= 1 {
		return p.Rows, p.Values, 1
	}
	var names []string
	var values [][]float64
	for i := 0; i < len(p.Rows); i += per {
		names = append(names, p.Rows[i])
		values = append(values, p.fold(p.Values[i:min(i+per, len(p.Values))]))
	}
	return names, values, per
}

func (p *Heatmap) fold(rows [][]float64) []float64 {
	out := make([]float64, len(rows[0]))
	for c := range out {
		sum, top, n := 0.0, math.Inf(-1), 0.0
		for _, r := range rows {
			if v := r[c]; !math.IsNaN(v) {
				sum, top, n = sum+v, math.Max(top, v), n+1
			}
		}
		switch {
		case n == 0:
			out[c] = math.NaN()
		case p.Highest:
			out[c] = top
		default:
			out[c] = sum / n
		}
	}
	return out
}

// exact is implemented by canvases that scale an image without smoothing it.
type exact interface{ exactImages() }

// image has one pixel a cell for canvases that keep cells sharp, and is blown
// up to about 150 dots an inch for the others.
func (p *Heatmap) image(a area, values [][]float64) image.Image {
	rows, cols := len(values), len(values[0])
	kx, ky := 1, 1
	if _, ok := a.device.(exact); !ok {
		kx = max(1, int(math.Ceil(float64(a.Max.X-a.Min.X)*3/float64(cols))))
		ky = max(1, int(math.Ceil(float64(a.Max.Y-a.Min.Y)*3/float64(rows))))
	}
	img := image.NewNRGBA(image.Rect(0, 0, cols*kx, rows*ky))
	for y := range rows * ky {
		for x := range cols * kx {
			if v := values[y/ky][x/kx]; !math.IsNaN(v) {
				c := Heat((v - p.Min) / (p.Max - p.Min))
				img.SetNRGBA(x, y, color.NRGBA(c))
			}
		}
	}
	return img
}

func (b *colorBar) paint(a area) {
	x := a.Max.X + 3*gap
	img := image.NewNRGBA(image.Rect(0, 0, 1, 256))
	for y := range 256 {
		img.SetNRGBA(0, y, color.NRGBA(Heat(1-float64(y)/255)))
	}
	rect := vg.Rectangle{Min: vg.Point{X: x, Y: a.Min.Y}, Max: vg.Point{X: x + barWidth, Y: a.Max.Y}}
	a.DrawImage(rect, img)
	a.StrokeLines(draw.LineStyle{Color: rule(), Width: 0.6}, []vg.Point{rect.Min, {X: rect.Max.X, Y: rect.Min.Y}, rect.Max, {X: rect.Min.X, Y: rect.Max.Y}, rect.Min})
	s := scale{min: b.min, max: b.max}
	var widest vg.Length
	for _, t := range s.ticks(a.Max.Y-a.Min.Y, rowGap, func(string) vg.Length { return tickSize }) {
		widest = max(widest, width(tickSize, t.name))
		a.FillText(style(tickSize, ink(), text.XLeft, text.YCenter), vg.Point{X: x + barWidth + 3, Y: a.Y(s.norm(t.at))}, t.name)
	}
	sty := style(labelSize, ink(), text.XCenter, text.YTop)
	sty.Rotation = math.Pi / 2
	a.FillText(sty, vg.Point{X: x + barWidth + 3 + widest + gap, Y: (a.Min.Y + a.Max.Y) / 2}, clean(b.label))
}
