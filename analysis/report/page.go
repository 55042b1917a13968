package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"nodemeter/analysis/plot"
)

// Page is a report: sections of blocks, in order.
type Page struct {
	Title string
	// Lead is one sentence on what was recorded, where and when.
	Lead string
	// Verdict is the sentence a reader in a hurry takes away; may be empty.
	Verdict   string
	Takeaways []string
	Sections  []Section
	// Made says what made the page: program and version, never the time of day.
	Made string
}

// Section is one heading and what stands below it.
type Section struct {
	ID, Title string
	Blocks    []Block
}

// Block is one of: Text, Facts, Findings, Table, Pictures or Notes.
type Block struct {
	Heading  string
	Text     string
	Facts    []Fact
	Findings []FindingLine
	Table    *Table
	Pictures []*Picture
	Notes    []string
}

// Fact is a figure with its name and what qualifies it.
type Fact struct{ Name, Value, Note string }

// FindingLine is a finding as the page shows it. Level is "alert", "warn",
// "info", "ok" or "withheld".
type FindingLine struct {
	Level, Word, ID, Text, Remedy string
	Evidence                      []string
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// inches of a picture on the page: its font is then as tall as the text's.
const (
	figureWidth, figureHeight = 6.4, 4.1
	tallHeight                = 5.4
	wideWidth                 = 11.0
)

// Write renders the page as one HTML file that needs nothing else: no script,
// no request, no font.
func (p *Page) Write(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{"svg": inlineSVG}).Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("parse the page template: %w", err)
	}
	sum := sha256.Sum256([]byte(pageCSS))
	var b bytes.Buffer
	err = t.Execute(&b, struct {
		*Page
		CSS    template.CSS
		Policy string
	}{p, template.CSS(pageCSS), policy(base64.StdEncoding.EncodeToString(sum[:]))})
	if err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// policy lets the page show its own style and images within itself, and nothing else.
func policy(style string) string {
	return "default-src 'none'; style-src 'sha256-" + style + "'; img-src data:; base-uri 'none'; form-action 'none'"
}

// inlineSVG draws a picture into the page. The writer escapes every text.
func inlineSVG(p *Picture) (template.HTML, error) {
	width, height := figureWidth, figureHeight
	if p.Tall {
		height = tallHeight
	}
	if p.Wide {
		width = wideWidth
	}
	svg, err := plot.Inline(p.Panel, width, height, p.Alt)
	return template.HTML(svg), err
}
