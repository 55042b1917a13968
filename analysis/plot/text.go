package plot

import (
	"image/color"
	"strings"
	"unicode"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// Font sizes in points, as the notebook's (font.size 11, titles 13).
const (
	titleSize  vg.Length = 13
	labelSize  vg.Length = 11
	tickSize   vg.Length = 10
	legendSize vg.Length = 9
	noteSize   vg.Length = 8.5
)

func style(size vg.Length, c color.Color, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign:  x,
		YAlign:  y,
		Handler: plot.DefaultTextHandler,
	}
}

func width(size vg.Length, s string) vg.Length {
	return style(size, ink(), text.XLeft, text.YTop).Width(s)
}

// clean makes a name from outside fit to draw: no control characters, no
// direction overrides, no invalid UTF-8.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, s)
}

// shorten cuts the middle out of a name until it is at most w wide: both ends
// of a node's name tell nodes apart.
func shorten(size vg.Length, s string, w vg.Length) string {
	if width(size, s) <= w {
		return s
	}
	r := []rune(s)
	for keep := len(r) - 1; keep > 2; keep-- {
		head := (keep + 1) / 2
		t := string(r[:head]) + "…" + string(r[len(r)-(keep-head):])
		if width(size, t) <= w {
			return t
		}
	}
	return "…"
}

// wrap breaks s at spaces into lines at most w wide.
func wrap(size vg.Length, s string, w vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		next := word
		if line != "" {
			next = line + " " + word
		}
		if line != "" && width(size, next) > w {
			lines = append(lines, line)
			next = word
		}
		line = next
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
