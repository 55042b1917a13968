//go:build e2e && cgo

package gpu_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"nodemeter/collector/metric"
)

// realLibrary is NVIDIA's own library, as Debian's libnvidia-ml1 (non-free)
// installs it, or where NODEMETER_NVML_LIBRARY says.
func realLibrary(t *testing.T) string {
	t.Helper()
	for _, p := range []string{os.Getenv("NODEMETER_NVML_LIBRARY"), "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1", "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"} {
		if _, err := os.Stat(p); p != "" && err == nil {
			return p
		}
	}
	t.Fatal("no real libnvidia-ml.so.1: install libnvidia-ml1, or set NODEMETER_NVML_LIBRARY")
	return ""
}

// controlDevice is created by NVML when root initializes it without a driver.
const controlDevice = "/dev/nvidiactl"

func hasControlDevice() bool {
	_, err := os.Stat(controlDevice)
	return !errors.Is(err, fs.ErrNotExist)
}

// TestRealLibraryFoundWithoutDevice: it is looked at and not loaded.
func TestRealLibraryFoundWithoutDevice(t *testing.T) {
	r := newRig(t, "")
	before := hasControlDevice()
	plug(t, r.opt.Root, "0x10de", "0x020000")
	dir := filepath.Join(r.opt.Root, "usr/lib64")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(realLibrary(t), filepath.Join(dir, "libnvidia-ml.so.1")); err != nil {
		t.Fatal(err)
	}
	r.start()
	for range 50 {
		r.until("none", func(v view) bool { return v.node() == "none" })
	}
	if _, err := r.tick(); err != nil {
		t.Error(err)
	}
	if n := r.log.count("msg="); n != 1 || r.src.Status().ReadersStarted != 0 {
		t.Errorf("%d readers, %d lines:\n%s", r.src.Status().ReadersStarted, n, r.log)
	}
	if hasControlDevice() != before {
		t.Errorf("%s was created", controlDevice)
	}
}

// TestRealLibraryWithoutDriver: it is loaded because it was named, and says
// that there is no driver: one line, no failed read, other sources untouched.
func TestRealLibraryWithoutDriver(t *testing.T) {
	r := newRig(t, realLibrary(t))
	if !hasControlDevice() {
		t.Cleanup(func() { os.Remove(controlDevice) })
	}
	r.start()
	v := r.until("the library has answered", func(v view) bool { return v.node() == "none" })
	absent(t, v.of(metric.Node, "n1"), "gpu_util")
	if _, err := r.tick(); err != nil {
		t.Error(err)
	}
	r.until("it has been asked again", func(view) bool { return r.src.Status().ReadersStarted > 2 })
	if n := r.log.count("msg="); n != 1 || r.log.count("code 9") != 1 {
		t.Errorf("%d lines, want one with code 9:\n%s", n, r.log)
	}
	t.Log(r.log)
}
