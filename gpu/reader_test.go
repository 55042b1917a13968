//go:build cgo

package gpu_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// alive reports whether a process exists and is more than an exit status
// waiting to be read.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

// TestReaderCrashes: the library takes its process with it. The agent says
// why, starts another, and is well again when the library is.
func TestReaderCrashes(t *testing.T) {
	library := fakeLibrary(t)
	for _, c := range []struct{ how, says string }{
		{"segv", "SIGSEGV"},
		{"exit127", "exit status 127"},
		{"abort", "SIGABRT"},
	} {
		t.Run(c.how, func(t *testing.T) {
			r := newRig(t, library).start()
			r.until("all is well", func(v view) bool { return v.states() == allOK })
			active := func(v view) bool {
				_, ok := v.gpu(0).Get("gpu_sm_active_seconds")
				return ok && v.states() == allOK
			}
			before := value(t, r.until("a second tick", active).gpu(0), "gpu_sm_active_seconds")
			r.set("count 8", "crash 6 "+c.how)
			r.until("the crash is seen", func(v view) bool { return v.node() == "failed" })
			_, err := r.tick()
			if err == nil || !strings.Contains(err.Error(), c.says) && !strings.Contains(r.log.String(), c.says) {
				t.Errorf("the reason %q is not told: error %v", c.says, err)
			}
			for range 200 { // the host's ticks go on whatever the library does
				r.tick()
			}
			st := r.src.Status()
			if st.ReadersStuck > 3 || st.ReadersStarted > 60 {
				t.Errorf("%d readers started, %d left behind", st.ReadersStarted, st.ReadersStuck)
			}
			r.set("count 8", "util 0 50")
			v := r.until("recovery", active)
			if now := value(t, v.gpu(0), "gpu_sm_active_seconds"); now < before {
				t.Errorf("a counter fell from %v to %v with the reader", before, now)
			}
		})
	}
}

// TestCulpritIsLeftOut: when calls to one GPU end the process again and again,
// that GPU is left out and the others are read; it is back when another
// reader has seen it well.
func TestCulpritIsLeftOut(t *testing.T) {
	library := fakeLibrary(t)
	for _, how := range []string{"segv", "exit127"} {
		t.Run(how, func(t *testing.T) {
			r := newRig(t, library).start()
			r.until("all is well", func(v view) bool { return v.states() == allOK })
			r.set("count 8", "crash 6 "+how)
			r.until("the others are read again", func(v view) bool { return v.states() == withoutSeventh })
			for range 100 {
				v, err := r.tick()
				if err != nil || v.node() != "degraded" {
					t.Fatalf("node %s, error %v", v.node(), err)
				}
				others(t, v, 6)
				absent(t, v.gpu(6), "gpu_util")
			}
			if d := r.src.Status().Devices[6]; !strings.Contains(d.Why, "left out") {
				t.Errorf("why: %q", d.Why)
			}
			r.set("count 8")
			r.until("it is back", func(v view) bool { others(t, v, 6); return v.states() == allOK })
		})
	}
}

const withoutSeventh = "ok ok ok ok ok ok failed ok"

// TestCulpritFromTheStart: no reader gets as far as telling which GPUs there are.
func TestCulpritFromTheStart(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 8", "crash 6 segv")
	r.start().until("the others are read", func(v view) bool { return v.states() == withoutSeventh })
	r.set("count 8")
	r.until("it is back", func(v view) bool { return v.states() == allOK })
}

// TestCulpritAfterResume: a reader that was told to leave says nothing about
// those that crash after it.
func TestCulpritAfterResume(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	r.src.Release()
	r.src.Resume()
	r.until("all is well again", func(v view) bool { return v.states() == allOK })
	r.set("count 8", "crash 6 segv")
	r.until("the others are read", func(v view) bool { return v.states() == withoutSeventh })
}

