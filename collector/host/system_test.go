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
		"node n1 load1": 0.20, "node n1 load5": 0.18, "node n1 load15": 0.12})
	overlay(t, root, "proc1")
	want(t, mustRead(t, s), map[string]any{"node n1 load1": 1.26})
}

// gopsutil would give this machine's load for another root's missing file.
func TestLoadIsNeverAnotherMachines(t *testing.T) {
	root, cfg := fixture(t)
	if err := os.Remove(filepath.Join(root, "proc/loadavg")); err != nil {
		t.Fatal(err)
	}
	for _, cfg.Reader = range []Reader{Native, Gopsutil} {
		got, err := read(t, NewSystem(cfg))
		checkErr(t, "missing", err, "proc/loadavg")
		want(t, got, map[string]any{"node n1 load1": absent})
	}
}

func TestParseLoadavg(t *testing.T) {
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
		_, err := parseLoadavg([]byte(c.data))
		checkErr(t, c.name, err, c.err)
	}
}
