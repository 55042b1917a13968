//go:build cgo

package gpu_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// others asserts that every GPU but one was read at this tick.
func others(t *testing.T, v view, not int) {
	t.Helper()
	for i := range 8 {
		if i == not {
			continue
		}
		if _, ok := v.gpu(i).Get("gpu_util"); !ok {
			t.Fatalf("gpu %d was not read at this tick: %s", i, v)
		}
	}
}

// TestOneBadDevice: whatever one GPU does, the seven others keep every tick,
// the node says degraded, and the GPU is back when its trouble ends.
func TestOneBadDevice(t *testing.T) {
	library := fakeLibrary(t)
	for _, c := range []struct{ name, trouble, state string }{
		{"hangs", "hang 3", "hung"},
		{"is lost", "error 3 15", "lost"},
		{"wants a reset", "error 3 16", "resetting"},
		{"is being reset", "error 3 19", "resetting"},
		{"fails", "error 3 999", "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, library).start()
			r.until("all is well", func(v view) bool { return v.states() == allOK })
			r.set("count 8", c.trouble)
			r.until("the trouble is seen", func(v view) bool {
				others(t, v, 3)
				return v.states() == strings.Replace(allOK, "ok ok ok ok", "ok ok ok "+c.state, 1)
			})
			for range 50 {
				v, err := r.tick()
				if err != nil {
					t.Fatalf("one bad device must not fail the read: %v", err)
				}
				others(t, v, 3)
				absent(t, v.gpu(3), "gpu_util", "gpu_memory_used_bytes", "gpu_busy_seconds", "gpu_power_watts")
				if v.node() != "degraded" || value(t, v.of(metric.Node, "n1"), "gpu_count") != 8 {
					t.Fatalf("node %s", v.node())
				}
			}
			if d := r.src.Status().Devices[3]; d.State.String() != c.state || d.Why == "" {
				t.Errorf("status says %s because %q", d.State, d.Why)
			}
			r.set("count 8")
			r.until("it is back", func(v view) bool { others(t, v, 3); return v.states() == allOK })
			if n := r.log.count("to=" + c.state); n != 1 {
				t.Errorf("%d lines say that the device became %s", n, c.state)
			}
		})
	}
}

// TestAnotherReaderTakesOver: a GPU that was lost stays lost to the process
// that had it. Another reader is tried beside the serving one, and takes its
// place once the GPU is back; the other GPUs miss no tick.
func TestAnotherReaderTakesOver(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	pid := r.src.Status().ReaderPID
	r.set("count 8", "sticky 3 15")
	r.until("it is lost", func(v view) bool { others(t, v, 3); return v.node() == "degraded" })
	r.until("other readers were tried in vain", func(v view) bool {
		others(t, v, 3)
		return r.src.Status().ReadersStarted > 2
	})
	if now := r.src.Status().ReaderPID; now != pid {
		t.Errorf("reader %d gave way to %d, which knows no better", pid, now)
	}
	r.set("count 8")
	r.until("another reader serves", func(v view) bool {
		others(t, v, 3)
		return v.states() == allOK
	})
	if now := r.src.Status().ReaderPID; now == pid {
		t.Error("the same reader cannot have it back")
	}
	r.until("the old reader is gone", func(view) bool { return !alive(pid) && r.src.Status().ReadersStuck == 0 })
	if n := r.log.count("another gpu reader took over"); n != 1 {
		t.Errorf("%d lines say so", n)
	}
}

// TestHangThatEnds: a call that returns after three seconds. The other GPUs
// are read meanwhile at each of the ticks, which a ticker drives here.
func TestHangThatEnds(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.opt.Repair = time.Hour // no second reader: the call is to come back in this one
	r.start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	pid := r.src.Status().ReaderPID
	r.set("count 8", "stall 5 3000")
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	hung := 0
	for range ticks.C {
		v, err := r.tick()
		if err != nil {
			t.Fatal(err)
		}
		others(t, v, 5)
		if v.states() != allOK {
			hung++
		} else if hung > 0 {
			break
		}
	}
	if hung < 20 {
		t.Errorf("hung at %d ticks; a hang of 3 s is to be seen at many", hung)
	}
	if now := r.src.Status().ReaderPID; now != pid {
		t.Errorf("reader %d was replaced by %d, for a call that came back", pid, now)
	}
}

