package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Verdict is what a rule came to.
type Verdict string

// The verdicts.
const (
	Found    Verdict = "found"
	Clear    Verdict = "clear"    // evaluated, nothing to say
	Withheld Verdict = "withheld" // too little was seen, Reason says what
	NoInput  Verdict = "no_input" // the recording has nothing that the rule is about
)

// Finding is what one rule came to, with its evidence.
type Finding struct {
	ID       string     `json:"id"`
	Severity Severity   `json:"severity"`
	Verdict  Verdict    `json:"verdict"`
	Sentence string     `json:"sentence"` // of Clear: the line that says that all is well
	Remedy   string     `json:"remedy,omitempty"`
	Reason   string     `json:"reason,omitempty"` // of Withheld and NoInput
	Evidence []Evidence `json:"evidence"`
	// NotEvaluated names the entities left out of a verdict, with the reason.
	NotEvaluated []string `json:"not_evaluated,omitempty"`
}

// Evidence is one entity's part in a finding: its figures (base units) and when.
type Evidence struct {
	Entity  string            `json:"entity"`
	Text    string            `json:"text"` // the figures in words
	Figures map[string]Number `json:"figures"`
	Spans   []Span            `json:"spans,omitempty"`
}

// Span is a stretch of time.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// BoundBy is the one sentence about what limited the run.
type BoundBy struct {
	Resource string `json:"resource"` // gpu, cpu, input, storage, network, memory, one-core, nothing; "" when withheld
	Sentence string `json:"sentence"`
}

// inquiry is one rule at work.
type inquiry struct {
	r      *Result
	rule   *Rule
	needs  Requires
	total  int // entities looked at, evaluated or not
	judged int // entities evaluated
	hits   []Evidence
	left   []string          // entities not evaluated, with the reason
	why    string            // why there is no input at all
	fill   map[string]string // of the sentence
}

func (q *inquiry) at(threshold string) float64 { return q.rule.Thresholds[threshold] }

// subject is an entity and the figures of the column a rule is about.
type subject struct {
	e *EntityResult
	s *Stats
}

// subjects returns the entities whose column has been seen well enough.
func (q *inquiry) subjects(entities []*EntityResult, column string) []subject {
	var out []subject
	for _, e := range entities {
		s := e.Stats[column]
		if s == nil {
			continue
		}
		q.total++
		switch c := s.Coverage(); {
		case s.Samples < q.needs.Samples:
			q.left = append(q.left, fmt.Sprintf("%s: only %s", Escape(e.Entity.Label()), countOf(s.Samples, "sample")))
		case c < q.needs.Coverage:
			q.left = append(q.left, fmt.Sprintf("%s: coverage only %s", Escape(e.Entity.Label()), formatCoverage(s.Samples, s.Expected)))
		default:
			q.judged++
			out = append(out, subject{e, s})
		}
	}
	return out
}

func (q *inquiry) hit(e *EntityResult, text string, figures map[string]Number, spans ...Span) {
	q.hits = append(q.hits, Evidence{Entity: Escape(e.Entity.Label()), Text: text, Figures: figures, Spans: spans})
}

// finding closes the inquiry.
func (q *inquiry) finding() Finding {
	f := Finding{ID: q.rule.ID, Severity: q.rule.Severity, Evidence: []Evidence{}, NotEvaluated: q.left}
	switch {
	case len(q.hits) > 0:
		f.Verdict, f.Evidence = Found, q.hits
		q.fill["who"], q.fill["n"], q.fill["total"] = q.who(), FormatCount(int64(len(q.hits))), FormatCount(int64(q.total))
		f.Sentence, f.Remedy = fillIn(q.rule.Says, q.fill), fillIn(q.rule.Remedy, q.fill)
	case q.total == 0:
		f.Verdict, f.Reason = NoInput, q.why
		if f.Reason == "" {
			f.Reason = "the recording has nothing of the kind"
		}
	case q.judged == 0:
		f.Verdict, f.Reason = Withheld, "not evaluated: "+strings.Join(firstFew(q.left, "entities"), "; ")
	default:
		f.Verdict, f.Sentence = Clear, q.rule.Well
	}
	return f
}

// who names the first entities with their figures.
func (q *inquiry) who() string {
	const few = 4
	var names []string
	for i, h := range q.hits {
		if i == few {
			names = append(names, fmt.Sprintf("and %d more", len(q.hits)-few))
			break
		}
		names = append(names, h.Entity+" ("+h.Text+")")
	}
	return strings.Join(names, ", ")
}

// fillIn replaces {name}; a name that nobody filled in stays visible.
func fillIn(text string, fill map[string]string) string {
	pairs := make([]string, 0, 2*len(fill))
	for _, k := range slices.Sorted(maps.Keys(fill)) {
		pairs = append(pairs, "{"+k+"}", fill[k])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// addFindings runs all rules, worst first.
func (r *Result) addFindings(rules *Rules) error {
	if rules == nil {
		var err error
		if rules, err = DefaultRules(); err != nil {
			return err
		}
	}
	r.Findings = r.Evaluate(rules)
	r.Bound = r.boundBy(rules)
	return nil
}

// Evaluate applies rules to a recording: one Finding a rule, those found first,
// the most severe before the others, each group in the order of the rules.
func (r *Result) Evaluate(rules *Rules) []Finding {
	known := checks()
	out := make([]Finding, 0, len(rules.Rules))
	for i := range rules.Rules {
		rule := &rules.Rules[i]
		q := &inquiry{r: r, rule: rule, needs: rules.Requires, fill: map[string]string{}}
		known[rule.Check].run(q)
		out = append(out, q.finding())
	}
	order := []Verdict{Found, Withheld, Clear, NoInput}
	slices.SortStableFunc(out, func(a, b Finding) int {
		if c := slices.Index(order, a.Verdict) - slices.Index(order, b.Verdict); c != 0 {
			return c
		}
		if a.Verdict != Found {
			return 0
		}
		return b.Severity.rank() - a.Severity.rank()
	})
	return out
}

// FailOn reports the findings that a pipeline should stop at: those found that
// are at least as severe as want, or whose id it is.
func (r *Result) FailOn(want []string) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		if f.Verdict != Found {
			continue
		}
		if slices.ContainsFunc(want, func(w string) bool {
			rank := Severity(w).rank()
			return w == f.ID || rank > 0 && f.Severity.rank() >= rank
		}) {
			out = append(out, f)
		}
	}
	return out
}
