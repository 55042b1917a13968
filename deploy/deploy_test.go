package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nodemeter/exporter"
)

var (
	word     = regexp.MustCompile("[a-zA-Z_:][a-zA-Z0-9_:]*")
	recorded = regexp.MustCompile(`(?m)^\s*- record: (\S+)$`)
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

// TestEveryMetricNamedExists reads the rules, the dashboards, the page for
// administrators and the queries of nodemeter summary --prometheus.
func TestEveryMetricNamedExists(t *testing.T) {
	known := existing(t)
	found := map[string]bool{}
	check := func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range word.FindAllString(string(b), -1) {
			ours := strings.HasPrefix(w, "nodemeter_") || strings.HasPrefix(w, "process_") || strings.Contains(w, ":nodemeter_")
			if !ours || found[w] {
				continue
			}
			found[w] = true
			if !known[w] {
				t.Errorf("%s: no metric or rule is called %s", path, w)
			}
		}
	}
	for _, dir := range []string{"prometheus", "grafana/dashboards"} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				check(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check("../docs/prometheus.md")
	check("../analysis/prom/families.go")
	if len(found) < 80 {
		t.Errorf("only %d names found", len(found))
	}
}
