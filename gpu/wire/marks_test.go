package wire

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMarks: two mappings of one page, as in two processes.
func TestMarks(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "page"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	agent, err := MapMarks(f)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := MapMarks(f)
	if err != nil {
		t.Fatal(err)
	}
	a, b := reader.Claim(0, "GPU-a"), reader.Claim(marks-1, "GPU-b")
	a.Enter()
	b.Enter()
	if got := agent.Busy(); !slices.Equal(got, []string{"GPU-a", "GPU-b"}) {
		t.Errorf("busy %q", got)
	}
	a.Leave()
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	if got := agent.Busy(); !slices.Equal(got, []string{"GPU-b"}) {
		t.Errorf("busy %q after the reader's end", got)
	}
	if m := agent.Claim(marks, "GPU-c"); m != nil {
		t.Error("there is no such record")
	}
	if m := agent.Claim(0, strings.Repeat("x", markSize)); m != nil {
		t.Error("an identity that does not fit must not be cut")
	}
	for range 2 {
		if err := agent.Close(); err != nil {
			t.Error(err)
		}
	}
	Marks{}.Claim(0, "x").Enter() // nothing shared: nothing happens
	if len(agent.Busy()) != 0 {
		t.Error("a closed page knows nothing")
	}
}
