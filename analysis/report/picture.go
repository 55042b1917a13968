package report

import (
	"fmt"
	"strings"

	"nodemeter/analysis/plot"
)

// Picture is a panel with what a reader who cannot see it needs.
type Picture struct {
	// Name selects the picture on the command line.
	Name  string
	Title string
	Panel plot.Panel
	// Caption says what is drawn and how, one or two sentences.
	Caption string
	// Alt says what the picture shows, with its main figures.
	Alt string
	// Table holds the figures behind the picture; nil for none.
	Table *Table
	// Tall pictures get more height: many rows. Wide ones have more than one
	// axis beside each other and take a row of a figure to themselves.
	Tall, Wide bool
	// Empty pictures say that there is nothing to draw.
	Empty bool
}

// Table is a table of texts; the first cell of a row is its heading.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
	Note    string
}

// maxTableRows bounds tables on the page; more rows are counted in the note.
const maxTableRows = 40

// limit keeps the first rows and says how many are not shown.
func (t *Table) limit() *Table {
	if n := len(t.Rows) - maxTableRows; n > 0 {
		t.Rows = t.Rows[:maxTableRows]
		t.Note = strings.TrimSpace(t.Note + fmt.Sprintf(" %d more rows are not shown here; nodemeter summary --format csv has all of them.", n))
	}
	return t
}

// nothing is the picture of what was not recorded.
func nothing(title, why string) *Picture {
	return &Picture{Title: title, Panel: &plot.Message{Title: title, Text: why}, Alt: title + ": " + why, Empty: true}
}
