package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSystem(t *testing.T) {
	root, cfg := fixture(t)
	s := NewSystem(cfg)
	want(t, mustRead(t, s), map[string]any{
		"node n1 load1": 0.20, "node n1 load5": 0.18, "node n1 load15": 0.12, "node n1 context_switches": 671825.0,
		"node n1 forks": 9975.0, "node n1 procs_running": 3.0, "node n1 procs_blocked": 1.0})
	overlay(t, root, "proc1")
	want(t, mustRead(t, s), map[string]any{"node n1 load1": 1.26, "node n1 context_switches": 672825.0})
}

// gopsutil would give this machine's load for another root's missing file.
func TestLoadIsNeverAnotherMachines(t *testing.T) {
	root, cfg := fixture(t)
	if err := os.Remove(filepath.Join(root, "proc/loadavg")); err != nil {
		t.Fatal(err)
	}
	got, err := read(t, NewSystem(cfg))
	checkErr(t, "missing", err, "proc/loadavg")
	want(t, got, map[string]any{"node n1 load1": absent, "node n1 forks": 9975.0})
}

func TestCheckLoadavg(t *testing.T) {
	const good = "0.20 0.18 12.12 1/80 11206\n"
	for _, c := range []struct{ name, data, err string }{
		{"good", good, ""},
		{"empty", "", "want three loads"},
		{"short", "0.20\n", "want three loads"},
		{"loads alone", "0.20 0.18 12.12\n", "want three loads"},
		{"two lines", good + good, "want three loads"},
		{"letters", strings.Replace(good, "12.12", "12.1x", 1), "load 3"},
		{"NaN", strings.Replace(good, "12.12", "NaN", 1), "load 3"},
		{"negative", strings.Replace(good, "0.18", "-0.18", 1), "load 2"},
		{"no point", strings.Replace(good, "0.20", "020", 1), "load 1"},
		{"cut", strings.Replace(good, "0.20", "0.2", 1), "load 1"},
	} {
		checkErr(t, c.name, checkLoadavg([]byte(c.data)), c.err)
	}
}

func TestParseActivity(t *testing.T) {
	const good = "cpu 1\nctxt 5\nprocesses 6\nprocs_running 7\nprocs_blocked 0\nsoftirq 1 2\n"
	a, err := parseActivity([]byte(good))
	if err != nil || a != (activity{5, 6, 7, 0}) {
		t.Errorf("%+v, %v", a, err)
	}
	for _, c := range []struct{ name, data, err string }{
		{"empty", "", "no ctxt line"},
		{"cut", good[:strings.Index(good, "procs_blocked")], "no procs_blocked line"},
		{"letters", strings.Replace(good, "ctxt 5", "ctxt five", 1), "line 2 (ctxt)"},
		{"no number", strings.Replace(good, "ctxt 5", "ctxt", 1), "number is missing"},
		{"two numbers", strings.Replace(good, "ctxt 5", "ctxt 5 5", 1), "not a number"},
		{"twice", good + "ctxt 5\n", "twice"},
	} {
		_, err := parseActivity([]byte(c.data))
		checkErr(t, c.name, err, c.err)
	}
}
