//go:build cgo

package gpu_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

// TestLibraryWithoutDriver: a library that finds no driver is an empty node
// where there is no hardware either, and a failed one where there is.
func TestLibraryWithoutDriver(t *testing.T) {
	library := fakeLibrary(t)
	for _, c := range []struct{ name, node, says string }{
		{"no hardware", "none", "neither driver nor device"},
		{"hardware", "failed", "driver not loaded (code 9)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, library)
			if c.node == "failed" {
				plug(t, r.opt.Root, "0x10de", "0x030200")
			} else {
				plug(t, r.opt.Root, "0x10de", "0x020000") // a network controller of the same maker
			}
			r.set("init 9")
			r.start()
			v := r.until("the library has said so", func(v view) bool { return v.node() == c.node })
			absent(t, v.of(metric.Node, "n1"), "gpu_util")
			st := r.src.Status()
			r.until("it has been asked again", func(view) bool { return r.src.Status().ReadersStarted > st.ReadersStarted+1 })
			if n := r.log.count(c.says); n != 1 {
				t.Errorf("%d lines with %q, want one", n, c.says)
			}
			_, err := r.tick()
			if (err != nil) != (c.node == "failed") {
				t.Errorf("error %v", err)
			}
			r.set("count 8")
			r.until("the driver is loaded", func(v view) bool { return v.states() == allOK })
		})
	}
}

// plug puts a device on the fixture's PCI bus.
func plug(t *testing.T, root, vendor, class string) {
	t.Helper()
	dir := filepath.Join(root, "sys/bus/pci/devices/0000:01:00.0")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"vendor": vendor, "class": class} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDriverInstalledLater: the library appears in one of the usual places.
func TestDriverInstalledLater(t *testing.T) {
	library := fakeLibrary(t)
	r := newRig(t, "").start()
	r.until("nothing is found", func(v view) bool { return v.node() == "none" })
	plug(t, r.opt.Root, "0x10de", "0x020000")
	dir := filepath.Join(r.opt.Root, "usr/lib64")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(library, filepath.Join(dir, "libnvidia-ml.so.1")); err != nil {
		t.Fatal(err)
	}
	r.until("it is seen", func(view) bool { return r.log.count("it is not loaded") == 1 })
	if r.src.Status().ReadersStarted != 0 {
		t.Error("a library without driver and device was loaded")
	}
	plug(t, r.opt.Root, "0x10de", "0x030200")
	r.until("it is found", func(v view) bool { return v.states() == allOK })
}

// TestMissingFunctions: whatever an older library lacks is not called, is
// named, and costs nothing else.
func TestMissingFunctions(t *testing.T) {
	for _, c := range []struct {
		without string
		missing string // a call that the library has to be reported to lack; "" for none
		lost    []string
		kept    []string
	}{
		{"SAMPLES", "nvmlDeviceGetSamples", nil, []string{"gpu_util", "gpu_util_max", "gpu_busy_seconds"}},
		{"ENERGY", "nvmlDeviceGetTotalEnergyConsumption", nil, []string{"gpu_energy_joules"}},
		{"GPM", "nvmlGpmSampleGet", []string{"gpu_sm_active", "gpu_sm_active_seconds"}, []string{"gpu_util"}},
		{"EVENTS", "", nil, []string{"gpu_xid_events"}},
		{"MIG", "", nil, []string{"gpu_util"}},
		{"MEMORY2", "", []string{"gpu_memory_reserved_bytes"}, []string{"gpu_memory_used_bytes"}},
	} {
		t.Run(c.without, func(t *testing.T) {
			r := newRig(t, fakeLibrary(t, c.without))
			r.set("count 8", "util 0 70", "mig 7 2")
			r.start()
			v := r.until("a second tick", func(v view) bool {
				_, ok := v.gpu(0).Get("gpu_energy_joules")
				return ok && v.node() == "ok" && r.ticks > 2
			})
			for _, column := range c.kept {
				value(t, v.gpu(0), column)
			}
			absent(t, v.gpu(0), c.lost...)
			missing := strings.Join(r.src.Status().Libraries[0].Missing, " ")
			if c.missing != "" && !strings.Contains(missing, c.missing) {
				t.Errorf("missing functions: %q, want %s", missing, c.missing)
			}
			if r.src.Status().ReadersStarted != 1 {
				t.Error("the reader did not survive")
			}
			source := ""
			for _, l := range v.gpu(0).Entity.Info {
				if l.Name == "energy_source" {
					source = l.Value
				}
			}
			if want := map[bool]string{true: "power", false: "counter"}[c.without == "ENERGY"]; source != want {
				t.Errorf("energy_source %q, want %q", source, want)
			}
		})
	}
}

// TestImmediateBinding: with LD_BIND_NOW=1, or linked with -z now, go-nvml's
// undefined functions would end the process before main. Agent and reader,
// both of them this test binary, must work.
func TestImmediateBinding(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	now := filepath.Join(t.TempDir(), "now.test")
	build := exec.Command("go", "test", "-c", "-o", now, "-ldflags", "-extldflags=-Wl,-z,now", ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("link with -z now: %v\n%s", err, out)
	}
	for _, c := range []struct {
		name, binary string
		env          []string
	}{
		{"LD_BIND_NOW=1", self, []string{"LD_BIND_NOW=1"}},
		{"-z now", now, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(c.binary, "-test.run", "^(TestReadsEightGPUs|TestNoLibrary|TestMissingFunctions)$", "-test.v")
			cmd.Env = append(os.Environ(), c.env...)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS: TestReadsEightGPUs") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
