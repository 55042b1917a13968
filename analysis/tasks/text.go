package tasks

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"nodemeter/analysis"
)

// page writes text for people; the first error stays.
type page struct{ w *bufio.Writer }

func newPage(w io.Writer) *page { return &page{bufio.NewWriter(w)} }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// head begins a section.
func (p *page) head(format string, args ...any) {
	p.line("")
	p.line(format, args...)
}

// table writes rows under a header; the first left columns are aligned left.
func (p *page) table(left int, header []string, rows [][]string) {
	t := analysis.Table{Header: header, Left: left}
	for _, r := range rows {
		for i := range r {
			if r[i] != "" { // which Escape would show as ""
				r[i] = analysis.Escape(r[i])
			}
		}
		t.Add(r...)
	}
	_ = t.Write(p.w) // bufio keeps the error for done
}

// notes writes remarks, wrapped, each behind a dash.
func (p *page) notes(notes []string) {
	for _, n := range notes {
		p.paragraph("- ", n)
	}
}

// paragraph wraps a text at 96 columns behind a mark.
func (p *page) paragraph(mark, text string) {
	const width = 96
	line := "  " + mark
	indent := strings.Repeat(" ", len(line))
	empty := true
	for word := range strings.FieldsSeq(text) {
		word = analysis.Escape(word)
		if !empty && analysis.DisplayWidth(line)+1+analysis.DisplayWidth(word) > width {
			p.line("%s", line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	p.line("%s", line)
}

func (p *page) done() error { return p.w.Flush() }

// percent shows a fraction; "-" where there is none.
func percent(x Number) string {
	if !known(x) {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(x))
}

// four is a figure to four significant digits.
func four(x Number) string { return significant(float64(x), 4) }

// fixed is a figure with n decimals, "-" where there is none.
func fixed(x Number, n int) string {
	if !known(x) {
		return "-"
	}
	return pythonFixed(float64(x), n)
}

// count shows a whole number that may be missing.
func count(x Number) string {
	if !known(x) {
		return "-"
	}
	return strconv.FormatFloat(float64(x), 'f', -1, 64)
}

// between shows an interval; empty where there is none.
func between(i [2]Number) string {
	if !known(i[0]) || !known(i[1]) {
		return ""
	}
	return short(i[0]) + " to " + short(i[1])
}

// WriteFiles says what was read: rows, layouts, the zone, and all that was left out.
func (s *Set) WriteFiles(w io.Writer) error {
	p := newPage(w)
	for _, f := range s.Files {
		p.line("  %s: %s", analysis.Escape(f.Path), f.contents())
		if f.NaiveTimes > 0 {
			p.line("    %s without a zone, read as %s", countNoun(f.NaiveTimes, "time"), zoneInWords(f.Zone, s))
		}
		for i, r := range f.Rejects {
			if i == 10 {
				p.line("      ... and %d more", f.Rejected-i)
				break
			}
			p.paragraph("  line ", rejectText(r))
		}
		for _, warning := range f.Warnings {
			p.paragraph("  warning: ", warning)
		}
	}
	return p.done()
}

// contents says in a line what the file held.
func (f *FileReport) contents() string {
	text := countNoun(f.Rows, "task")
	if f.Rejected > 0 {
		text += fmt.Sprintf(", %s left out", countNoun(f.Rejected, "record"))
	}
	if len(f.Layouts) > 0 {
		text += "; " + list(f.Layouts)
	}
	if f.Headers > 1 {
		text += fmt.Sprintf("; %d header lines", f.Headers)
	}
	if len(f.Ignored) > 0 {
		text += "; columns not used: " + analysis.Escape(list(f.Ignored))
	}
	return text
}

func rejectText(r Reject) string {
	if r.Lines > 1 {
		return fmt.Sprintf("%d-%d: %s", r.Line, r.Line+r.Lines-1, r.Reason)
	}
	return fmt.Sprintf("%d: %s", r.Line, r.Reason)
}

// zoneInWords names the local zone by what it is.
func zoneInWords(zone string, s *Set) string {
	if zone != "Local" {
		return zone
	}
	for _, t := range s.Submit {
		if t != NoTime {
			return "local time (" + time.Unix(0, t).Format("MST, UTC-07:00") + ")"
		}
	}
	return "local time"
}
