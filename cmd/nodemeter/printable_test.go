package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInPrint(t *testing.T) {
	for in, want := range map[string]string{
		"plain, größer 日本\n\tx": "plain, größer 日本\n\tx",
		"\x1b[31mred":           `\x1b[31mred`,
		"a\rb\x00\a":            `a\rb\x00\a`,
		"\u202eevil\u009b":      `\u202eevil\u009b`,
		"\xff\ufffd":            `\xff` + "\ufffd",
	} {
		if got := inPrint(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// A file's name must not steer the terminal of whoever looks into its directory.
func TestNamesDoNotSteerTheTerminal(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a\x1b[31m.parquet", "a\x1b[31m.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("junk"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	csv := filepath.Join(dir, "a\x1b[31m.csv")
	out := filepath.Join(t.TempDir(), "out")
	for _, args := range [][]string{
		{"summary", dir}, {"inspect", dir}, {"verify", dir}, {"repair", "-o", out, dir}, {"slice", "--since", "1h", "-o", out, dir},
		{"export", dir}, {"summary", csv}, {"tasks", "summary", csv}, {"report", "-o", out, "--tasks", csv}, {"scaling", "--zone", "\x1b[31m", csv},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
		if text := stdout.String() + stderr.String(); strings.Contains(text, "\x1b") || !strings.Contains(text, `\x1b[31m`) {
			t.Errorf("nodemeter %q: exit code %d, %q", args, code, text)
		}
	}
}
