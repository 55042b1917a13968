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
//	  info speed_mbps 1000
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

func parseScript(t *testing.T, path, text string) []*scriptCase {
	var cases []*scriptCase
	var c *scriptCase
	section := ""
	var load *testLoad
	for i, line := range strings.Split(text, "\n") {
		at := fmt.Sprintf("%s:%d", path, i+1)
		trimmed := strings.TrimSpace(line)
		indented := strings.HasPrefix(line, " ")
		switch {
		case trimmed == "" && section != "csv" || strings.HasPrefix(trimmed, "#") && section != "csv":
			continue
		case strings.HasPrefix(line, "== "):
			load.close(t)
			load, section = nil, ""
			c = &scriptCase{name: line[3:], at: at, inputs: map[string]*testNode{}}
			cases = append(cases, c)
		case !indented:
			load.close(t)
			load = nil
			section, _, _ = strings.Cut(line, " ")
			if section == "load" {
				load = c.newLoad(t, at, line)
			} else {
				c.option(t, at, line)
			}
		case section == "load":
			load.line(t, at, trimmed)
		case section == "csv":
			*c.csv += strings.TrimPrefix(line, "  ") + "\n"
		case section == "rules":
			c.rules += strings.TrimPrefix(line, "  ") + "\n"
		default:
			c.expect = append(c.expect, scriptLine{at, trimmed})
		}
	}
	load.close(t)
	return cases
}

func (c *scriptCase) option(t *testing.T, at, line string) {
	key, value, _ := strings.Cut(line, " ")
	var err error
	switch key {
	case "from":
		c.o.From, err = time.Parse(time.RFC3339, value)
	case "to":
		c.o.To, err = time.Parse(time.RFC3339, value)
	case "zone":
		c.o.Zone, err = time.LoadLocation(value)
	case "nodes":
		c.o.Nodes = strings.Split(value, ",")
	case "by":
		c.o.By, err = ParseBy(value)
	case "csv":
		c.csv = new(string)
	case "expect", "rules":
	default:
		err = fmt.Errorf("unknown word %q", key)
	}
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
}

// testLoad is one load block: an entity's samples.
type testLoad struct {
	node    *testNode
	chunk   window.Chunk
	every   time.Duration
	start   time.Time
	columns map[string][]float64
	order   []string
}

func (c *scriptCase) newLoad(t *testing.T, at, line string) *testLoad {
	words := strings.Fields(line)[1:]
	l := &testLoad{start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), every: time.Second, columns: map[string][]float64{}}
	l.chunk = window.Chunk{Node: words[0], Kind: metric.Node, ID: words[0], Worker: words[0]}
	words = words[1:]
	var err error
	for len(words) >= 2 && err == nil {
		switch words[0] {
		case "every":
			l.every, err = time.ParseDuration(words[1])
		case "from":
			l.start, err = time.Parse(time.RFC3339, words[1])
		default:
			l.chunk.Kind, err = metric.ParseEntityKind(words[0])
			l.chunk.ID = words[1]
		}
		words = words[2:]
	}
	if err != nil || len(words) > 0 {
		t.Fatalf("%s: load: %v %v", at, err, words)
	}
	n := c.inputs[l.chunk.Node]
	if n == nil {
		n = &testNode{meta: window.Meta{Node: l.chunk.Node, Interval: l.every}}
		c.inputs[l.chunk.Node], c.order = n, append(c.order, l.chunk.Node)
	}
	l.node = n
	return l
}

func (l *testLoad) line(t *testing.T, at, line string) {
	words := strings.Fields(line)
	switch words[0] {
	case "stop":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		l.node.meta.Events = append(l.node.meta.Events, metric.Event{Kind: metric.EventStop, Time: l.start.Add(d)})
	case "step":
		l.node.meta.Events = append(l.node.meta.Events, metric.Event{Kind: metric.EventClockStep, Time: l.start, By: time.Minute})
	case "info":
		l.node.meta.Entities = append(l.node.meta.Entities, metric.Entity{Kind: l.chunk.Kind, ID: l.chunk.ID, Info: []metric.Label{{Name: words[1], Value: words[2]}}})
	default:
		l.columns[words[0]] = parseValues(t, at, words[1:])
		l.order = append(l.order, words[0])
	}
}

// parseValues expands axN and a+bxN; "_" is NaN.
func parseValues(t *testing.T, at string, words []string) []float64 {
	var out []float64
	for _, w := range words {
		value, times, repeated := strings.Cut(w, "x")
		n, step := 1, 0.0
		var err error
		if repeated {
			n, err = strconv.Atoi(times)
		}
		if first, by, ok := strings.Cut(value, "+"); ok && err == nil {
			value = first
			step, err = strconv.ParseFloat(by, 64)
		}
		v := math.NaN()
		if value != "_" && err == nil {
			v, err = strconv.ParseFloat(value, 64)
		}
		if err != nil {
			t.Fatalf("%s: value %q: %v", at, w, err)
		}
		for i := range n {
			out = append(out, v+float64(i)*step)
		}
	}
	return out
}

// testFields give the columns of tests their units.
func testField(name string) *window.Field {
	f := &window.Field{Column: name, Kind: metric.Gauge, Type: metric.TypeFloat, Unit: metric.Ratio}
	switch {
	case strings.HasSuffix(name, "_mbps"):
		f.Unit = metric.Mbps
	case strings.HasSuffix(name, "_total_bytes"), strings.HasSuffix(name, "_available_bytes"):
		f.Unit = metric.Bytes
	case strings.HasSuffix(name, "_bytes"):
		f.Unit, f.Kind = metric.Bytes, metric.Counter
	case strings.HasSuffix(name, "_joules"):
		f.Unit, f.Kind = metric.Joules, metric.Counter
	case strings.HasSuffix(name, "_seconds"):
		f.Unit, f.Kind = metric.Seconds, metric.Counter
	case strings.HasSuffix(name, "_watts"):
		f.Unit = metric.Watts
	case strings.HasSuffix(name, "_count"):
		f.Unit = metric.Count
	}
	return f
}

func (l *testLoad) close(t *testing.T) {
	if l == nil {
		return
	}
	n := 0
	for _, v := range l.columns {
		n = max(n, len(v))
	}
	value := func(name string, i int, missing float64) float64 {
		v, ok := l.columns[name]
		if !ok {
			return missing
		}
		return v[min(i, len(v)-1)]
	}
	c := &l.chunk
	var kept []int
	for i := range n {
		if math.IsNaN(value("ticks", i, 1)) {
			continue
		}
		interval := l.every.Seconds()
		if len(kept) == 0 {
			interval = 0
		}
		kept = append(kept, i)
		c.Time = append(c.Time, l.start.Add(time.Duration(i)*l.every).UnixNano())
		c.Interval = append(c.Interval, value("interval", i, interval))
	}
	for _, name := range l.order {
		if name == "ticks" || name == "interval" {
			continue
		}
		col := window.Column{Field: testField(name)}
		for _, i := range kept {
			v := value(name, i, math.NaN())
			col.Float, col.Valid = append(col.Float, v), append(col.Valid, !math.IsNaN(v))
		}
		c.Columns = append(c.Columns, col)
	}
	l.node.chunks = append(l.node.chunks, c)
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
