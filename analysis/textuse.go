package analysis

import (
	"fmt"
	"math"
	"strings"

	"nodemeter/collector/metric"
)

// writeSparks draws the tabulated entities over time, on one scale of 0-100 %.
func (r *Result) writeSparks(b *strings.Builder) error {
	const width = 48
	t := &Table{Header: []string{"Over time", "", "0-100 %, · is a gap", "", "Mean"}, Left: 4}
	entities := r.textRows()
	if r.group != "" {
		entities = r.Nodes()
	}
	for _, e := range entities[:min(len(entities), maxTableEntities)] {
		name := Escape(e.Entity.Label())
		for _, m := range tableMetrics(r.by) {
			s, stats := e.Series[m.column], e.Stats[m.column]
			if s == nil || stats == nil || s.Unit != metric.Ratio {
				continue
			}
			t.Add(name, m.label, Sparkline(s.Mean, 1, width), Bar(float64(stats.Mean), 20), FormatValue(stats.Mean, metric.Ratio))
			name = ""
		}
	}
	if len(t.rows) == 0 || r.Grid.Bins < 4 {
		return nil
	}
	b.WriteString("\n")
	return t.Write(b)
}

// writeUse prints what was used of what was there, and what would have done.
func (r *Result) writeUse(b *strings.Builder) {
	u := r.Use
	var lines []string
	if !u.CoreHours.IsNaN() {
		lines = append(lines, fmt.Sprintf("CPU     used %s of %s cores on average (95 %% of the time at most %s, peak %s): %s of %s core-hours",
			FormatShort(float64(u.CoresUsedMean)), FormatShort(float64(u.Cores)), FormatShort(float64(u.CoresUsedP95)), FormatShort(float64(u.CoresUsedMax)),
			FormatShort(float64(u.CoreHoursUsed)), FormatShort(float64(u.CoreHours))))
	}
	if !u.MemoryPeak.IsNaN() {
		lines = append(lines, fmt.Sprintf("Memory  peak %s of %s on %s", FormatBytes(float64(u.MemoryPeak)), FormatBytes(float64(u.MemoryTotal)), Escape(u.MemoryPeakNode)))
	}
	if !u.GPUHours.IsNaN() {
		line := fmt.Sprintf("GPU     %s of %s GPU-hours used on %s (utilization: at least one kernel was running), %s idle", FormatShort(float64(u.GPUHoursUsed)), FormatShort(float64(u.GPUHours)), countOf(int64(u.GPUs), "GPU"), FormatShort(float64(u.GPUHoursIdle)))
		if !u.GPUJoules.IsNaN() {
			line += "; energy " + FormatEnergy(float64(u.GPUJoules))
		}
		if !u.GPUIdleJoules.IsNaN() {
			line += ", of it " + FormatEnergy(float64(u.GPUIdleJoules)) + " while idle"
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return
	}
	b.WriteString("\nUse:\n")
	for _, l := range lines {
		fmt.Fprintf(b, "  %s\n", l)
	}
	if s := r.rightSize(); s != "" {
		fmt.Fprintf(b, "  %s\n", s)
	}
}

// rightSize is what would have been enough: cores for 95 % of the time, and
// the memory peak with a fifth to spare.
func (r *Result) rightSize() string {
	u := r.Use
	if u.CoresUsedP95.IsNaN() || u.MemoryPeak.IsNaN() {
		return ""
	}
	const gib = 1 << 30
	cores := min(math.Max(1, math.Ceil(float64(u.CoresUsedP95)-1e-9)), float64(u.Cores))
	need := min(math.Ceil(float64(u.MemoryPeak)*1.2/gib), math.Ceil(float64(u.MemoryTotal)/gib))
	return fmt.Sprintf("Enough  %s cores in all and %.0f GiB a node would have done", FormatShort(cores), need)
}

// writeFindings prints the one sentence, what was found, and what was not evaluated.
func (r *Result) writeFindings(b *strings.Builder) {
	fmt.Fprintf(b, "\nFindings: %s\n", r.Bound.Sentence)
	counts := map[Verdict]int64{}
	for _, f := range r.Findings {
		counts[f.Verdict]++
		switch f.Verdict {
		case Found:
			fmt.Fprintf(b, "  %-8s  %s [%s]\n            %s\n", f.Severity, f.Sentence, f.ID, f.Remedy)
			if n := len(f.NotEvaluated); n > 0 {
				fmt.Fprintf(b, "            Not evaluated: %s\n", strings.Join(firstFew(f.NotEvaluated, "of them"), "; "))
			}
		}
	}
	r.writeWithheld(b)
	if counts[Found] == 0 && counts[Clear] > 0 {
		fmt.Fprintf(b, "  all well  %s looked and found nothing: %s.\n", countOf(counts[Clear], "rule"), strings.Join(r.wellLines(3), "; "))
	}
	if n := counts[NoInput]; n > 0 {
		fmt.Fprintf(b, "  %s had nothing to look at (--format json says why).\n", countOf(n, "rule"))
	}
}

// writeWithheld prints the rules that saw too little, those with one reason together.
func (r *Result) writeWithheld(b *strings.Builder) {
	var reasons []string
	ids := map[string][]string{}
	for _, f := range r.Findings {
		if f.Verdict != Withheld {
			continue
		}
		if ids[f.Reason] == nil {
			reasons = append(reasons, f.Reason)
		}
		ids[f.Reason] = append(ids[f.Reason], f.ID)
	}
	for _, reason := range reasons {
		fmt.Fprintf(b, "  withheld  %s: %s\n", strings.Join(ids[reason], ", "), reason)
	}
}

// wellLines are the lines of rules that found nothing.
func (r *Result) wellLines(n int) []string {
	var out []string
	for _, f := range r.Findings {
		if f.Verdict == Clear && f.Sentence != "" && len(out) < n {
			out = append(out, f.Sentence)
		}
	}
	return out
}
