//go:build cgo

package gpu_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/gpu"
)

const allOK = "ok ok ok ok ok ok ok ok"

func TestReadsEightGPUs(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 8", "util 0 80", "util 1 40")
	r.start()
	v, err := r.tick()
	if err != nil {
		t.Fatalf("first read: %v\n%s", err, r.log)
	}
	if v.node() != "ok" || v.states() != allOK {
		t.Errorf("node %s, devices %s", v.node(), v.states())
	}
	node, g := v.of(metric.Node, "n1"), v.gpu(0)
	for _, c := range []struct {
		r      *metric.Reading
		column string
		want   float64
	}{
		{node, "gpu_count", 8},
		{node, "gpu_util", 0.15}, // (80 + 40 + six idle ones) / 8
		{g, "gpu_util", 0.8},
		{g, "gpu_util_min", 0.8},
		{g, "gpu_util_max", 0.8},
		{g, "gpu_util_samples", 0},
		{g, "gpu_memory_controller_util", 0.4},
		{g, "gpu_memory_total_bytes", 80 << 30},
		{g, "gpu_memory_used_bytes", 1 << 30},
		{g, "gpu_memory_util", 1. / 80},
		{g, "gpu_power_watts", 580},
		{g, "gpu_temperature_celsius", 40},
		{g, "gpu_sm_clock_hertz", 1980e6},
		{g, "gpu_sm_active", 0.4},
		{g, "gpu_xid_events", 0},
		{g, "gpu_rejected_values", 0},
		{v.gpu(7), "gpu_util", 0}, // idle is a number
	} {
		if got := value(t, c.r, c.column); got < c.want-1e-9 || got > c.want+1e-9 {
			t.Errorf("%s %s = %v, want %v", c.r.Entity.ID, c.column, got, c.want)
		}
	}
	if joules := value(t, g, "gpu_energy_joules"); joules < 5000 {
		t.Errorf("energy %v J, the device's counter stands above 5000", joules)
	}
	absent(t, g, "gpu_fp64_active", "gpu_xid_last_code", "gpu_fan_util")
	info := map[string]string{}
	for _, l := range g.Entity.Info {
		info[l.Name] = l.Value
	}
	for name, want := range map[string]string{
		"uuid": "GPU-00000000-fake", "index": "0", "name": "NVIDIA Fake 80GB", "driver": "570.00.fake", "vendor": "nvidia",
		"pci_bus_id": "0000:10:00.0", "cuda_version": "12.8", "energy_source": "counter",
	} {
		if info[name] != want {
			t.Errorf("label %s = %q, want %q", name, info[name], want)
		}
	}
	if r.log.count("gpu driver open") != 1 {
		t.Errorf("log:\n%s", r.log)
	}
}

// TestDearCallsFollow sees what only the slower tiers read, and the account of
// every call.
func TestDearCallsFollow(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	r.until("remapped rows are read", func(v view) bool {
		_, ok := v.gpu(0).Get("gpu_remapped_rows_pending")
		return ok && v.node() == "ok"
	})
	r.until("every GPU's calls are accounted for", func(view) bool {
		st := r.src.Status()
		return len(st.Processes) == 8 && !slices.ContainsFunc(st.ByCall(), func(c gpu.CallSum) bool { return c.Count < 8 })
	})
	v := r.until("all is well", func(v view) bool { return v.states() == allOK })
	for column, want := range map[string]float64{
		"gpu_processes": 2, "gpu_power_limit_watts": 700, "gpu_encoder_util": 0.07, "gpu_decoder_util": 0.09,
		"gpu_memory_temperature_celsius": 61, "gpu_nvlink_receive_bytes": 1 << 20, "gpu_nvlink_transmit_bytes": 2 << 20,
		"gpu_pcie_link_generation": 5, "gpu_pcie_link_width": 16, "gpu_pcie_replays": 3,
		"gpu_pcie_transmit_bytes_per_second": 1e6, "gpu_pcie_receive_bytes_per_second": 2e6,
		"gpu_ecc_corrected": 1, "gpu_ecc_uncorrected": 3, "gpu_ecc_aggregate_corrected": 5, "gpu_ecc_aggregate_uncorrected": 7,
		"gpu_remapped_rows_correctable": 1, "gpu_remapped_rows_uncorrectable": 2, "gpu_remapped_rows_pending": 1, "gpu_remapped_rows_failed": 0,
	} {
		if got := value(t, v.gpu(0), column); got != want {
			t.Errorf("%s = %v, want %v", column, got, want)
		}
	}
	st := r.src.Status()
	calls := st.ByCall()
	if len(calls) < 20 {
		t.Errorf("%d calls accounted for", len(calls))
	}
	for _, c := range calls {
		if c.Count < 8 || c.Total <= 0 || c.Max <= 0 || c.Max > c.Total {
			t.Errorf("account of %s: %+v", c.Name, c)
		}
	}
	lists := st.Processes
	if len(lists) != 8 || len(lists[1].Processes) != 2 {
		t.Fatalf("processes %+v", lists)
	}
	if p := lists[1].Processes[0]; p.PID != 1010 || p.MemoryBytes != 1<<30 || p.Util != 0.4 {
		t.Errorf("process %+v", p)
	}
	if p := lists[1].Processes[1]; p.MemoryBytes != -1 || p.Util != -1 {
		t.Errorf("what the driver does not say must be -1: %+v", p)
	}
	unsupported := ""
	for _, l := range v.gpu(0).Entity.Info {
		if l.Name == "unsupported" {
			unsupported = l.Value
		}
	}
	if unsupported != "gpu_fan_util" {
		t.Errorf("label unsupported = %q, want gpu_fan_util", unsupported)
	}
}

