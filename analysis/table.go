package analysis

import (
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Table is text in columns for a terminal: the first left-aligned columns hold
// names, the rest figures.
type Table struct {
	Header []string
	Left   int // columns aligned to the left
	rows   [][]string
}

// Add adds a row; cells beyond the header are dropped, missing ones are blank.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Write prints the table, columns two spaces apart, indented by two.
func (t *Table) Write(w io.Writer) error {
	widths := make([]int, len(t.Header))
	all := append([][]string{t.Header}, t.rows...)
	for _, row := range all {
		for i := range min(len(row), len(widths)) {
			widths[i] = max(widths[i], DisplayWidth(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range all {
		line := ""
		for i := range min(len(row), len(widths)) {
			pad := strings.Repeat(" ", widths[i]-DisplayWidth(row[i]))
			if i < t.Left {
				line += "  " + row[i] + pad
			} else {
				line += "  " + pad + row[i]
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// DisplayWidth is how many terminal cells a text takes: two for wide East Asian
// characters, none for combining marks.
func DisplayWidth(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case r >= 0x1100 && isWide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

func isWide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}
