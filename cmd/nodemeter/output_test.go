package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func say(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// What is no file is written to and stays what it is: as root, a report to
// /dev/null must not replace the device.
func TestOutputDoesNotReplaceAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		b, _ := os.ReadFile(pipe)
		got <- string(b)
	}()
	err := writeOutput(t.Context(), io.Discard, pipe, say("x"))
	if info, serr := os.Lstat(pipe); err != nil || serr != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("%v; the pipe is now %v (%v)", err, info.Mode(), serr)
	}
	if text := <-got; text != "x" {
		t.Errorf("read %q", text)
	}
}

func TestOutputFollowsALink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	if err := writeOutput(t.Context(), io.Discard, link, say("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if b, _ := os.ReadFile(target); err != nil || info.Mode()&os.ModeSymlink == 0 || string(b) != "new" {
		t.Errorf("the link is %v, its target %q", info.Mode(), b)
	}
}

func TestOutputThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{dir: "is a directory", "": "needs a file name", filepath.Join(dir, "no", "x"): "no such file"} {
		if err := writeOutput(t.Context(), io.Discard, path, say("x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOutputKeepsToTheUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "x")
	if err := writeOutput(t.Context(), io.Discard, path, say("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want 0600", info.Mode(), err)
	}
}