func TestDescs(t *testing.T) {
	r := newRig(t, "/nowhere").start()
	if err := metric.Check(r.src.Descs()); err != nil {
		t.Error(err)
	}
}

// TestNoLibrary: a node without GPUs says "none", once, and has no utilization.
func TestNoLibrary(t *testing.T) {
	r := newRig(t, "").start()
	for range 3 {
		v := r.until("no GPU is found", func(v view) bool { return v.node() == "none" })
		if _, err := r.tick(); err != nil {
			t.Errorf("a node without GPUs is no error: %v", err)
		}
		absent(t, v.of(metric.Node, "n1"), "gpu_util")
		if n := value(t, v.of(metric.Node, "n1"), "gpu_count"); n != 0 {
			t.Errorf("gpu_count %v", n)
		}
	}
	if r.log.count("no GPU driver on this node") != 1 || r.src.Status().ReadersStarted != 0 {
		t.Errorf("%d readers; log:\n%s", r.src.Status().ReadersStarted, r.log)
	}
}

// TestNamedLibraryIsNotThere: who names a library has GPUs.
func TestNamedLibraryIsNotThere(t *testing.T) {
	r := newRig(t, "/typo/libnvidia-ml.so.1").start()
	r.until("the node's GPUs have failed", func(v view) bool { return v.node() == "failed" })
	if _, err := r.tick(); err == nil || !strings.Contains(err.Error(), "--gpu.library=/typo/libnvidia-ml.so.1: there is no such file") {
		t.Errorf("error %v", err)
	}
}

func TestReleaseAndResume(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	pid := r.src.Status().ReaderPID
	r.until("processes are known", func(view) bool { return len(r.src.Status().Processes) > 0 })
	r.src.Release()
	if n := len(r.src.Status().Processes); n != 0 {
		t.Errorf("%d lists of processes that nobody reads any more", n)
	}
	if alive(pid) {
		t.Errorf("reader %d still holds its handles", pid)
	}
	v, err := r.tick()
	if err != nil || v.node() != "released" || v.states() != strings.ReplaceAll(allOK, "ok", "released") {
		t.Errorf("released: node %s, devices %s, error %v", v.node(), v.states(), err)
	}
	absent(t, v.of(metric.Node, "n1"), "gpu_util")
	absent(t, v.gpu(0), "gpu_util", "gpu_busy_seconds", "gpu_memory_used_bytes")
	r.src.Release() // twice is once
	r.set("count 5")
	r.src.Resume()
	r.until("the five that are left are taken again", func(v view) bool { return v.node() == "ok" && v.states() == "ok ok ok ok ok" })
}

// TestReleaseWhileOpening: a reader that is stuck in the driver's
// initialization holds handles too.
func TestReleaseWhileOpening(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.opt.Wait = 10 * time.Millisecond
	r.set("hanginit")
	r.start()
	r.until("a reader is being started", func(view) bool { return r.src.Status().ReadersStarted == 1 })
	r.src.Release()
	if left := readers(t); len(left) != 0 {
		t.Errorf("readers %v are left", left)
	}
	if v, err := r.tick(); v.node() != "released" || err != nil {
		t.Errorf("node %s, error %v", v.node(), err)
	}
	r.set("count 8")
	r.src.Resume()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
}

// readers lists the living reader processes of this one.
func readers(t *testing.T) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		pid, rest, _ := strings.Cut(string(b), " ")
		f := strings.Fields(rest[strings.LastIndex(rest, ")")+1:])
		if len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) && f[0] != "Z" {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, n)
		}
	}
	return found
}

func TestOptionsThatCannotWork(t *testing.T) {
	r := newRig(t, "")
	r.opt.Node = nil
	r.start()
	if _, err := r.tick(); err == nil || !strings.Contains(err.Error(), "Node") {
		t.Errorf("error %v", err)
	}
	r.src.Release()
	r.src.Resume()
	_ = r.src.Status()
}

func TestCloseTwiceAndReadAfter(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	pid := r.src.Status().ReaderPID
	for range 2 {
		if err := r.src.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if alive(pid) {
		t.Errorf("reader %d outlives its source", pid)
	}
	if v, _ := r.tick(); v.node() == "ok" {
		t.Error("a closed source must not read ok")
	}
}
