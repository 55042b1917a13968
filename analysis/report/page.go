package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"

	"nodemeter/analysis"
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
	t, err := template.New("page").Funcs(template.FuncMap{"svg": inlineSVG, "class": cellClass}).Parse(pageHTML)
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

// cellClass tells texts, which read from the left, from figures; long texts wrap.
func cellClass(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	switch {
	case len(s) > 48:
		return "long"
	case unicode.IsLetter(r):
		return "text"
	}
	return ""
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

// AddTasks adds the sections of tasks. A recording added afterwards takes its
// place before the comparison.
func (p *Page) AddTasks(t *Tasks) {
	if p.Title == "" {
		p.Title = fmt.Sprintf("Benchmark report: %d configurations", len(t.Set.Configs))
	}
	p.Sections = append(p.Sections, t.TaskSections()...)
	p.Takeaways = append(p.Takeaways, t.takeaways()...)
}

// AddRecording adds section 5; t are the tasks already added, nil for none.
func (p *Page) AddRecording(r *analysis.Result, t *Tasks) error {
	number := ""
	if t != nil {
		number = "5. "
	}
	section, err := Recording(r, number, t)
	if err != nil {
		return err
	}
	at := len(p.Sections)
	if at > 0 {
		at--
	}
	p.Sections = slices.Insert(p.Sections, at, section)
	if p.Title == "" {
		p.Title = Title(r)
	}
	p.Lead, p.Verdict = Lead(r), r.Bound.Sentence
	p.Takeaways = append(p.Takeaways, Takeaways(r)...)
	return nil
}
