//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNotebookSection5RunsOnAnExport runs the benchmarking notebook's import
// cell and its section 5, unchanged but for the cell that invents the data, on
// what the agent recorded under load, with the pandas and matplotlib that
// Debian ships. The three averages it prints must be those of nodemeter summary.
func TestNotebookSection5RunsOnAnExport(t *testing.T) {
	stress := need(t, "stress-ng")
	a := startAgent(t, nil)
	run(t, stress, "--cpu", "1", "--cpu-load", "40", "--timeout", "12s")
	a.stop(t)
	dir := t.TempDir()
	csv := filepath.Join(dir, "resource.csv")
	run(t, bin(t, "nodemeter"), "export", "--format", "csv", "--output", csv, a.dir)
	runNotebook(t, dir, csv, run(t, bin(t, "nodemeter"), "summary", a.dir))
}

// TestNotebookSection5RunsOnItsOwnShape does the same on the oracle's CSV,
// which has workers with and without a GPU.
func TestNotebookSection5RunsOnItsOwnShape(t *testing.T) {
	csv, err := filepath.Abs(filepath.Join("..", "..", "testdata", "oracle", "resource_samples.csv"))
	if err != nil {
		t.Fatal(err)
	}
	runNotebook(t, t.TempDir(), csv, run(t, bin(t, "nodemeter"), "summary", csv))
}

func runNotebook(t *testing.T, dir, csv, summary string) {
	t.Helper()
	imports, section := notebookCells(t)
	script := imports + "\nresource_df = pd.read_csv(" + pyQuote(csv) + ", float_precision='round_trip')\nresource_df.head(10)\n" + section
	path := filepath.Join(dir, "section5.py")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", path)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "MPLBACKEND=Agg", "PYTHONWARNINGS=ignore")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the notebook failed on %s: %v\n%s", csv, err, out)
	}
	if fi, err := os.Stat(filepath.Join(dir, "resource_utilization.png")); err != nil || fi.Size() < 10_000 {
		t.Errorf("no picture drawn: %v", err)
	}
	for _, name := range []string{"Avg CPU", "Avg Memory", "Avg GPU"} {
		re := regexp.MustCompile(`(?m)^  ` + name + `[^:\n]*: (\S+%)`)
		theirs := re.FindStringSubmatch(string(out))
		if theirs == nil {
			t.Fatalf("%s: not printed by the notebook:\n%s", name, out)
		}
		if theirs[1] == "nan%" { // no GPU: the summary says so in words
			if !strings.Contains(summary, "no GPU") {
				t.Errorf("%s: the notebook prints nan%%, the summary does not say that there is no GPU:\n%s", name, summary)
			}
			continue
		}
		found := false
		for _, ours := range re.FindAllStringSubmatch(summary, -1) {
			found = found || ours[1] == theirs[1]
		}
		if !found {
			t.Errorf("%s: the notebook prints %s, the summary:\n%s", name, theirs[1], summary)
		}
	}
}

// notebookCells returns the import cell and the cells of section 5 after its first.
func notebookCells(t *testing.T) (imports, section string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "notebook.txt"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	cells := strings.Split(text, "In [None]:\n")
	_, after, ok := strings.Cut(text, "## 5. Resource Utilization <a")
	if !ok || len(cells) < 3 {
		t.Fatal("testdata/notebook.txt is not the notebook")
	}
	five := strings.Split(after, "In [None]:\n")
	section, _, _ = strings.Cut(five[2], "\n## 6.")
	if !strings.Contains(cells[1], "import pandas") || !strings.Contains(five[1], "def generate_resource_data") || !strings.Contains(section, "Resource Utilization Summary") {
		t.Fatal("the notebook's cells are not where they were")
	}
	return cells[1], section
}

func pyQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
