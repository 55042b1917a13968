package analysis

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Severity is how bad a finding is.
type Severity string

// The severities, in ascending order.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// rank orders severities; 0 is none of them.
func (s Severity) rank() int { return 1 + slices.Index([]Severity{Info, Warning, Critical}, s) }

// Rules are the thresholds and words of findings; see rules.yaml.
type Rules struct {
	Version  int      `yaml:"version"`
	Requires Requires `yaml:"requires"`
	Bound    Bound    `yaml:"bound"`
	Rules    []Rule   `yaml:"rules"`
}

// Requires is the least that must have been seen of an entity for a verdict.
type Requires struct {
	Coverage float64 `yaml:"coverage"` // 0-1
	Samples  int64   `yaml:"samples"`
}

// Bound are the mean utilizations from which on a run is called bound.
type Bound struct {
	GPU float64 `yaml:"gpu"`
	CPU float64 `yaml:"cpu"`
}

// Rule is one rule: the check that computes, the thresholds it is given, and
// the words for what it finds.
type Rule struct {
	ID         string             `yaml:"id"`
	Check      string             `yaml:"check"`
	Severity   Severity           `yaml:"severity"`
	Thresholds map[string]float64 `yaml:"thresholds"`
	Says       string             `yaml:"says"`
	Remedy     string             `yaml:"remedy"`
	Well       string             `yaml:"well"`
}

//go:embed rules.yaml
var defaultRules []byte

// DefaultRules are the rules that come with nodemeter.
func DefaultRules() (*Rules, error) { return ParseRules(defaultRules) }

// DefaultRulesYAML is the text of DefaultRules, to begin a file with.
func DefaultRulesYAML() string { return string(defaultRules) }

// ParseRules reads a rules file. Unknown keys, unknown checks, thresholds that
// a check does not have or lacks are errors that show the place.
func ParseRules(b []byte) (*Rules, error) {
	var r Rules
	if err := UnmarshalYAML(b, &r, yaml.DisallowUnknownField()); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("rules: version %d: this nodemeter reads version 1", r.Version)
	}
	seen := map[string]bool{}
	for i := range r.Rules {
		rule := &r.Rules[i]
		if err := rule.check(); err != nil {
			return nil, fmt.Errorf("rules: rule %d (%s): %w", i+1, Escape(rule.ID), err)
		}
		if seen[rule.ID] {
			return nil, fmt.Errorf("rules: id %s stands twice", rule.ID)
		}
		seen[rule.ID] = true
	}
	return &r, nil
}

func (r *Rule) check() error {
	known := checks()
	c, ok := known[r.Check]
	switch {
	case r.ID == "" || strings.ContainsAny(r.ID, " ,\n"):
		return fmt.Errorf("id must be a word")
	case Severity(r.ID).rank() > 0:
		return fmt.Errorf("id %s is the name of a severity", r.ID)
	case !ok:
		names := make([]string, 0, len(known))
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		return fmt.Errorf("no check %q; there are %s", r.Check, strings.Join(names, ", "))
	case r.Severity.rank() == 0:
		return fmt.Errorf("severity %q: give info, warning or critical", r.Severity)
	case r.Says == "":
		return fmt.Errorf("says must say something")
	}
	for _, name := range c.thresholds {
		if _, ok := r.Thresholds[name]; !ok {
			return fmt.Errorf("check %s needs the threshold %s", r.Check, name)
		}
	}
	for name, v := range r.Thresholds {
		if !slices.Contains(c.thresholds, name) {
			return fmt.Errorf("check %s has no threshold %q; it has %s", r.Check, name, strings.Join(c.thresholds, ", "))
		}
		if !(v >= 0) {
			return fmt.Errorf("threshold %s: %v: want a number that is not negative", name, v)
		}
	}
	return c.placeholders(r.Says, r.Remedy)
}

// Has reports whether id is a rule.
func (r *Rules) Has(id string) bool {
	return slices.ContainsFunc(r.Rules, func(x Rule) bool { return x.ID == id })
}
