// Package manual writes manual pages (man(7)) from command lines. The tests of
// the two commands use it; nothing of it is in a program.
package manual

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Page is a manual page under construction.
type Page struct{ b strings.Builder }

// New begins a page. It has no date, so that the same text is the same file.
func New(name, section, short, synopsis string) *Page {
	p := &Page{}
	fmt.Fprintf(&p.b, ".TH %s %s \"\" nodemeter nodemeter\n.nh\n.ad l\n", escape(strings.ToUpper(name)), section)
	p.Section("name")
	fmt.Fprintf(&p.b, "%s \\- %s\n", escape(name), escape(short))
	p.Section("synopsis")
	fmt.Fprintf(&p.b, ".B %s\n", escape(synopsis))
	return p
}

// Section begins a section.
func (p *Page) Section(title string) {
	fmt.Fprintf(&p.b, ".SH %s\n", strings.ToUpper(title))
}

// Subsection begins a subsection.
func (p *Page) Subsection(title string) { fmt.Fprintf(&p.b, ".SS %s\n", title) }

// Text adds paragraphs, which blank lines separate. Lines that begin with two
// spaces are kept as they are.
func (p *Page) Text(text string) {
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		p.b.WriteString(".PP\n")
		verbatim := false
		for line := range strings.SplitSeq(paragraph, "\n") {
			if as := strings.HasPrefix(line, "  "); as != verbatim {
				p.b.WriteString(map[bool]string{true: ".RS 4\n.nf\n", false: ".fi\n.RE\n"}[as])
				verbatim = as
			}
			if verbatim {
				line = strings.TrimPrefix(line, "  ")
			}
			p.b.WriteString(escape(line) + "\n")
		}
		if verbatim {
			p.b.WriteString(".fi\n.RE\n")
		}
	}
}

// Item adds a term and what it means.
func (p *Page) Item(term, text string) {
	fmt.Fprintf(&p.b, ".TP\n.B %s\n%s\n", escape(term), escape(text))
}

// Flags adds an item for each flag that help shows.
func (p *Page) Flags(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, text := pflag.UnquoteUsage(f)
		term := "--" + f.Name
		if f.Shorthand != "" {
			term = "-" + f.Shorthand + ", " + term
		}
		if value != "" {
			term += "=" + strings.ToUpper(value)
		}
		if def := strings.Trim(f.DefValue, "[]"); def != "" && def != "false" {
			text += " (default " + def + ")"
		}
		p.Item(term, text)
	})
}

// SeeAlso ends the page with the names of others.
func (p *Page) SeeAlso(pages ...string) {
	p.Section("see also")
	for i, name := range pages {
		name, section, _ := strings.Cut(name, "(")
		end := ","
		if i == len(pages)-1 {
			end = ""
		}
		fmt.Fprintf(&p.b, ".BR %s (%s%s\n", escape(name), section, end)
	}
}

// String is the page's source.
func (p *Page) String() string { return p.b.String() }

// escape keeps text from being read as roff: its escapes, the hyphens that are
// to be copied as such, and requests at the beginning of a line.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
