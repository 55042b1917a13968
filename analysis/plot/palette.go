package plot

import (
	"image/color"
	"math"
)

// The colours of the furniture. The themed SVG writer recognises exactly
// these values and replaces them by what the page's theme prescribes.
func ink() color.RGBA   { return color.RGBA{0x26, 0x26, 0x26, 0xff} }
func muted() color.RGBA { return color.RGBA{0x5f, 0x5f, 0x5f, 0xff} }
func rule() color.RGBA  { return color.RGBA{0xcc, 0xcc, 0xcc, 0xff} }
func hatch() color.RGBA { return color.RGBA{0x9a, 0x9a, 0x9a, 0xff} }
func blank() color.RGBA { return color.RGBA{0xe4, 0xe4, 0xe4, 0xff} }
func paper() color.RGBA { return color.RGBA{0xff, 0xff, 0xff, 0xff} }

// Ink is the colour of text and of the bold average.
func Ink() color.Color { return ink() }

// SteelBlue, Coral and Green are the notebook's colours of CPU, memory and
// GPU in its box plots, and of its two engines.
func SteelBlue() color.Color { return color.RGBA{70, 130, 180, 255} }

// Coral is the second house colour.
func Coral() color.Color { return color.RGBA{255, 127, 80, 255} }

// Green is the third house colour.
func Green() color.Color { return color.RGBA{46, 139, 87, 255} }

// LightBlue is the notebook's colour of waiting time.
func LightBlue() color.Color { return color.RGBA{173, 216, 230, 255} }

// Qualitative returns the i-th colour for things that have no order: ColorBrewer's
// Set2, as the notebook, then Dark2, repeating after sixteen.
func Qualitative(i int) color.Color {
	set := [...]color.RGBA{
		{102, 194, 165, 255}, {252, 141, 98, 255}, {141, 160, 203, 255}, {231, 138, 195, 255},
		{166, 216, 84, 255}, {255, 217, 47, 255}, {229, 196, 148, 255}, {179, 179, 179, 255},
		{27, 158, 119, 255}, {217, 95, 2, 255}, {117, 112, 179, 255}, {231, 41, 138, 255},
		{102, 166, 30, 255}, {230, 171, 2, 255}, {166, 118, 29, 255}, {102, 102, 102, 255},
	}
	return set[i%len(set)]
}

// Engine returns the i-th colour for engines and configurations: the house
// colours first, then Qualitative's stronger half.
func Engine(i int) color.Color {
	switch i {
	case 0:
		return SteelBlue()
	case 1:
		return Coral()
	case 2:
		return Green()
	}
	return Qualitative(7 + i%9)
}

// Heat maps 0-1 to ColorBrewer's nine-step YlOrRd, interpolated; values
// outside are clamped.
func Heat(v float64) color.RGBA {
	return ramp(v, [][3]float64{
		{255, 255, 204}, {255, 237, 160}, {254, 217, 118}, {254, 178, 76}, {253, 141, 60},
		{252, 78, 42}, {227, 26, 28}, {189, 0, 38}, {128, 0, 38},
	})
}

// spread maps 0-1 to a cool ramp that reads on light and dark, for the lines
// of many workers in their order.
func spread(v float64) color.RGBA {
	return ramp(v, [][3]float64{{90, 180, 172}, {70, 130, 180}, {117, 112, 179}, {200, 110, 170}})
}

func ramp(v float64, stops [][3]float64) color.RGBA {
	v = math.Min(1, math.Max(0, v)) * float64(len(stops)-1)
	i := min(int(v), len(stops)-2)
	f := v - float64(i)
	mix := func(k int) uint8 { return uint8(math.Round(stops[i][k]*(1-f) + stops[i+1][k]*f)) }
	return color.RGBA{mix(0), mix(1), mix(2), 255}
}

// faded gives c an opacity of 0-1.
func faded(c color.Color, alpha float64) color.Color {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	n.A = uint8(math.Round(float64(n.A) * alpha))
	return n
}

// Colors lists its arguments, for BarSet.Colors.
func Colors(c ...color.Color) []color.Color { return c }

// Shade is the k-th of n shades of c, from lighter to c itself: things of one
// kind that must still be told apart.
func Shade(c color.Color, k, n int) color.Color {
	if n <= 1 {
		return c
	}
	return Tint(c, 0.42*float64(n-1-k)/float64(n-1))
}

// Tint mixes c with near-white: f 0 is c, 1 is almost white.
func Tint(c color.Color, f float64) color.Color {
	r := color.NRGBAModel.Convert(c).(color.NRGBA)
	mix := func(v uint8) uint8 { return uint8(math.Round(float64(v)*(1-f) + 235*f)) }
	return color.NRGBA{mix(r.R), mix(r.G), mix(r.B), r.A}
}

// Red is the colour of ideal lines.
func Red() color.Color { return color.RGBA{214, 69, 65, 255} }

// Faded gives a colour an opacity of 0-1.
func Faded(c color.Color, alpha float64) color.Color { return faded(c, alpha) }