// TestAllDevicesHang: the node has failed, and says so within its deadline.
func TestAllDevicesHang(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	var script []string
	for i := range 8 {
		script = append(script, fmt.Sprint("hang ", i))
	}
	r.set(script...)
	v := r.until("all hang", func(v view) bool { return v.states() == strings.ReplaceAll(allOK, "ok", "hung") })
	if v.node() != "failed" {
		t.Errorf("node %s", v.node())
	}
	absent(t, v.of(metric.Node, "n1"), "gpu_util")
	r.set("count 8")
	r.until("they are back", func(v view) bool { return v.states() == allOK && v.node() == "ok" })
}

func TestGarbageIsRejectedAndCounted(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 8", "garbage 2", "util 3 50")
	r.start()
	v := r.until("garbage is rejected", func(v view) bool {
		p, _ := v.gpu(2).Get("gpu_rejected_values")
		return p.Int() >= 8
	})
	others(t, v, 2)
	absent(t, v.gpu(2), "gpu_util", "gpu_util_max", "gpu_memory_used_bytes", "gpu_memory_util", "gpu_power_watts", "gpu_temperature_celsius")
	if r.batch.Rejected() == 0 {
		t.Error("the batch does not count the rejections")
	}
	if n := value(t, v.gpu(3), "gpu_rejected_values"); n != 0 {
		t.Errorf("another GPU has %v rejections", n)
	}
	if u := value(t, v.of(metric.Node, "n1"), "gpu_util"); u < 0.5/7-1e-9 || u > 0.5/7+1e-9 {
		t.Errorf("node's mean %v, want 0.5/7: the GPU without a value does not count", u)
	}
}

// TestBurstIsSeen: the driver's samples between two ticks enter mean, minimum
// and maximum, and the integral.
func TestBurstIsSeen(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 8", "util 0 0", "samples 0 0 0 100 0 0 0")
	r.start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	before := -1.0
	for range 10 {
		v, _ := r.tick()
		g := v.gpu(0)
		if n := value(t, g, "gpu_util_samples"); n != 6 {
			t.Fatalf("%v samples entered, want 6", n)
		}
		if lo, hi := value(t, g, "gpu_util_min"), value(t, g, "gpu_util_max"); lo != 0 || hi != 1 {
			t.Errorf("minimum %v and maximum %v, want 0 and 1", lo, hi)
		}
		if u := value(t, g, "gpu_util"); u < 0.1 || u > 0.25 {
			t.Errorf("mean %v, want about 1/6: the driver's own average of 0 does not know the burst", u)
		}
		if w := value(t, g, "gpu_power_max_watts"); w != 700 {
			t.Errorf("peak of power %v W, want 700", w)
		}
		if u := value(t, g, "gpu_memory_controller_util"); u < 0.05 || u > 0.125 {
			t.Errorf("memory controller %v, want about 1/12", u)
		}
		busy := value(t, g, "gpu_busy_seconds")
		if busy <= before {
			t.Errorf("busy seconds %v do not grow from %v", busy, before)
		}
		before = busy
	}
	r.set("count 8", "util 0 30", "samples 0 20 999 40")
	v := r.until("an impossible sample is left out", func(v view) bool {
		p, _ := v.gpu(0).Get("gpu_util_samples")
		return p.Int() == 2
	})
	if lo, hi := value(t, v.gpu(0), "gpu_util_min"), value(t, v.gpu(0), "gpu_util_max"); lo != 0.2 || hi != 0.4 {
		t.Errorf("minimum %v and maximum %v", lo, hi)
	}
	r.set("count 8", "util 0 30")
	v = r.until("the buffer runs dry", func(v view) bool {
		p, ok := v.gpu(0).Get("gpu_util_samples")
		return ok && p.Int() == 0
	})
	if u := value(t, v.gpu(0), "gpu_util"); u != 0.3 {
		t.Errorf("utilization %v, want the driver's average 0.3", u)
	}
}

