// Package cmd_test holds the import table of docs/architecture.md.
package cmd_test

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// rooms says which of our packages a room may import, itself apart. A pattern
// ending in /... covers everything below. Rooms absent here may import nothing
// of ours.
var rooms = map[string][]string{
	"collector/metric": {},
	"collector/timer":  {},
	"collector/window": {"collector/metric", "collector/timer"},
	"collector":        {"collector/metric", "collector/timer"},
	"collector/host":   {"collector/metric"},
	"collector/worker": {"collector/metric"},
	"gpu/...":          {"collector/metric", "collector/timer", "gpu/..."},
	"exporter/...":     {"collector/metric"},
	"analysis/...":     {"collector/metric", "collector/window", "analysis/..."},
	"cmd/nodemeter":    {"collector/metric", "collector/window", "analysis/..."},
	"cmd/nodemeterd":   {"collector/...", "gpu/...", "exporter/..."},
	"cmd/e2e":          {},
	"deploy/...":       {"deploy/..."},
	"cmd":              {},
}

// forbidden is what a program or room must not link, however indirectly, and why.
var forbidden = []struct {
	room, dep, why string
}{
	{"collector/metric", "*.*/...", "the nouns are read by everything, so they cost nothing: standard library only"},
	{"collector/timer", "github.com/...", "deadlines know nothing of what they are for"},
	{"collector/window", "github.com/shirou/gopsutil/...", "windows are read where they were not written"},
	{"collector/window", "github.com/prometheus/...", "the format does not depend on how it is exported"},
	{"exporter/...", "github.com/shirou/gopsutil/...", "a scrape reads the latest sample, never /proc"},
	{"exporter/...", "github.com/NVIDIA/...", "a scrape reads the latest sample, never a driver"},
	{"collector/host", "github.com/prometheus/client_golang/...", "sources give values that everything can use, not Prometheus metrics"},
	{"gpu/...", "github.com/prometheus/client_golang/...", "sources give values that everything can use, not Prometheus metrics"},
	{"collector", "github.com/...", "the tick loop knows no source, no file and no server"},
	{"cmd/nodemeter", "github.com/shirou/gopsutil/...", "the analyzer runs anywhere and samples nothing"},
	{"cmd/nodemeter", "github.com/NVIDIA/...", "the analyzer runs where there is no GPU and is static"},
	{"cmd/nodemeter", "github.com/prometheus/client_golang/prometheus/promhttp/...", "the analyzer asks a Prometheus, and serves nothing"},
	{"cmd/nodemeter", "github.com/prometheus/exporter-toolkit/...", "the analyzer serves nothing"},
	{"cmd/nodemeter", "github.com/coreos/go-systemd/...", "the analyzer is no service"},
	{"cmd/nodemeterd", "gonum.org/...", "the agent computes no statistics: it must stay small"},
	{"cmd/nodemeterd", "nodemeter/analysis/...", "the agent computes no statistics: it must stay small"},
	{"analysis/...", "github.com/shirou/gopsutil/...", "analysis works on what was recorded"},
	{"analysis/...", "github.com/NVIDIA/...", "analysis works on what was recorded"},
}

// matches reports whether an import path is covered by a pattern. The first
// element *.* stands for any domain name, which no standard package has.
func matches(pattern, p string) bool {
	below, deep := strings.CutSuffix(pattern, "/...")
	if below == "*.*" {
		domain, _, _ := strings.Cut(p, "/")
		return strings.Contains(domain, ".")
	}
	return p == below || deep && strings.HasPrefix(p, below+"/")
}

// list runs go list over the module and splits its lines into fields.
func list(t *testing.T, args ...string) [][]string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &errs)
	}
	var lines [][]string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines
}

const module = "nodemeter/"

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	for _, f := range list(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...") {
		room := strings.TrimPrefix(f[0], module)
		allowed, known := []string(nil), false
		for pattern, may := range rooms {
			if matches(pattern, room) {
				allowed, known = may, true
			}
		}
		if !known {
			t.Errorf("%s is in no room: add it to the table here and in docs/architecture.md", room)
		}
		for _, dep := range f[1:] {
			dep, ours := strings.CutPrefix(dep, module)
			if ours && !slices.ContainsFunc(allowed, func(p string) bool { return matches(p, dep) }) {
				t.Errorf("%s imports %s; it may import %v", room, dep, allowed)
			}
			if ours && path.Dir(dep) == "cmd" {
				t.Errorf("%s imports %s: nothing imports a command", room, dep)
			}
		}
	}
}

func TestForbiddenDependencies(t *testing.T) {
	deps := map[string][]string{} // of a room, its own packages included
	for _, f := range list(t, "-f", "{{.ImportPath}} {{join .Deps \" \"}}", "./...") {
		deps[strings.TrimPrefix(f[0], module)] = f[1:]
	}
	for _, rule := range forbidden {
		for room, linked := range deps {
			if !matches(rule.room, room) {
				continue
			}
			for _, dep := range linked {
				if matches(rule.dep, dep) {
					t.Errorf("%s links %s: %s", room, dep, rule.why)
				}
			}
		}
	}
}

func TestAnalyzerNeedsNoCgo(t *testing.T) {
	for _, f := range list(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}} {{len .CgoFiles}}{{end}}", "./cmd/nodemeter") {
		if len(f) == 2 && f[1] != "0" {
			t.Errorf("cmd/nodemeter links %s, which needs cgo: the analyzer is static", f[0])
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"gpu/...", "gpu", true}, {"gpu/...", "gpu/nvml", true}, {"gpu/...", "gpux", false},
		{"gpu", "gpu/nvml", false}, {"*.*/...", "github.com/a/b", true}, {"*.*/...", "encoding/json", false},
	} {
		if got := matches(c.pattern, c.path); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}
