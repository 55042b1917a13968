package deploy

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"nodemeter/exporter"
)

var (
	word = regexp.MustCompile("[a-zA-Z_:][a-zA-Z0-9_:]*")
	// metricWord is one that may be a metric; what a pattern such as
	// nodemeter_gpu_* begins with is not.
	metricWord = regexp.MustCompile("([a-zA-Z_:][a-zA-Z0-9_:]*[a-zA-Z0-9])(?:[^a-zA-Z0-9_:*]|$)")
	recorded   = regexp.MustCompile(`(?m)^\s*- record: (\S+)$`)
)

// existing are the names of all metrics: those in docs/metrics.md, which is
// generated from the descriptors and held against them, the exporter's own, and
// what the recording rules record.
func existing(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{"nodemeter_": true}
	add := func(text string) {
		for _, w := range word.FindAllString(text, -1) {
			out[w] = true
		}
	}
	b, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	add(string(b))
	e, err := exporter.New(exporter.Options{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		out[f.GetName()] = true
	}
	rules, err := os.ReadFile("prometheus/rules/nodemeter-recording.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range recorded.FindAllStringSubmatch(string(rules), -1) {
		out[m[1]] = true
	}
	return out
}

// TestEveryMetricNamedExists reads the rules, the dashboards, the pages and the
// queries of nodemeter summary --prometheus.
func TestEveryMetricNamedExists(t *testing.T) {
	known := existing(t)
	found := map[string]bool{}
	for _, path := range append(named(t), "../analysis/prom/families.go") {
		for w, line := range matches(read(t, path), metricWord) {
			if strings.HasPrefix(path, "ansible/") || strings.ToLower(w) != w {
				continue // its variables have the prefix too, as have names of packages with their VERSION
			}
			ours := strings.HasPrefix(w, "nodemeter_") || strings.HasPrefix(w, "process_") || strings.Contains(w, ":nodemeter_")
			if !ours || found[w] {
				continue
			}
			found[w] = true
			if !known[w] {
				t.Errorf("%s:%d: no metric or rule is called %s", path, line, w)
			}
		}
	}
	if len(found) < 80 {
		t.Errorf("only %d names found", len(found))
	}
}
