// Package reader is the GPU reader: the small child process of the agent in
// which drivers may hang, crash and lose devices.
//
// Data flows from a backend's calls into the members of its lanes, and from
// there, when the agent asks, into one Snapshot. One goroutine serves the
// agent and never calls a driver. A worker makes the calls of a tick, GPU after
// GPU; when one does not return soon, another worker goes on with the rest. One
// goroutine a GPU (lane) makes that GPU's dear calls between ticks; one a
// backend opens it, enumerates, and another waits for its events. Any of them
// may be stuck for ever; there are never more of them than GPUs and backends,
// and the process ends without waiting for them when the agent closes the pipe.
package reader

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nodemeter/collector/timer"
	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// Config is what a reader works with.
type Config struct {
	Backends []device.Backend
	// Medium, Slow: the time between the calls of those tiers, at pace 1.
	Medium, Slow time.Duration
	// Rescan is the time between enumerations.
	Rescan time.Duration
	// LongestStep bounds the time that one reading speaks for, when rates are
	// integrated: after a hang of an hour nobody knows what the hour was like.
	LongestStep time.Duration
	// Avoid are GPUs to leave alone: their calls have ended a reader.
	Avoid []string
	// Marks is where the GPUs being called are noted; the zero value notes nothing.
	Marks wire.Marks
	// Widen is called with true when a call is stuck while others wait, and with
	// false when all GPUs answer again; nil is nothing to do.
	Widen func(wide bool)
	// DetailEvery is the time between Detail messages, at pace 1.
	DetailEvery time.Duration
	// KernelTimer makes deadlines timers of the kernel's: see package timer. Not
	// within testing/synctest.
	KernelTimer bool
}

type engine struct {
	cfg  Config
	quit chan struct{} // closed by leave
	wide bool          // told with Widen; of the goroutine that serves the agent
	wait *timer.Timer  // of the same

	mu       sync.Mutex
	hello    wire.Hello
	opening  int           // backends still being opened or enumerated for the first time
	ready    chan struct{} // closed when opening is 0
	groups   []group       // one a backend
	claimed  int           // marks taken by lanes
	orphans  int           // critical errors of no known device
	newHello bool
	changed  bool // counts, problems or orphans, since the inventory told last
}

// group is what one backend last enumerated.
type group struct {
	lanes    []*lane
	devices  []device.Device
	count    int
	problems []string
}

func newEngine(cfg Config) *engine {
	e := &engine{cfg: cfg, quit: make(chan struct{}), wait: timer.New(cfg.KernelTimer), opening: len(cfg.Backends), ready: make(chan struct{}), groups: make([]group, len(cfg.Backends)), newHello: true, changed: true}
	if e.opening == 0 {
		close(e.ready)
		e.hello.Ready = true
	}
	for i := range cfg.Backends {
		go e.drive(i)
	}
	return e
}

// leave lets every goroutine end that is not stuck.
func (e *engine) leave() {
	close(e.quit)
	e.wait.Close()
}

// heartbeat is how long a worker may be without an answer before another one
// takes the lanes that it has not got to.
const heartbeat = 5 * time.Millisecond

// collection is what one tick brought together.
type collection struct {
	devices []wire.DeviceValues
	members []*member // one a slot
	changed bool      // the inventory must be told anew
}

// tick asks every lane, waits at most until the deadline, and returns what is there.
func (e *engine) tick(t *wire.Tick) *collection {
	defer e.wait.Stop()
	deadline := time.Now().Add(t.Deadline)
	if e.isReady(t.Deadline) {
		e.read(t, deadline)
	}
	return e.collect(t.Seq)
}

// isReady waits for the backends to be opened, but not longer than that.
func (e *engine) isReady(wait time.Duration) bool {
	select {
	case <-e.ready:
		return true
	default:
	}
	e.wait.Set(wait)
	for {
		select {
		case <-e.ready:
			return true
		case <-e.wait.C:
			if e.wait.Expired() {
				return false
			}
		}
	}
}

// read has every lane read, until the deadline. One worker goes from lane to lane, on
// one thread, as long as they answer; at each beat without an answer another
// one takes over the rest. So a call that is stuck holds up nothing but its own
// lane, and eight GPUs that are well cost no eight threads.
func (e *engine) read(t *wire.Tick, deadline time.Time) {
	lanes := e.lanes()
	done := make(chan *lane, len(lanes))
	r := request{t.Seq, time.Duration(t.Pace), done}
	w := &round{request: r}
	waiting := 0
	for _, l := range lanes {
		accepted, free := l.begin(r)
		if accepted {
			waiting++
		}
		if free {
			w.lanes = append(w.lanes, l)
		}
	}
	go w.work()
	e.wait.Set(min(heartbeat, time.Until(deadline)))
	for answered := false; waiting > 0; {
		select {
		case <-done:
			waiting--
			answered = true
		case <-e.wait.C:
			left := time.Until(deadline)
			switch {
			case !e.wait.Expired():
				continue
			case left <= 0:
				w.scatter()
				return
			case !answered && w.left():
				e.widen(true)
				go w.work()
			}
			answered = false
			e.wait.Set(min(heartbeat, left))
		}
	}
	if len(w.lanes) == len(lanes) {
		e.widen(false)
	}
}

func (e *engine) widen(wide bool) {
	if e.wide != wide && e.cfg.Widen != nil {
		e.wide = wide
		e.cfg.Widen(wide)
	}
}

// round is the lanes that the workers of a tick are to serve.
type round struct {
	request request
	lanes   []*lane
	next    atomic.Int32
}

func (w *round) work() {
	for i := w.next.Add(1) - 1; int(i) < len(w.lanes); i = w.next.Add(1) - 1 {
		w.lanes[i].serve(w.request)
	}
}

// scatter gives each lane that no worker has taken one of its own, so that
// none waits for ever behind those that are stuck.
func (w *round) scatter() {
	for range len(w.lanes) - int(w.next.Load()) {
		go w.work()
	}
}

// left reports whether there are lanes that no worker has taken.
func (w *round) left() bool { return int(w.next.Load()) < len(w.lanes) }

func (e *engine) lanes() []*lane {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []*lane
	for _, g := range e.groups {
		all = append(all, g.lanes...)
	}
	return all
}

func (e *engine) collect(seq uint64) *collection {
	lanes := e.lanes()
	c := &collection{}
	for _, l := range lanes {
		l.collect(c, seq)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c.changed = c.changed || e.changed
	e.changed = false
	return c
}

// greeting returns the Hello when it has changed.
func (e *engine) greeting() *wire.Hello {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.newHello {
		return nil
	}
	e.newHello = false
	h := e.hello
	h.Libraries, h.Failures = slices.Clone(h.Libraries), slices.Clone(h.Failures)
	return &h
}

// inventory describes the slots of a collection.
func (e *engine) inventory(c *collection) *wire.Inventory {
	inv := &wire.Inventory{}
	for _, m := range c.members {
		inv.Devices = append(inv.Devices, m.lane.describe(m))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, g := range e.groups {
		inv.Count += g.count
		inv.Problems = append(inv.Problems, g.problems...)
	}
	if e.orphans > 0 {
		inv.Problems = append(inv.Problems, fmt.Sprintf("%d critical errors (XID) of GPUs that are not listed", e.orphans))
	}
	return inv
}

func (e *engine) detail() *wire.Detail {
	d := &wire.Detail{}
	for _, l := range e.lanes() {
		l.detail(d)
	}
	return d
}
