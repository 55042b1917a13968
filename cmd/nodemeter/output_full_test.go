package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// An answer that could not be written is not a success.
func TestFullDiskIsAFailure(t *testing.T) {
	golden := filepath.Join("..", "..", "collector", "window", "testdata", "golden", "v1.0", "node=golden")
	runs := t.TempDir()
	if err := os.MkdirAll(filepath.Join(runs, "pcs-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	metrics := "task_id,submit_time,wait_time_secs,completion_time,execution_ms\na,2024-06-22 10:00:00,0.5,2024-06-22 10:00:02.5,2.0\n"
	if err := os.WriteFile(filepath.Join(runs, "pcs-1", "metrics.csv"), []byte(metrics), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"summary", golden}, {"inspect", golden}, {"verify", golden}, {"repair", "-o", filepath.Join(runs, "r"), golden},
		{"slice", "--from", "2020-01-01", "-o", filepath.Join(runs, "s"), golden}, {"export", golden}, {"tasks", "init", runs}, {"tasks", "summary", runs},
		{"summary", "--print-rules"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), full{}, &stderr); code != 1 || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("nodemeter %q: exit code %d, %q; want 1 and why", args, code, &stderr)
		}
	}
}
