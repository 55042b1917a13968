package analysis

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

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
		err = c.o.SetBy(value)
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
	case "event":
		l.event(t, at, words)
	default:
		l.columns[words[0]] = parseValues(t, at, words[1:])
		l.order = append(l.order, words[0])
	}
}

// event adds "event KIND OFFSET BY|COUNT".
func (l *testLoad) event(t *testing.T, at string, words []string) {
	after, err := time.ParseDuration(words[2])
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	e := metric.Event{Time: l.start.Add(after)}
	e.By, _ = time.ParseDuration(words[3])
	e.Count, _ = strconv.ParseInt(words[3], 10, 64)
	for k := metric.EventStart; k <= metric.EventDevice; k++ {
		if k.String() == words[1] {
			e.Kind = k
		}
	}
	l.node.meta.Events = append(l.node.meta.Events, e)
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
