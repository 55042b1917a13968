package analysis

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// The semantics of the analyzer are data: testdata/*.test. Each case begins
// with "== name", loads samples, and states what must come of them:
//
//	load NODE [KIND ID] every 1s [from TIME]   then one indented line a column:
//	  cpu_util 0.1 0.2x5 0.5+0.1x3 _           values; "_" is absent; axN repeats, a+bxN steps
//	  ticks 1x5 _x3 1                          "_" is a tick at which nothing was sampled
//	  interval 0 1x7                           real lengths, seconds (default: the first 0, then every)
//	  stop 5s                                  the agent stopped in order at this offset
//	  event KIND 5s BY                         an event of the recording; BY is a duration or a count
//	csv                                        then the file, indented
//	from/to TIME, nodes A,B, zone Z, rules     (YAML of a rules file, indented)
//	expect                                     then one indented line each:
//	  NODE[/ID] COLUMN FIGURE VALUE            a field of Stats as JSON names it
//	  NODE[/ID] presence FIELD VALUE           seen, expected, coverage, repeated, gaps
//	  NODE[/ID] increase COLUMN VALUE
//	  use FIELD VALUE, overall COLUMN FIGURE VALUE, notebook PATH VALUE
//	  note TEXT, no note TEXT, error TEXT, problem TEXT, text TEXT, bound RESOURCE
//	  found ID [TEXT], clear ID, withheld ID [TEXT], no_input ID [TEXT]
func TestSemantics(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range parseScript(t, path, string(b)) {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".test")+"/"+c.name, c.run)
		}
	}
}

type scriptCase struct {
	name   string
	at     string // file:line of each complaint
	o      Options
	inputs map[string]*testNode // by node
	order  []string
	csv    *string
	rules  string
	expect []scriptLine
}

type scriptLine struct {
	at   string
	text string
}

type testNode struct {
	meta   window.Meta
	chunks []*window.Chunk
}

// run analyzes the case's input and checks each expectation.
func (c *scriptCase) run(t *testing.T) {
	if c.rules != "" {
		rules, err := ParseRules([]byte(c.rules))
		if err != nil {
			c.checkError(t, err)
			return
		}
		c.o.Rules = rules
	}
	r, err := c.analyze()
	if err != nil {
		c.checkError(t, err)
		return
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r.Document())
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	for _, e := range c.expect {
		if complaint := c.check(r, doc, text.String(), e.text); complaint != "" {
			t.Errorf("%s: %s: %s", e.at, e.text, complaint)
		}
	}
	if t.Failed() {
		t.Logf("the summary:\n%s", text.String())
	}
}

func (c *scriptCase) analyze() (*Result, error) {
	o := c.o
	if c.csv != nil {
		o.Paths, o.Stdin = []string{"-"}, strings.NewReader(*c.csv)
		return Analyze(context.Background(), o)
	}
	if o.Bins == 0 {
		o.Bins = DefaultBins
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.By == 0 {
		o.By = metric.Node
	}
	in := &opened{Inputs: Inputs{Kind: KindWindows, Paths: []string{"test"}}}
	for _, name := range c.order {
		n := c.inputs[name]
		in.sources = append(in.sources, source{name: name, read: func(_ context.Context, send func(piece) error) error {
			if err := send(piece{meta: &n.meta}); err != nil {
				return err
			}
			for _, chunk := range n.chunks {
				if err := send(piece{chunk: chunk}); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return analyze(context.Background(), o, in)
}

func (c *scriptCase) checkError(t *testing.T, err error) {
	for _, e := range c.expect {
		want, ok := strings.CutPrefix(e.text, "error ")
		if !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s: the analyzer ended with: %v", e.at, e.text, err)
		}
	}
}

// check returns a complaint, or "".
func (c *scriptCase) check(r *Result, doc map[string]any, text, line string) string {
	words := strings.Fields(line)
	rest := func(n int) string {
		parts := strings.SplitN(line, " ", n+1)
		if len(parts) <= n {
			return ""
		}
		return parts[n]
	}
	switch words[0] {
	case "error":
		return "there was no error"
	case "text":
		if !strings.Contains(text, rest(1)) {
			return "not in the text"
		}
		return ""
	case "bound":
		return differs(cmp.Or(r.Bound.Resource, "-"), words[1])
	case "note", "no":
		want, notes := rest(1), strings.Join(r.AllNotes(), "\n")
		if words[0] == "no" {
			want = rest(2)
		}
		if strings.Contains(notes, want) != (words[0] == "note") {
			return "the notes are:\n" + notes
		}
		return ""
	case "problem":
		return expectProblem(r, rest(1))
	case "found", "clear", "withheld", "no_input":
		return expectFinding(r, words[0], words[1], rest(2))
	}
	return expectFigure(doc, words)
}

func expectProblem(r *Result, want string) string {
	for _, p := range r.Problems {
		if strings.Contains(p.File+": "+p.Err.Error(), want) {
			return ""
		}
	}
	return fmt.Sprintf("the problems are %v", r.Problems)
}

func expectFinding(r *Result, verdict, id, text string) string {
	for _, f := range r.Findings {
		if f.ID != id {
			continue
		}
		if string(f.Verdict) != verdict {
			return fmt.Sprintf("it is %s: %s%s", f.Verdict, f.Sentence, f.Reason)
		}
		if all := f.Sentence + " " + f.Remedy + " " + f.Reason; !strings.Contains(all, text) {
			return "it says: " + all
		}
		return ""
	}
	return "there is no such rule"
}

func differs(got, want string) string {
	if got != want {
		return "got " + got
	}
	return ""
}

// expectFigure compares one number of the JSON document.
func expectFigure(doc map[string]any, words []string) string {
	want := words[len(words)-1]
	path := words[:len(words)-1]
	var at any
	switch path[0] {
	case "use", "overall", "notebook":
		at = doc
	default:
		for _, e := range doc["entities"].([]any) {
			if m := e.(map[string]any); m["label"] == path[0] {
				at = m
			}
		}
		if at == nil {
			return "there is no such entity"
		}
		path = entityPath(path[1:])
	}
	for _, key := range path {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return fmt.Sprintf("no %s in a list of %d", key, len(v))
			}
			at = v[i]
		}
	}
	if list, ok := at.([]any); ok {
		at = float64(len(list))
	}
	got, ok := at.(float64)
	if !ok {
		return differs(fmt.Sprint(at), want)
	}
	w, err := strconv.ParseFloat(want, 64)
	if err != nil || math.Abs(got-w) > 1e-9*max(math.Abs(w), 1e-3) {
		return fmt.Sprintf("got %v", got)
	}
	return ""
}

func entityPath(path []string) []string {
	if path[0] != "presence" {
		if path[0] == "increase" || path[0] == "state_seconds" {
			return path
		}
		return append([]string{"stats"}, path...)
	}
	switch path[1] {
	case "seen":
		return []string{"samples"}
	case "expected":
		return []string{"samples_expected"}
	case "repeated":
		return []string{"repeated_rows"}
	}
	return path[1:]
}
