package reader

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// bench is a backend made of functions.
type bench struct {
	opening chan error // Open takes its answer from here; nil: at once
	mu      sync.Mutex // the driver of the test changes devices
	devices []device.Device
	events  chan device.XID
}

func (b *bench) Open() (device.Library, error) {
	lib := device.Library{Backend: "bench"}
	if b.opening != nil {
		return lib, <-b.opening
	}
	return lib, nil
}

func (b *bench) Devices() (device.Inventory, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return device.Inventory{Devices: b.devices, Count: len(b.devices)}, nil
}

func (b *bench) Events(_ []device.Device, timeout time.Duration) ([]device.XID, bool) {
	if b.events == nil {
		return nil, false
	}
	select {
	case x := <-b.events:
		return []device.XID{x}, true
	case <-time.After(timeout):
		return nil, true
	}
}

// gadget is a device whose calls take time.
type gadget struct {
	uuid  string
	calls []device.Call
	mu    sync.Mutex
	parts []device.Device
}

func (g *gadget) Info() device.Info    { return device.Info{UUID: g.uuid} }
func (g *gadget) Calls() []device.Call { return g.calls }

func (g *gadget) Parts() []device.Device {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.parts
}

// takes is a call that needs d and answers s.
func takes(name string, t device.Tier, d time.Duration, s device.Status) device.Call {
	return device.Call{Name: name, Tier: t, Vital: t == device.Fast, Columns: []string{name}, Read: func(r *device.Reading) device.Status {
		pass(d)
		if s == device.OK {
			r.Float(device.Util, 0.5)
			r.Float(device.BusyDelta, 1)
		}
		return s
	}}
}

// pass lets time go by in a synctest bubble, where that takes none.
func pass(d time.Duration) { <-time.After(d) }

// agent drives a served reader as the agent does.
type agent struct {
	t   *testing.T
	in  *io.PipeWriter
	out *wire.Reader
	req *wire.Writer
	seq uint64
	end chan error

	pace uint16

	inventory *wire.Inventory
	hello     *wire.Hello
	detail    *wire.Detail
}

func serve(t *testing.T, b ...device.Backend) *agent {
	in, agentOut := io.Pipe()
	agentIn, out := io.Pipe()
	a := &agent{t: t, in: agentOut, out: wire.NewReader(agentIn), req: wire.NewWriter(agentOut), pace: 1, end: make(chan error, 1)}
	go func() {
		a.end <- Serve(Config{Backends: b, Medium: 5 * time.Second, Slow: 30 * time.Second, Rescan: 10 * time.Second, DetailEvery: time.Second, LongestStep: time.Minute}, in, out)
		out.Close()
	}()
	return a
}

func (a *agent) tick(deadline time.Duration) *wire.Snapshot {
	a.t.Helper()
	a.seq++
	if err := a.req.Write(&wire.Tick{Seq: a.seq, Deadline: deadline, Pace: a.pace}); err != nil {
		a.t.Fatal(err)
	}
	for {
		m, err := a.out.Read()
		if err != nil {
			a.t.Fatal(err)
		}
		switch m := m.(type) {
		case *wire.Hello:
			a.hello = m
		case *wire.Inventory:
			a.inventory = m
		case *wire.Detail:
			a.detail = m
		case *wire.Snapshot:
			if m.Seq != a.seq {
				a.t.Fatalf("answer to tick %d, asked was %d", m.Seq, a.seq)
			}
			return m
		}
	}
}

func (a *agent) leave() {
	a.t.Helper()
	a.in.Close()
	if err := <-a.end; err != nil {
		a.t.Errorf("served: %v", err)
	}
	pass(eventWait) // the wait for events notices
}

func states(s *wire.Snapshot) string {
	var all []string
	for _, d := range s.Devices {
		all = append(all, d.State.String())
	}
	return strings.Join(all, " ")
}

const deadline = 300 * time.Millisecond

