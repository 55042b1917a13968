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
	if busy, gpus := agent.Read(); !slices.Equal(busy, []string{"GPU-a", "GPU-b"}) || gpus != 2 {
		t.Errorf("busy %q of %d", busy, gpus)
	}
	a.Leave()
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	if busy, gpus := agent.Read(); !slices.Equal(busy, []string{"GPU-b"}) || gpus != 2 {
		t.Errorf("busy %q of %d after the reader's end", busy, gpus)
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
	if busy, gpus := agent.Read(); len(busy) != 0 || gpus != 0 {
		t.Error("a closed page knows nothing")
	}
}
