package tasks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestManifest(t *testing.T) {
	m, err := ParseManifest([]byte("zone: Europe/Berlin\nruns:\n  - file: a/metrics.csv\n    engine: ray\n    nodes: 2\n    cores: 128\n    gpus: 8\n  - {file: /b.csv, label: big, zone: UTC, nodes: }\n"), "dir")
	if err != nil || len(m.Runs) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	a, b := m.Runs[0], m.Runs[1]
	if a.File != filepath.Join("dir", "a", "metrics.csv") || a.Engine != "ray" || a.Nodes != 2 || a.Cores != 128 || a.GPUs != 8 || a.Zone.String() != "Europe/Berlin" {
		t.Errorf("%+v", a)
	}
	if b.File != "/b.csv" || b.Label != "big" || b.Nodes != 0 || b.Zone != time.UTC {
		t.Errorf("%+v", b)
	}
}

// Every error shows its line.
func TestManifestErrors(t *testing.T) {
	for _, c := range []struct{ text, want, line string }{
		{"runs:\n  - file: a\n    nodes: -1\n", "nodes must be a number that is not negative", ">  3 |     nodes: -1"},
		{"runs:\n  - file: a\n    node: 1\n", `unknown field "node"`, ">  3 |     node: 1"},
		{"runs:\n  - file: a\n    cores: many\n", "want a number here", ">  3 |     cores: many"},
		{"runs:\n  - file: a\n    zone: Mars\n", `time zone "Mars" is not known`, ">  3 |     zone: Mars"},
		{"zone: Mars\nruns:\n  - file: a\n", `time zone "Mars" is not known`, ">  1 | zone: Mars"},
		{"runs:\n  - file: a\n  - label: x\n", "a run needs a file", ">  3 |   - label: x"},
		{"runs:\n  - file: a\n  - file: a\n", "the file of run 1 again", ">  3 |   - file: a"},
		{"runs: [\n", "", ">  1 | runs: ["},
		{"runs: []\n", "no runs", "- file: pcs-1/metrics.csv"},
	} {
		_, err := ParseManifest([]byte(c.text), ".")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.line) {
			t.Errorf("%q: %v\nwant %q and %q", c.text, err, c.want, c.line)
		}
	}
}

// TestOneFileTwice: by another name its tasks would count twice too.
func TestOneFileTwice(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("one.csv", []byte(header10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("one.csv", "link.csv"); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"./one.csv", "link.csv", filepath.Join(here, "one.csv")} {
		if _, err := FindRuns([]string{"one.csv", other}, Run{}); err == nil || !strings.Contains(err.Error(), "is named twice") {
			t.Errorf("one.csv and %s: %v", other, err)
		}
	}
	if _, err := ParseManifest([]byte("runs:\n  - file: one.csv\n  - file: link.csv\n"), "."); err == nil || !strings.Contains(err.Error(), "the file of run 1 again") {
		t.Errorf("in a manifest: %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("zone: UTC\nruns:\n  - file: a\n    nodes: 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseManifest(text, ".")
		if (err == nil) != (m != nil && len(m.Runs) > 0) {
			t.Fatalf("%v, %v", m, err)
		}
	})
}

func TestDraft(t *testing.T) {
	dir := t.TempDir()
	example, err := os.ReadFile(filepath.Join("testdata", "example_metrics.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"pcs-1/metrics.csv": string(example), "pcs-2/metrics.csv": header10, "pcs-3/metrics.csv": "what is this\n", "deep/er/pcs-4/job-metrics.csv": string(example)} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, pilot := range []string{"pcs-1/RAY-7c1", "pcs-2/DASK-1", "pcs-2/RAY-2"} {
		if err := os.MkdirAll(filepath.Join(dir, pilot), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text, err := Draft(t.Context(), dir, Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"zone: UTC\n", "  - file: \"pcs-1/metrics.csv\"\n    # 10 tasks, 2025-12-30 14:02:07 to 2025-12-30 14:02:17, written by QTau 0.9.5\n    engine: ray\n    nodes:\n",
		"\"pcs-2/metrics.csv\"\n    # 0 tasks, written by QTau 0.9.5\n    engine: \n", "\"pcs-3/metrics.csv\"\n    # cannot be read: ", "\"deep/er/pcs-4/job-metrics.csv\"",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	m, err := ParseManifest([]byte(text), dir) // what is drafted can be read
	if err != nil || len(m.Runs) != 4 || m.Runs[1].Engine != "ray" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := Draft(t.Context(), t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "no metrics.csv under") {
		t.Errorf("an empty directory: %v", err)
	}
}