// TestAStuckCallCostsOneDeadlineOnce: the first tick with a stuck call waits
// out its deadline; those after it do not wait; the call's end brings the
// device back, with what it added up meanwhile.
func TestAStuckCallCostsOneDeadlineOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := &gadget{uuid: "stuck", calls: []device.Call{{Name: "stuckCall", Vital: true, Read: func(r *device.Reading) device.Status {
			<-release
			r.Float(device.BusyDelta, 7)
			return device.OK
		}}}}
		well := &gadget{uuid: "well", calls: []device.Call{takes("a", device.Fast, time.Millisecond, device.OK)}}
		a := serve(t, &bench{devices: []device.Device{stuck, well}})
		start := time.Now()
		if s := a.tick(deadline); states(s) != "hung ok" || len(s.Devices[1].Values) == 0 {
			t.Errorf("first tick: %s", states(s))
		}
		if d := time.Since(start); d != deadline {
			t.Errorf("the first tick took %v, the deadline is %v", d, deadline)
		}
		for range 1000 {
			start = time.Now()
			s := a.tick(deadline)
			if states(s) != "hung ok" || len(s.Devices[1].Values) == 0 {
				t.Fatalf("%s", states(s))
			}
			if d := time.Since(start); d != time.Millisecond {
				t.Fatalf("a tick took %v, the healthy device takes 1ms", d)
			}
			if !strings.Contains(s.Devices[0].Why, "stuckCall has not returned for") {
				t.Fatalf("why: %q", s.Devices[0].Why)
			}
		}
		close(release)
		synctest.Wait()
		s := a.tick(deadline)
		if states(s) != "ok ok" {
			t.Errorf("after its end: %s", states(s))
		}
		for _, v := range s.Devices[0].Values {
			if v.Q == device.BusyDelta && v.Float() != 14 {
				t.Errorf("sum %v, want what both calls added: 14", v.Float())
			}
		}
		a.leave()
	})
}

// TestNoneWaitsBehindTheStuckForEver: a deadline that is over before there was time to
// find out who is stuck leaves nobody without a worker.
func TestNoneWaitsBehindTheStuckForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := &bench{}
		for i := range 3 {
			b.devices = append(b.devices, &gadget{uuid: fmt.Sprint("stuck", i), calls: []device.Call{{Name: "stuckCall", Vital: true, Read: func(*device.Reading) device.Status {
				<-release
				return device.OK
			}}}})
		}
		b.devices = append(b.devices, &gadget{uuid: "well", calls: []device.Call{takes("a", device.Fast, time.Microsecond, device.OK)}})
		a := serve(t, b)
		for range 3 {
			a.tick(2 * time.Millisecond) // less than a beat
			pass(time.Second)
		}
		if s := a.tick(2 * time.Millisecond); states(s) != "hung hung hung ok" {
			t.Errorf("%s", states(s))
		}
		close(release)
		synctest.Wait()
		a.leave()
	})
}

// TestDearCallsLeaveTheTickAlone: they run between ticks, and the tick waits
// for the one under way at most.
func TestDearCallsLeaveTheTickAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gadget{uuid: "g", calls: []device.Call{
			takes("fast", device.Fast, time.Millisecond, device.OK),
			takes("slow1", device.Slow, 20*time.Millisecond, device.OK),
			takes("slow2", device.Slow, 20*time.Millisecond, device.OK),
		}}
		a := serve(t, &bench{devices: []device.Device{g}})
		start := time.Now()
		a.tick(deadline)
		if d := time.Since(start); d != time.Millisecond {
			t.Errorf("the first tick took %v, its fast call takes 1ms", d)
		}
		synctest.Wait() // slow1 is under way, and no time has passed
		start = time.Now()
		a.tick(deadline)
		if d := time.Since(start); d != 21*time.Millisecond {
			t.Errorf("the second tick took %v, want the end of one dear call and its own", d)
		}
		pass(time.Second)
		for range 10 {
			a.tick(deadline)
			pass(time.Second)
		}
		counts := map[string]uint64{}
		for _, c := range a.detail.Calls {
			counts[c.Name] = c.Count
		}
		if counts["slow1"] != 1 || counts["slow2"] != 1 || counts["fast"] < 10 {
			t.Errorf("calls %v: the slow ones are due every 30 s", counts)
		}
		a.leave()
	})
}

