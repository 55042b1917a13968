package report

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nodemeter/analysis"
	"nodemeter/analysis/tasks"
)

func oracle(name string) string { return filepath.Join("..", "..", "testdata", "oracle", name) }

func record(t *testing.T, path string) *analysis.Result {
	t.Helper()
	r, err := analysis.Analyze(context.Background(), analysis.Options{Paths: []string{path}, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func oracleTasks(t *testing.T) *Tasks {
	t.Helper()
	m, err := tasks.FindRuns([]string{oracle("task_metrics.csv")}, tasks.Run{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := tasks.Load(context.Background(), m, tasks.Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(oracle("scaling.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, _, err := tasks.ReadScaling(f)
	if err != nil {
		t.Fatal(err)
	}
	return NewTasks(set, rows)
}

// recording writes the notebook's CSV for n workers and a number of steps, a
// seventh of the workers with a gap, every other one with a GPU.
func recording(t *testing.T, n, steps int, name func(int) string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("timestamp,time_offset,worker_id,cpu_util,memory_util,gpu_util,network_mbps\n")
	for s := range steps {
		at := time.Date(2026, 1, 1, 0, 0, 5*s, 0, time.UTC).Format(time.RFC3339)
		for w := range n {
			if w%7 == 3 && s > steps/3 && s < steps/2 {
				continue
			}
			cpu, gpu := 0.5+0.4*math.Sin(float64(s)/20+float64(w)/30), ""
			if w%2 == 0 {
				gpu = fmt.Sprintf("%.4f", 0.8*cpu)
			}
			fmt.Fprintf(&b, "%s,%d,\"%s\",%.4f,%.4f,%s,%.2f\n", at, 5*s, strings.ReplaceAll(name(w), `"`, `""`), cpu, 0.3+cpu/4, gpu, 100*cpu)
		}
	}
	path := filepath.Join(t.TempDir(), "samples.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func render(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func recordingPage(t *testing.T, path string) *Page {
	t.Helper()
	p := &Page{Made: "nodemeter test"}
	if err := p.AddRecording(record(t, path), nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func fullPage(t *testing.T) *Page {
	t.Helper()
	p, measured := &Page{Made: "nodemeter test"}, oracleTasks(t)
	var err error
	if measured.Join, err = tasks.NewJoin(context.Background(), measured.Set, analysis.Options{Paths: []string{oracle("resource_samples.csv")}}); err != nil {
		t.Fatal(err)
	}
	p.AddTasks(measured)
	if err := p.AddRecording(record(t, oracle("resource_samples.csv")), measured); err != nil {
		t.Fatal(err)
	}
	return p
}

// pages are reports of every size and kind.
func pages(t *testing.T) map[string]string {
	hostile := func(w int) string {
		return []string{`<script>alert(1)</script>`, `" onload="alert(2)`, `</title><img src=x>`, "naïve-节点-🚀", `'; DROP`, "a&amp;b", "\u202egnp.exe"}[w%7]
	}
	plain := func(w int) string { return fmt.Sprintf("node%04d", w) }
	return map[string]string{
		"full":    render(t, fullPage(t)),
		"one":     render(t, recordingPage(t, recording(t, 1, 1, plain))),
		"hostile": render(t, recordingPage(t, recording(t, 7, 30, hostile))),
		"500":     render(t, recordingPage(t, recording(t, 500, 120, plain))),
	}
}

// TestPageStructure reads pages as a screen reader would: one h1, headings in
// order, names for regions and pictures, links that lead somewhere; and as a
// browser with a strict policy would: nothing to run and nothing to fetch.
func TestPageStructure(t *testing.T) {
	for name, page := range pages(t) {
		t.Run(name, func(t *testing.T) { checkPage(t, page) })
	}
}

func checkPage(t *testing.T, page string) {
	c := checker{t: t, ids: map[string]bool{}}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			c.element(e)
		}
	}
	if c.h1 != 1 {
		t.Errorf("%d h1 elements", c.h1)
	}
	if c.figures == 0 || c.figures != c.captions || c.figures != c.svgs {
		t.Errorf("%d figures, %d pictures, %d captions", c.figures, c.svgs, c.captions)
	}
	for _, ref := range c.refs {
		if !c.ids[ref] {
			t.Errorf("nothing has the id %q", ref)
		}
	}
	for _, landmark := range []string{"<header>", "<nav ", "<main ", "<footer>"} {
		if strings.Count(page, landmark) != 1 {
			t.Errorf("%d of %s", strings.Count(page, landmark), landmark)
		}
	}
}

// checker collects what TestPageStructure asserts.
type checker struct {
	t                       *testing.T
	ids                     map[string]bool
	refs                    []string
	level, h1               int
	figures, captions, svgs int
}

func (c *checker) element(e xml.StartElement) {
	tag := e.Name.Local
	attrs := map[string]string{}
	for _, a := range e.Attr {
		attrs[a.Name.Local] = a.Value
	}
	c.attributes(tag, attrs)
	switch tag {
	case "script", "iframe", "object", "embed", "form", "base", "img", "video", "audio", "use", "foreignObject":
		c.t.Errorf("element %s: %v", tag, attrs)
	case "h1", "h2", "h3", "h4":
		level := int(tag[1] - '0')
		if level > c.level+1 {
			c.t.Errorf("heading %s after h%d", tag, c.level)
		}
		c.level = level
		if level == 1 {
			c.h1++
		}
	case "figure":
		c.figures++
	case "figcaption":
		c.captions++
	case "svg":
		c.svgs++
		if len(attrs["aria-label"]) < 20 || attrs["role"] != "img" {
			c.t.Errorf("a picture without a text alternative: %v", attrs)
		}
	case "th":
		if attrs["scope"] == "" {
			c.t.Error("a table heading without scope")
		}
	case "section", "nav":
		if attrs["aria-labelledby"] == "" && attrs["aria-label"] == "" {
			c.t.Errorf("%s without a name", tag)
		}
	}
}

// attributes checks ids, references, and that nothing is fetched or run.
func (c *checker) attributes(tag string, attrs map[string]string) {
	if id := attrs["id"]; id != "" {
		if c.ids[id] {
			c.t.Errorf("id %q twice", id)
		}
		c.ids[id] = true
	}
	if ref := attrs["aria-labelledby"]; ref != "" {
		c.refs = append(c.refs, ref)
	}
	for k, v := range attrs {
		switch {
		case strings.HasPrefix(k, "on"), k == "style", k == "src", k == "srcset", k == "action":
			c.t.Errorf("%s has %s=%q", tag, k, v)
		case k == "href" && strings.HasPrefix(v, "#"):
			c.refs = append(c.refs, v[1:])
		case k == "href" && !strings.HasPrefix(v, "data:"):
			c.t.Errorf("%s leads out to %q", tag, v)
		}
	}
}

// TestPageRepeats renders everything twice from the files up.
func TestPageRepeats(t *testing.T) {
	a, b := render(t, fullPage(t)), render(t, fullPage(t))
	if a != b {
		t.Error("two pages of the same input differ")
	}
}

// TestPageSize keeps a page of 500 workers fit to be mailed.
func TestPageSize(t *testing.T) {
	page := render(t, recordingPage(t, recording(t, 500, 240, func(w int) string { return fmt.Sprintf("node%04d", w) })))
	if len(page) > 3<<20 {
		t.Errorf("500 workers make %d bytes", len(page))
	}
	t.Logf("500 workers: %d bytes", len(page))
}

// TestSectionOrder holds the notebook's order.
func TestSectionOrder(t *testing.T) {
	var got []string
	for _, s := range fullPage(t).Sections {
		got = append(got, s.Title)
	}
	want := "1. Setup and Data Loading|2. Throughput Analysis|3. Latency Analysis|4. Scaling Efficiency|5. Resource Utilization|6. Comparative Analysis"
	if strings.Join(got, "|") != want {
		t.Errorf("sections %q", got)
	}
}
