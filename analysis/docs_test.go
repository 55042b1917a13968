package analysis

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/findings.md anew")

// docs/findings.md ends in the rules themselves; -update writes them.
func TestFindingsAreDocumented(t *testing.T) {
	const path, mark = "../docs/findings.md", "<!-- From here on generated from analysis/rules.yaml: go test ./analysis -run Documented -update -->\n"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(b), mark)
	if !ok {
		t.Fatalf("%s: the mark is gone", path)
	}
	want := head + mark + documentRules(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(b) {
		t.Errorf("%s is not up to date: run go test ./analysis -run Documented -update", path)
	}
}

func documentRules(t *testing.T) string {
	rules, err := DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	known := checks()
	var b strings.Builder
	for _, severity := range []Severity{Critical, Warning, Info} {
		fmt.Fprintf(&b, "\n### %s\n", severity)
		for _, r := range rules.Rules {
			if r.Severity != severity {
				continue
			}
			fmt.Fprintf(&b, "\n**%s**", r.ID)
			for _, name := range slices.Sorted(maps.Keys(r.Thresholds)) {
				fmt.Fprintf(&b, ", %s %v", name, r.Thresholds[name])
			}
			fmt.Fprintf(&b, "\n\n> %s\n>\n> %s\n", r.Says, r.Remedy)
		}
	}
	b.WriteString("\n### Checks that a rules file can name\n\n| check | thresholds | words it fills in, besides {who}, {n} and {total} |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(known)) {
		fills := ""
		for _, f := range known[name].fills {
			fills += " {" + f + "}"
		}
		fmt.Fprintf(&b, "| %s | %s |%s |\n", name, strings.Join(known[name].thresholds, ", "), fills)
	}
	return b.String()
}

// Each rule must have a recording that it finds and one that it does not.
func TestEachRuleIsTested(t *testing.T) {
	rules, err := DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, name := range []string{"cpu", "gpu", "memory_io"} {
		b, err := os.ReadFile("testdata/findings_" + name + ".test")
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	for _, r := range rules.Rules {
		for _, verdict := range []string{"found", "clear"} {
			if !strings.Contains(text, "  "+verdict+" "+r.ID) {
				t.Errorf("no recording for %q of %s", verdict, r.ID)
			}
		}
	}
}
