package nvml

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSymbolsFollowTheBinding: every function that go-nvml refers to is defined
// by us, or the program would not start where binding is immediate; and none
// that it does not refer to.
func TestSymbolsFollowTheBinding(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/NVIDIA/go-nvml").Output()
	if err != nil {
		t.Fatalf("find the binding's source: %v", err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "pkg/nvml/nvml.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := names(`C\.(nvml\w+)\(`, source)
	list, err := os.ReadFile("symbols.h")
	if err != nil {
		t.Fatal(err)
	}
	got := append(names(`(?m)^NVML\((\w+)\)`, list), "nvmlErrorString") // which bind.c defines itself
	slices.Sort(got)
	if len(want) < 100 {
		t.Fatalf("only %d functions found in the binding: has its form changed?", len(want))
	}
	for _, n := range want {
		if !slices.Contains(got, n) {
			t.Errorf("add to symbols.h: NVML(%s)", n)
		}
	}
	for _, n := range got {
		if !slices.Contains(want, n) {
			t.Errorf("remove from symbols.h: NVML(%s)", n)
		}
	}
}

func names(pattern string, text []byte) []string {
	var all []string
	for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestAbsentLibrary: a library that cannot be loaded, or this binary without
// cgo, is an error with a reason.
func TestAbsentLibrary(t *testing.T) {
	_, err := New("/nonexistent/libnvidia-ml.so.1").Open()
	if err == nil {
		t.Fatal("opened")
	}
	want := "library not found"
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
	if Available != "" && !strings.Contains(err.Error(), "without cgo") {
		t.Errorf("%v does not say why", err)
	}
}