// TestDearValuesAreNotRepeated when their call fails, nor from before a loss of
// the device.
func TestDearValuesAreNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow, vital device.Status
		g := &gadget{uuid: "g", calls: []device.Call{
			{Name: "vital", Vital: true, Read: func(*device.Reading) device.Status { return vital }},
			{Name: "slow", Tier: device.Slow, Read: func(r *device.Reading) device.Status {
				if slow == device.OK {
					r.Float(device.Fan, 0.42)
					r.Procs = []device.Process{{PID: 7}}
				}
				return slow
			}},
		}}
		a := serve(t, &bench{devices: []device.Device{g}})
		shown := func(seconds int) (fan, process bool) {
			var s *wire.Snapshot
			for range seconds {
				s = a.tick(deadline)
				pass(time.Second)
			}
			return slices.ContainsFunc(s.Devices[0].Values, func(v device.Value) bool { return v.Q == device.Fan }), len(a.detail.Processes) > 0
		}
		expect := func(after string, seconds int, want bool) {
			t.Helper()
			if fan, process := shown(seconds); fan != want || process != want {
				t.Errorf("%s: fan %v, process %v, want %v", after, fan, process, want)
			}
		}
		expect("a first answer", 20, true)
		slow = device.Failed
		expect("a failed call", 40, false)
		slow = device.OK
		expect("an answer again", 40, true)
		vital = device.Lost
		shown(3)
		vital = device.OK
		expect("the device was lost", 3, false)
		expect("and asked again", 40, true)
		a.leave()
	})
}

// TestStates: what calls answer, and what that says of the device.
func TestStates(t *testing.T) {
	for name, c := range map[string]struct {
		calls []device.Call
		state string
	}{
		"all well":                {[]device.Call{takes("a", device.Fast, 0, device.OK)}, "ok"},
		"lost":                    {[]device.Call{takes("a", device.Fast, 0, device.Lost)}, "lost"},
		"reset":                   {[]device.Call{takes("a", device.Fast, 0, device.ResetRequired)}, "resetting"},
		"one vital call answers":  {[]device.Call{takes("a", device.Fast, 0, device.NotSupported), takes("b", device.Fast, 0, device.OK)}, "ok"},
		"no vital call supported": {[]device.Call{takes("a", device.Fast, 0, device.NotSupported), takes("b", device.Fast, 0, device.FunctionMissing)}, "unsupported"},
		"a dear call fails":       {[]device.Call{takes("a", device.Fast, 0, device.OK), takes("b", device.Slow, 0, device.Lost)}, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := serve(t, &bench{devices: []device.Device{&gadget{uuid: "g", calls: c.calls}}})
				for range 3 {
					if s := a.tick(deadline); states(s) != c.state {
						t.Errorf("%s, want %s", states(s), c.state)
					}
					pass(time.Second)
				}
				a.leave()
			})
		})
	}
}

// TestUnsupportedIsAskedOnceAndNamed: a permanent answer ends a call.
func TestUnsupportedIsAskedOnceAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gadget{uuid: "g", calls: []device.Call{takes("gpu_fan_util", device.Fast, 0, device.NotSupported), takes("b", device.Fast, 0, device.OK)}}
		a := serve(t, &bench{devices: []device.Device{g}})
		for range 5 {
			a.tick(deadline)
			pass(time.Second)
		}
		if u := a.inventory.Devices[0].Unsupported; len(u) != 1 || u[0] != "gpu_fan_util" {
			t.Errorf("unsupported %v", u)
		}
		if n := a.detail.Calls[0].Count; n != 1 {
			t.Errorf("asked %d times", n)
		}
		a.leave()
	})
}