// TestReaderIsKilledOrStopped: from outside, while it serves.
func TestReaderIsKilledOrStopped(t *testing.T) {
	library := fakeLibrary(t)
	for _, c := range []struct {
		sig   syscall.Signal
		state string
	}{
		{syscall.SIGKILL, "failed"},
		{syscall.SIGSTOP, "hung"},
	} {
		t.Run(c.sig.String(), func(t *testing.T) {
			r := newRig(t, library)
			// Time to look at the state between.
			r.opt.Restart, r.opt.Repair = time.Hour, time.Hour
			r.start()
			r.until("all is well", func(v view) bool { return v.states() == allOK })
			pid := r.src.Status().ReaderPID
			if err := syscall.Kill(pid, c.sig); err != nil {
				t.Fatal(err)
			}
			v := r.until("the loss is seen", func(v view) bool { return v.node() == "failed" })
			if want := strings.ReplaceAll(allOK, "ok", c.state); v.states() != want {
				t.Errorf("states %s, want %s", v.states(), want)
			}
			r.until("the old reader is gone", func(view) bool { return !alive(pid) })
			r.src.Release()
			r.src.Resume() // does not wait for the pause between readers
			r.until("another serves", func(v view) bool { return v.states() == allOK })
		})
	}
}

// TestSignalsAreTheAgentsToHandle: a terminal's or a service manager's signal
// to the whole group leaves the reader at work for the last sample.
func TestSignalsAreTheAgentsToHandle(t *testing.T) {
	r := newRig(t, fakeLibrary(t)).start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	pid := r.src.Status().ReaderPID
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
		if v, err := r.tick(); err != nil || v.states() != allOK {
			t.Fatalf("after %v: %s, %v", sig, v.states(), err)
		}
	}
	if now := r.src.Status().ReaderPID; now != pid {
		t.Errorf("reader %d became %d", pid, now)
	}
}

// TestNotAReader: programs that do not speak the protocol are an error with a
// reason, and never more than one at a time.
func TestNotAReader(t *testing.T) {
	library := fakeLibrary(t)
	for name, c := range map[string]struct{ executable, says string }{
		"ends at once":  {"/bin/false", "exit status 1"},
		"echoes":        {"testdata/echo.sh", "the agent's to send"},
		"floods":        {"testdata/flood.sh", "frame"},
		"says nothing":  {"testdata/silent.sh", "has not opened the driver within"},
		"is not there":  {"/nonexistent/agent", "no such file"},
		"is no program": {"testdata/fake_nvml.c", "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, library)
			r.opt.Executable, r.opt.Wait = c.executable, 50*time.Millisecond
			r.opt.StartWait = 200 * time.Millisecond
			r.start()
			r.until("failure", func(v view) bool { return v.node() == "failed" })
			if _, err := r.tick(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one with %q", err, c.says)
			}
			if n := r.src.Status().ReadersStuck; n > 1 {
				t.Errorf("%d readers left behind", n)
			}
		})
	}
}

// TestLibraryThatPrints must not break the frames.
func TestLibraryThatPrints(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 8", "print 0")
	r.start()
	for range 20 {
		if v, err := r.tick(); err != nil || v.states() != allOK {
			t.Fatalf("%s: %v", v.states(), err)
		}
	}
}

// TestInitHangs: the driver's initialization does not return. The node is
// starting, then failed; no reader is waited for; it recovers.
func TestInitHangs(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.opt.Wait, r.opt.StartWait = 20*time.Millisecond, 100*time.Millisecond
	r.set("hanginit")
	r.start()
	if v, _ := r.tick(); v.node() != "starting" {
		t.Errorf("node %s", v.node())
	}
	r.until("it has failed", func(v view) bool { return v.node() == "failed" })
	if _, err := r.tick(); err == nil || !strings.Contains(err.Error(), "has not opened the driver within") {
		t.Errorf("error %v", err)
	}
	r.set("count 8")
	r.until("recovery", func(v view) bool { return v.states() == allOK })
}
