package analysis

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"nodemeter/collector/metric"
)

// WriteText writes the comparison for people.
func (c *Comparison) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, x := range []struct {
		name string
		r    *Result
	}{{"A", c.A}, {"B", c.B}} {
		fmt.Fprintf(&b, "%s: %s, %s\n   %s\n", x.name, Escape(strings.Join(x.r.Inputs.Paths, ", ")), x.r.span(x.r.From, x.r.To), x.r.Bound.Sentence)
	}
	b.WriteString("\n")
	if len(c.Differences) == 0 {
		b.WriteString("The recordings have no metric in common.\n")
	} else if err := c.writeTables(&b); err != nil {
		return err
	}
	for _, x := range []struct {
		ids []string
		of  string
	}{{c.OnlyA, "A only"}, {c.OnlyB, "B only"}, {c.NotJudged, "one of them, the other could not be judged"}} {
		if len(x.ids) > 0 {
			fmt.Fprintf(&b, "\nFindings of %s: %s", x.of, strings.Join(x.ids, ", "))
		}
	}
	b.WriteString("\n")
	if notes := c.Notes(); len(notes) > 0 {
		b.WriteString("\nNotes:\n")
		for _, n := range notes {
			fmt.Fprintf(&b, "  - %s\n", n)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Comparison) writeTables(b *strings.Builder) error {
	t := &Table{Header: []string{"Mean", "A", "B", "B - A", "95 % interval", "Effect", ""}, Left: 1}
	for i := range c.Differences {
		d := &c.Differences[i]
		interval := "-"
		if !d.Low.IsNaN() {
			interval = FormatDifference(d.Low, d.Unit) + " to " + FormatDifference(d.High, d.Unit)
		}
		t.Add(d.Label, FormatValue(d.A, d.Unit), FormatValue(d.B, d.Unit), FormatDifference(d.Diff, d.Unit), interval, fmt.Sprintf("A=%.2f", float64(d.Effect)), d.String())
	}
	if err := t.Write(b); err != nil {
		return err
	}
	b.WriteString("  Means over time of the average over workers. The interval is a block bootstrap's, fit for samples that are alike from\n" +
		"  one to the next; the effect is how probable it is that a moment of B is above one of A (0.50: no difference).\n\n")
	totals := &Table{Header: []string{"Total", "A", "B", "B/A"}, Left: 1}
	for _, x := range c.Totals {
		share := "-"
		if r := ratio(float64(x.B), float64(x.A)); !r.IsNaN() {
			share = fmt.Sprintf("%.2f", float64(r))
		}
		totals.Add(x.Label, FormatValue(x.A, x.Unit), FormatValue(x.B, x.Unit), share)
	}
	return totals.Write(b)
}

// FormatDifference writes a difference with its sign; of ratios in percentage points.
func FormatDifference(n Number, u metric.Unit) string {
	if n.IsNaN() {
		return "-"
	}
	sign := "+"
	if n < 0 {
		sign, n = "-", -n
	}
	if u == metric.Ratio {
		points := fmt.Sprintf("%.1f pp", float64(n)*100)
		if points == "0.0 pp" {
			return points
		}
		return sign + points
	}
	if n == 0 {
		sign = ""
	}
	return sign + FormatValue(n, u)
}

// WriteJSON writes the comparison as one JSON document, figures in base units.
func (c *Comparison) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{
		"a": c.A.Inputs, "b": c.B.Inputs, "bound_a": c.A.Bound, "bound_b": c.B.Bound, "differences": c.Differences, "totals": c.Totals,
		"findings_only_a": nonNil(c.OnlyA), "findings_only_b": nonNil(c.OnlyB), "findings_not_judged": nonNil(c.NotJudged), "notes": nonNil(c.Notes()),
	})
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// WriteCSV writes the differences, one row a metric, figures in base units.
func (c *Comparison) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"metric", "unit", "mean_a", "mean_b", "difference", "low", "high", "effect_a", "hedges_g", "verdict", "reason"}}
	f := func(n Number) string {
		if n.IsNaN() {
			return ""
		}
		return strconv.FormatFloat(float64(n), 'g', -1, 64)
	}
	for _, d := range c.Differences {
		rows = append(rows, []string{d.Column, string(d.Unit), f(d.A), f(d.B), f(d.Diff), f(d.Low), f(d.High), f(d.Effect), f(d.HedgesG), d.Verdict, d.Reason})
	}
	return out.WriteAll(rows)
}