// TestThrottling: by cause, and a slowdown by hardware that comes with its cause
// has that one only.
func TestThrottling(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 4", "reasons 0 0x48", "reasons 1 0x88", "reasons 2 0x8", "reasons 3 0x1")
	grew := func(v view, i int) string {
		var all []string
		for _, cause := range []string{"power", "thermal", "hardware", "sync"} {
			if p, ok := v.gpu(i).Get("gpu_throttled_" + cause + "_seconds"); ok && p.Float() > 0 {
				all = append(all, cause)
			}
		}
		return strings.Join(all, " ")
	}
	r.start()
	r.until("the first is throttled", func(v view) bool { return grew(v, 0) != "" })
	v := r.until("all is well", func(v view) bool { return v.states() == "ok ok ok ok" })
	for i, want := range []string{"thermal", "power", "hardware", ""} {
		if got := grew(v, i); got != want {
			t.Errorf("GPU %d: throttled by %q, want %q", i, got, want)
		}
	}
}

func TestXIDEvents(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	v := r.until("all is well", func(v view) bool { return v.states() == allOK })
	if n := value(t, v.gpu(4), "gpu_xid_events"); n != 0 {
		t.Fatalf("%v events before any", n)
	}
	r.set("count 8", "xid 4 79 2", "error 4 15") // fallen off the bus: the event and the loss together
	v = r.until("two events are counted", func(v view) bool {
		p, _ := v.gpu(4).Get("gpu_xid_events")
		return p.Int() == 2
	})
	if code := value(t, v.gpu(4), "gpu_xid_last_code"); code != 79 {
		t.Errorf("code %v", code)
	}
	if at := value(t, v.gpu(4), "gpu_xid_last_time_seconds"); at < 1.7e9 {
		t.Errorf("time %v", at)
	}
	if n := value(t, v.gpu(5), "gpu_xid_events"); n != 0 {
		t.Errorf("another GPU has %v events", n)
	}
	if r.log.count("xid=79") == 0 {
		t.Error("the log does not speak of it")
	}
}

func TestMIGInstances(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 2", "mig 1 3", "util 1 60")
	r.start()
	v := r.until("instances are read", func(v view) bool {
		_, ok := v.of(metric.MIG, "MIG-00000001-fake-0002").Get("gpu_sm_active")
		return ok
	})
	part := v.of(metric.MIG, "MIG-00000001-fake-0002")
	if total := value(t, part, "gpu_memory_total_bytes"); total != 10<<30 {
		t.Errorf("memory of the instance %v", total)
	}
	if sm := value(t, part, "gpu_sm_active"); sm != 0.3 {
		t.Errorf("activity of the instance %v", sm)
	}
	info := map[string]string{}
	for _, l := range part.Entity.Info {
		info[l.Name] = l.Value
	}
	if info["gpu_uuid"] != "GPU-00000001-fake" || info["profile"] != "1g.10gb" || info["gpu_instance"] != "9" {
		t.Errorf("labels %v", info)
	}
	whole := v.gpu(1)
	absent(t, whole, "gpu_util", "gpu_busy_seconds") // the driver has none for a GPU that is cut up
	if p, _ := whole.Get("gpu_state"); p.StateName() != "ok" {
		t.Errorf("the GPU is %s", p.StateName())
	}
	if n := value(t, v.of(metric.Node, "n1"), "gpu_count"); n != 2 {
		t.Errorf("%v GPUs; instances are none", n)
	}
	r.set("count 2", "mig 1 1")
	r.until("two instances are gone", func(v view) bool {
		return len(v.of(metric.MIG, "MIG-00000001-fake-0002").Points) == 0 && len(v.of(metric.MIG, "MIG-00000001-fake-0000").Points) > 0
	})
}

func TestDeviceAddedAndRemoved(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 7")
	r.start()
	r.until("seven", func(v view) bool { return v.node() == "ok" && v.states() == "ok ok ok ok ok ok ok" })
	r.set("count 8")
	r.until("eight", func(v view) bool { return v.node() == "ok" && v.states() == allOK })
	r.set("count 7")
	v := r.until("the eighth is lost", func(v view) bool { return v.states() == "ok ok ok ok ok ok ok lost" })
	if v.node() != "degraded" {
		t.Errorf("node %s", v.node())
	}
	r.set("count 8")
	r.until("the eighth is back", func(v view) bool { return v.node() == "ok" && v.states() == allOK })
}
