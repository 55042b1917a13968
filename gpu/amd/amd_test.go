package amd

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nodemeter/gpu/device"
)

// read makes every call of a device and returns what they answered.
func read(d device.Device, elapsed time.Duration) (map[device.Quantity]float64, map[string]device.Status, int) {
	var r device.Reading
	r.Reset(time.Unix(1, 0), elapsed)
	status := map[string]device.Status{}
	for _, c := range d.Calls() {
		status[c.Name] = c.Read(&r)
	}
	got := map[device.Quantity]float64{}
	for _, v := range r.Values() {
		got[v.Q] = v.Float()
	}
	return got, status, r.Rejected()
}

func open(t *testing.T, root string) []device.Device {
	t.Helper()
	b := New(root)
	if _, err := b.Open(); err != nil {
		t.Fatal(err)
	}
	inv, err := b.Devices()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Events(inv.Devices, time.Hour); ok {
		t.Error("amdgpu has no such events")
	}
	again, err := b.Devices()
	if err != nil || len(again.Devices) != len(inv.Devices) || len(inv.Devices) > 0 && again.Devices[0] != inv.Devices[0] {
		t.Error("a device met before must be the same")
	}
	return inv.Devices
}

func TestNode(t *testing.T) {
	devices := open(t, "testdata/node")
	if len(devices) != 2 {
		t.Fatalf("%d devices; connectors, render nodes and other makers are none", len(devices))
	}
	info := devices[0].Info()
	want := device.Info{UUID: "AMD-a1b2c3d4e5f60718", Index: 0, Name: "AMD Instinct MI300X OAM", Vendor: "amd", Driver: "6.8.5", PCI: "0000:05:00.0"}
	if info != want {
		t.Errorf("%+v, want %+v", info, want)
	}
	got, _, rejected := read(devices[0], 2*time.Second)
	for q, want := range map[device.Quantity]float64{
		device.Util: 0.73, device.UtilMin: 0.73, device.UtilMax: 0.73, device.BusyDelta: 1.46, device.MemoryControllerUtil: 0.41,
		device.MemoryTotal: 206141652992, device.MemoryUsed: 51539607552, device.MemoryFree: 154602045440,
		device.Power: 412, device.EnergyDelta: 824, device.Temperature: 51, device.MemoryTemperature: 58, device.SMClock: 2.1e9, device.MemoryClock: 1.3e9,
	} {
		if got[q] != want {
			t.Errorf("quantity %d = %v, want %v", q, got[q], want)
		}
	}
	if rejected != 0 {
		t.Errorf("%d rejected", rejected)
	}
}

// TestOlderChip has no serial number, no average power and few sensors.
func TestOlderChip(t *testing.T) {
	d := open(t, "testdata/node")[1]
	if i := d.Info(); i.UUID != "AMD-0000:0a:00.0" || i.Name != "AMD GPU 0x67df" {
		t.Errorf("%+v", i)
	}
	got, status, _ := read(d, time.Second)
	if v, ok := got[device.Util]; !ok || v != 0 {
		t.Errorf("an idle GPU has utilization 0, not %v %v", v, ok)
	}
	if got[device.Power] != 9.5 {
		t.Errorf("power %v", got[device.Power])
	}
	for _, call := range []string{"temp1_input", "temp3_input", "mem_busy_percent", "freq1_input"} {
		if status[call] != device.NotSupported {
			t.Errorf("%s: %s", call, status[call])
		}
	}
}

// TestDamage: what files may say, and what becomes of it.
func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		file, content string
		status        device.Status
		rejected      int
		absent        device.Quantity
	}{
		"not a number":   {"gpu_busy_percent", "n/a", device.Garbage, 0, device.Util},
		"empty":          {"gpu_busy_percent", "", device.Garbage, 0, device.Util},
		"NaN":            {"gpu_busy_percent", "NaN", device.Garbage, 0, device.Util},
		"above 100":      {"gpu_busy_percent", "218322032", device.OK, 1, device.Util},
		"used too large": {"mem_info_vram_used", "999999999999999", device.Garbage, 1, device.MemoryUsed},
		"negative":       {"mem_info_vram_used", "-1", device.Garbage, 1, device.MemoryUsed},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.CopyFS(root, os.DirFS("testdata/node")); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(root, "sys/class/drm/card1/device", c.file)
			if err := os.WriteFile(path, []byte(c.content+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			got, status, rejected := read(open(t, root)[0], time.Second)
			if _, ok := got[c.absent]; ok || status[c.file] != c.status || rejected != c.rejected {
				t.Errorf("status %s, rejected %d, value there: %v", status[c.file], rejected, ok)
			}
		})
	}
}

// TestRemoved: the directory goes with the device.
func TestRemoved(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata/node")); err != nil {
		t.Fatal(err)
	}
	d := open(t, root)[0]
	if err := os.RemoveAll(filepath.Join(root, "sys/class/drm/card1")); err != nil {
		t.Fatal(err)
	}
	if _, status, _ := read(d, time.Second); status["gpu_busy_percent"] != device.Lost {
		t.Errorf("%s", status["gpu_busy_percent"])
	}
}

func TestWithoutDriver(t *testing.T) {
	_, err := New(t.TempDir()).Open()
	if err == nil || !strings.Contains(err.Error(), "driver not loaded") {
		t.Errorf("%v", err)
	}
}

func TestStatusOfErrors(t *testing.T) {
	for errno, want := range map[syscall.Errno]device.Status{
		syscall.ENOENT: device.NotSupported, syscall.EOPNOTSUPP: device.NotSupported, syscall.EINVAL: device.NotSupported,
		syscall.ENODEV: device.Lost, syscall.EPERM: device.InUse, syscall.EACCES: device.NoPermission,
		syscall.EBUSY: device.NoData, syscall.ETIMEDOUT: device.TimedOut, syscall.EIO: device.Failed,
	} {
		if got := status(&os.PathError{Op: "read", Path: "x", Err: errno}); got != want {
			t.Errorf("%v: %s, want %s", errno, got, want)
		}
	}
}

// FuzzNumber: no content of a file makes trouble.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"73\n", "", "-1", "1e400", "0x10", "NaN", "Inf"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if v, s := number(path); s == device.OK && (v != v || v-v != 0) {
			t.Errorf("%q gives %v", b, v)
		}
	})
}
