package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestWindowScripts runs the commands on windows: testdata/windows/*.txtar. Each
// script finds the golden windows of format 1.0 in w, to damage as it likes.
func TestWindowScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/windows",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			golden := filepath.Join("..", "..", "collector", "window", "testdata", "golden", "v1.0", "node=golden")
			return os.CopyFS(filepath.Join(env.WorkDir, "w", "node=golden"), os.DirFS(golden))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"flip": flip},
	})
}

// flip damages one byte of a file: flip FILE OFFSET.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	b[at] ^= 0x41
	ts.Check(os.WriteFile(path, b, 0o644))
}
