package report

import (
	"fmt"

	"nodemeter/analysis"
)

// maxEvidence bounds the lines of evidence below one finding.
const maxEvidence = 8

// findingLines are the findings as the page shows them: what was found and what
// was withheld each by itself, what is well in the order of the rules. Rules
// about things the recording lacks come last, as one line.
func findingLines(r *analysis.Result) []FindingLine {
	var out []FindingLine
	var well, absent []string
	for _, f := range r.Findings {
		line := FindingLine{ID: f.ID, Text: f.Sentence}
		switch f.Verdict {
		case analysis.Found:
			line.Level, line.Word = severity(f.Severity)
			line.Remedy, line.Evidence = f.Remedy, evidence(r, f.Evidence)
			if n := len(f.NotEvaluated); n > 0 {
				line.Evidence = append(line.Evidence, fmt.Sprintf("%d not evaluated: %s", n, f.NotEvaluated[0]))
			}
		case analysis.Withheld:
			line.Level, line.Word, line.Text = "withheld", "Withheld", f.Reason
		case analysis.Clear:
			well = append(well, fmt.Sprintf("%s (%s)", f.Sentence, f.ID))
			continue
		default:
			absent = append(absent, fmt.Sprintf("%s (%s)", f.ID, f.Reason))
			continue
		}
		out = append(out, line)
	}
	if len(well) > 0 {
		out = append(out, FindingLine{Level: "ok", Word: "All well", Text: "These checks were made and found nothing to mend.", Evidence: well})
	}
	if len(absent) > 0 {
		out = append(out, FindingLine{Level: "withheld", Word: "Not applicable", Text: "These checks need what the recording does not have.", Evidence: absent})
	}
	return out
}

func severity(s analysis.Severity) (level, word string) {
	switch s {
	case analysis.Critical:
		return "alert", "Critical"
	case analysis.Warning:
		return "warn", "Warning"
	}
	return "info", "Note"
}

// evidence writes each entity's part, with when.
func evidence(r *analysis.Result, all []analysis.Evidence) []string {
	v := newView(r)
	var out []string
	for i, e := range all {
		if i == maxEvidence {
			out = append(out, fmt.Sprintf("and %d more", len(all)-maxEvidence))
			break
		}
		line := e.Entity + ": " + e.Text
		for k, s := range e.Spans {
			if k == 3 {
				line += fmt.Sprintf(", and %d more spans", len(e.Spans)-k)
				break
			}
			line += fmt.Sprintf(" (%s to %s)", v.clock(s.From), v.clock(s.To))
		}
		out = append(out, line)
	}
	return out
}

// Takeaways are the sentences worth remembering of a recording.
func Takeaways(r *analysis.Result) []string {
	var out []string
	if r.Bound.Sentence != "" {
		out = append(out, r.Bound.Sentence)
	}
	found, well := 0, 0
	for _, f := range r.Findings {
		switch f.Verdict {
		case analysis.Found:
			if found++; found <= 5 {
				out = append(out, f.Sentence)
			}
		case analysis.Clear:
			well++
		}
	}
	if found == 0 && well > 0 {
		out = append(out, fmt.Sprintf("Nothing to mend: %d checks were made and found nothing.", well))
	}
	return out
}
