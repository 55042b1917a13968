//go:build cgo

package gpu_test

import (
	"os"
	"path/filepath"
	"testing"

	"nodemeter/collector/metric"
)

// TestBothMakers: amdgpu's files are read by the same reader as NVML, and
// without NVML as well.
func TestBothMakers(t *testing.T) {
	for name, c := range map[string]struct {
		library string
		gpus    float64
		util    float64
	}{
		"amd alone":      {"/nonexistent", 2, 0.73 / 2},
		"amd and nvidia": {fakeLibrary(t), 10, 0.73 / 10},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.library)
			if err := os.CopyFS(r.opt.Root, os.DirFS("amd/testdata/node")); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(r.opt.Root, "sys/bus/pci/drivers/amdgpu/0000:05:00.0"), 0o755); err != nil {
				t.Fatal(err)
			}
			r.start()
			v := r.until("all are read", func(v view) bool { return v.node() == "ok" })
			node, g := v.of(metric.Node, "n1"), v.of(metric.GPU, "AMD-a1b2c3d4e5f60718")
			for _, x := range []struct {
				r      *metric.Reading
				column string
				want   float64
			}{
				{node, "gpu_count", c.gpus}, {node, "gpu_util", c.util},
				{g, "gpu_util", 0.73}, {g, "gpu_memory_util", 0.25}, {g, "gpu_power_watts", 412}, {g, "gpu_temperature_celsius", 51},
			} {
				if got := value(t, x.r, x.column); got < x.want-0.001 || got > x.want+0.001 {
					t.Errorf("%s = %v, want %v", x.column, got, x.want)
				}
			}
			for _, l := range g.Entity.Info {
				if l.Name == "energy_source" && l.Value != "power" || l.Name == "vendor" && l.Value != "amd" {
					t.Errorf("label %s = %s", l.Name, l.Value)
				}
			}
			value(t, g, "gpu_energy_joules")
		})
	}
}