// TestOpeningIsWaitedFor: within the tick's deadline, and told when it fails.
func TestOpeningIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{opening: make(chan error, 1), devices: []device.Device{&gadget{uuid: "g", calls: []device.Call{takes("a", device.Fast, 0, device.OK)}}}}
		other := &bench{opening: make(chan error, 1)}
		a := serve(t, b, other)
		if s := a.tick(deadline); len(s.Devices) != 0 || a.hello.Ready {
			t.Errorf("%v before anything is open", s)
		}
		b.opening <- nil
		other.opening <- &device.Error{Call: "nvmlInit", Status: device.DriverNotLoaded, Code: 9}
		if s := a.tick(deadline); states(s) != "ok" || !a.hello.Ready {
			t.Errorf("%s, ready %v", states(s), a.hello.Ready)
		}
		if f := a.hello.Failures; len(f) != 1 || f[0].Status != device.DriverNotLoaded || !strings.Contains(f[0].Message, "code 9") {
			t.Errorf("failures %+v", f)
		}
		a.leave()
	})
}

// TestEventsAreCounted: each once, on its GPU, and in total when it is nobody's.
func TestEventsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gadget{uuid: "g", calls: []device.Call{takes("a", device.Fast, 0, device.OK)}}
		b := &bench{devices: []device.Device{g}, events: make(chan device.XID)}
		a := serve(t, b)
		a.tick(deadline)
		for _, x := range []device.XID{{UUID: "g", Code: 31}, {UUID: "g", Code: 79, Time: time.Unix(5, 0)}, {Code: 13}} {
			b.events <- x
		}
		synctest.Wait()
		got := map[device.Quantity]float64{}
		for _, v := range a.tick(deadline).Devices[0].Values {
			got[v.Q] = v.Float()
		}
		if got[device.XIDDelta] != 2 || got[device.XIDCode] != 79 || got[device.XIDTime] != 5 {
			t.Errorf("%v", got)
		}
		if p := a.inventory.Problems; len(p) != 1 || !strings.Contains(p[0], "1 critical errors") {
			t.Errorf("problems %v", p)
		}
		for _, v := range a.tick(deadline).Devices[0].Values {
			if v.Q == device.XIDDelta {
				t.Error("told twice")
			}
		}
		a.leave()
	})
}

// TestPartsFollow: instances come and go with their GPU.
func TestPartsFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		part := func(n int) device.Device {
			return &gadget{uuid: fmt.Sprint("part", n), calls: []device.Call{takes("a", device.Fast, 0, device.OK)}}
		}
		g := &gadget{uuid: "g", calls: []device.Call{takes("a", device.Fast, 0, device.OK)}, parts: []device.Device{part(1), part(2)}}
		b := &bench{devices: []device.Device{g}}
		a := serve(t, b)
		if s := a.tick(deadline); states(s) != "ok ok ok" {
			t.Errorf("%s", states(s))
		}
		g.mu.Lock()
		g.parts = g.parts[:1]
		g.mu.Unlock()
		pass(11 * time.Second)
		a.tick(deadline)
		synctest.Wait()
		if s := a.tick(deadline); states(s) != "ok ok" || len(a.inventory.Devices) != 2 {
			t.Errorf("%s, listed %d", states(s), len(a.inventory.Devices))
		}
		b.mu.Lock()
		b.devices = nil
		b.mu.Unlock()
		pass(11 * time.Second)
		a.tick(deadline)
		if s := a.tick(deadline); states(s) != "lost lost" {
			t.Errorf("a GPU that is gone: %s", states(s))
		}
		a.leave()
	})
}

func TestServeRefusesNonsense(t *testing.T) {
	for name, c := range map[string]struct{ bytes, says string }{
		"garbage":          {"garbage and more of it", "frame length"},
		"the wrong end":    {string(frame(t, &wire.Hello{})), "the reader's to send"},
		"half a frame":     {string(frame(t, &wire.Tick{Seq: 1, Pace: 1}))[:9], "unexpected EOF"},
		"nothing but ends": {"", ""},
	} {
		err := Serve(Config{Rescan: time.Hour}, strings.NewReader(c.bytes), io.Discard)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := Serve(Config{Rescan: time.Hour}, strings.NewReader(string(frame(t, &wire.Tick{Seq: 1, Pace: 1}))), refusing{})
	if err == nil || !strings.Contains(err.Error(), "answer the agent") {
		t.Errorf("%v", err)
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("closed") }

func frame(t *testing.T, m wire.Message) []byte {
	t.Helper()
	var b strings.Builder
	if err := wire.NewWriter(&b).Write(m); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}
