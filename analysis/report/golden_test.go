package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"nodemeter/analysis/plot"
)

var update = flag.Bool("update", false, "write the golden images anew (look at every one of them)")

// TestGolden compares the notebook's five pictures, drawn from its own data,
// with the ones that were looked at.
func TestGolden(t *testing.T) {
	measured := oracleTasks(t)
	resources, err := Resources(record(t, oracle("resource_samples.csv")), NotebookPanels())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "resource_utilization", 2, resources)
	for _, name := range TaskFigures() {
		f, err := measured.Figure(name)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, f.File(), f.Columns, f.Pictures)
	}
}

func golden(t *testing.T, name string, columns int, pictures []*Picture) {
	t.Helper()
	f := plot.Figure{Columns: columns, DPI: 60}
	for _, p := range pictures {
		f.Panels = append(f.Panels, p.Panel)
	}
	var got bytes.Buffer
	if err := f.Render(&got, "png"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".png")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := cmpimg.EqualApprox("png", want, got.Bytes(), 0.02); err != nil || !same {
		bad := filepath.Join(t.ArtifactDir(), name+".png")
		_ = os.WriteFile(bad, got.Bytes(), 0o644)
		t.Errorf("%s differs from the golden image (%v); what was drawn is %s", path, err, bad)
	}
}
