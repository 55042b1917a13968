//go:build e2e

package window

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTmpfsFilled records onto a real file system of 256 KiB until it is full,
// through many full disks of different sizes, and on when there is room again.
func TestTmpfsFilled(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("nodemeter", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatalf("mount a small tmpfs (needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	f := newFaulty(t, options(t, filepath.Join(dir, "windows")))
	filler := filepath.Join(dir, "filler")
	for round := range 5 {
		free, err := freeSpace(dir)
		if err != nil {
			t.Fatal(err)
		}
		overwrite(t, filler, make([]byte, max(0, free-16<<10-int64(round)<<12)))
		for f.tick() {
		}
		if !strings.Contains(f.w.lost.why.Error(), "no space") {
			t.Fatalf("round %d: stopped by %v", round, f.w.lost.why)
		}
		f.ticks(3)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if f.ticks(20) != 20 {
			t.Fatalf("round %d: recording did not resume: %v", round, f.w.lost.why)
		}
	}
	if n, _ := lost(f.finish()); n != 5*4 {
		t.Errorf("the windows say %d samples lost, want 20", n)
	}
}
