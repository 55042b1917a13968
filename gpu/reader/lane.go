package reader

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// lane is one GPU and the MIG instances cut from it: at most one call to them is
// outstanding, and one that never returns takes nothing else with it.
//
// The calls are made by whoever has the lane: at a tick a worker, which goes
// from lane to lane; between ticks, when dear calls are due, the lane's own
// goroutine, which then makes the calls of a tick too that comes meanwhile.
type lane struct {
	wake    chan struct{} // hands the lane to its goroutine
	quit    <-chan struct{}
	periods [device.Tiers]time.Duration
	avoided bool          // nothing is asked
	mark    wire.Mark     // says that a call is under way
	longest time.Duration // that one reading speaks for
	rescan  time.Duration // between looks for MIG instances
	born    time.Time     // the lane's clock begins: reading it costs half of what time.Now does
	looked  time.Time     // for MIG instances, last; of who has the lane
	pace    time.Duration // by how much periods are lengthened; of who has the lane

	mu      sync.Mutex
	members []*member
	taken   bool          // somebody has the lane
	pending *request      // one that came while the lane's goroutine had it
	ticking bool          // a request was accepted and is not answered
	doing   string        // the call being made; "" between calls
	since   time.Duration // when it began, on the lane's clock
	changed bool          // the members or what they support, since described last
}

// request asks a lane for the fast tier of its members.
type request struct {
	seq  uint64
	pace time.Duration // a factor
	done chan<- *lane  // has room for every lane
}

// begin accepts a request. free says that the caller now has the lane and is
// to serve it; otherwise its goroutine has it and will. It is not accepted
// while the lane still owes the answer to an earlier one.
func (l *lane) begin(r request) (accepted, free bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ticking {
		return false, false
	}
	l.ticking = true
	if l.taken {
		l.pending = &r
		return true, false
	}
	l.taken = true
	return true, true
}

// serve makes the calls of a tick, and hands the lane to its goroutine when
// there is more to do.
func (l *lane) serve(r request) {
	if l.looked.IsZero() {
		l.look()
	}
	if l.answer(r) {
		l.wake <- struct{}{} // never blocks: one place, and who has the lane fills it
	}
}

// answer makes the calls of a tick. When nothing more is due it gives the lane
// back, together with the answer: the next tick finds it free.
func (l *lane) answer(r request) (more bool) {
	l.pace = r.pace
	for _, m := range l.current() {
		l.tick(m, r.seq)
	}
	more = l.due(time.Now())
	l.mu.Lock()
	l.ticking, l.taken = false, more
	l.mu.Unlock()
	r.done <- l
	return more
}

// run is the lane's goroutine. It leaves off when a tick comes, and goes on
// after it.
func (l *lane) run() {
	for {
		select {
		case <-l.wake:
		case <-l.quit:
			return
		}
		for more := true; more; {
			if time.Since(l.looked) >= l.rescan {
				l.look()
			}
			for _, m := range l.current() {
				l.dear(m)
			}
			r := l.giveBack()
			more = r != nil && l.answer(*r)
		}
	}
}

// giveBack gives the lane back, unless a request came meanwhile, which it returns.
func (l *lane) giveBack() *request {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.pending
	l.pending, l.taken = nil, r != nil
	return r
}

// interrupted reports whether a tick waits for the lane.
func (l *lane) interrupted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending != nil
}

// due reports whether the lane's goroutine has something to do.
func (l *lane) due(now time.Time) bool {
	if now.Sub(l.looked) >= l.rescan {
		return true
	}
	for _, m := range l.current() {
		if m.state != device.StateOK {
			continue
		}
		for i := range m.calls {
			if c := &m.calls[i]; l.isDue(c, now) {
				return true
			}
		}
	}
	return false
}

func (l *lane) isDue(c *call, now time.Time) bool {
	return c.Tier != device.Fast && !c.off && now.Sub(c.ran) >= l.periods[c.Tier]*l.pace
}

// look brings the MIG instances of the lane's GPU up to date.
func (l *lane) look() {
	l.looked = time.Now()
	whole := l.current()[0]
	d, ok := whole.dev.(device.Divisible)
	if !ok || l.avoided || whole.state != device.StateOK && whole.seq != 0 {
		return
	}
	l.mu.Lock()
	l.doing, l.since = "a look for MIG instances", l.clock()
	l.mu.Unlock()
	l.mark.Enter()
	parts := d.Parts()
	l.mark.Leave()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doing = ""
	if l.members[0].dev == d {
		l.set(d, parts)
	}
}

// set makes d and its parts the lane's members; those that were there keep
// what is known of them. The caller holds mu.
func (l *lane) set(d device.Device, parts []device.Device) {
	now := []*member{l.memberFor(d)}
	for _, p := range parts {
		now = append(now, l.memberFor(p))
	}
	l.changed = l.changed || !slices.Equal(l.members, now)
	l.members = now
}

func (l *lane) memberFor(d device.Device) *member {
	for _, m := range l.members {
		if m.dev == d {
			return m
		}
	}
	return newMember(l, d)
}

func (l *lane) current() []*member {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.members
}

// tick makes the cheap calls to one device and judges its state by them.
func (l *lane) tick(m *member, seq uint64) {
	now := time.Now()
	var elapsed time.Duration
	if !m.lastRun.IsZero() {
		elapsed = min(now.Sub(m.lastRun), l.longest)
	}
	m.lastRun = now
	m.reading.Reset(now, elapsed)
	l.mu.Lock()
	gone := m.gone
	l.mu.Unlock()
	state, why := device.StateLost, "the driver no longer lists it"
	switch {
	case l.avoided:
		state, why = device.StateFailed, "left out: calls to it have ended the gpu reader"
	case !gone:
		state, why = l.cheap(m)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m.seq, m.state, m.why = seq, state, why
	m.fast.Clear()
	m.fast.Put(device.FloatValue(device.ReadSeconds, time.Since(now).Seconds()))
	if state != device.StateOK {
		for i := range m.calls {
			m.calls[i].forget() // what was known of a device in another state is no longer known
		}
	}
	m.keep(&m.fast)
}

// cheap makes the calls of the fast tier; the first vital call that says that
// the device is not well ends it.
func (l *lane) cheap(m *member) (device.State, string) {
	vital, answered := 0, 0
	for i := range m.calls {
		c := &m.calls[i]
		if c.Tier != device.Fast {
			continue
		}
		status := c.stat.Last
		if !c.off {
			status = l.make(m, c)
		}
		if !c.Vital {
			continue
		}
		vital++
		if !status.Permanent() {
			answered++
		}
		if s, bad := status.Condition(); bad {
			return s, fmt.Sprintf("%s: %s", c.Name, status)
		}
	}
	if vital > 0 && answered == 0 {
		return device.StateUnsupported, "none of the vital calls is supported"
	}
	return device.StateOK, ""
}

// dear makes the calls of the slower tiers that are due, until a tick arrives.
func (l *lane) dear(m *member) {
	if m.state != device.StateOK {
		return
	}
	now := time.Now()
	for i := range m.calls {
		c := &m.calls[i]
		if !l.isDue(c, now) {
			continue
		}
		if l.interrupted() {
			return // the tick comes first; what is left stays due
		}
		m.reading.Reset(now, 0)
		c.ran = now
		l.make(m, c)
		now = time.Now()
		l.mu.Lock()
		m.learn(c)
		l.mu.Unlock()
	}
}

func (l *lane) clock() time.Duration { return time.Since(l.born) }

// make makes one call, timed and accounted.
func (l *lane) make(m *member, c *call) device.Status {
	start := l.clock()
	l.mu.Lock()
	l.doing, l.since = c.Name, start
	l.mu.Unlock()

	l.mark.Enter()
	status := c.Read(&m.reading)
	l.mark.Leave()

	took := l.clock() - start
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doing = ""
	c.stat.Count++
	c.stat.Total += took
	c.stat.Max = max(c.stat.Max, took)
	c.stat.Last = status
	switch {
	case status.Permanent():
		c.off, l.changed = true, true
	case status != device.OK && status != device.NoData:
		c.stat.Failed++
		m.deltas.Put(device.IntValue(device.FailedDelta, 1))
	}
	return status
}

// collect appends what each member has to say at the tick seq, and the members
// themselves, in the same order.
func (l *lane) collect(c *collection, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.changed = c.changed || l.changed
	l.changed = false
	for _, m := range l.members {
		d := wire.DeviceValues{Slot: uint16(len(c.members)), State: m.state, Why: m.why}
		c.members = append(c.members, m)
		switch {
		case m.seq == seq:
			d.Values = m.values()
		case m.seq == 0 && !l.ticking:
			continue // enumerated after the tick began
		default:
			d.State, d.Why = device.StateHung, l.stuck()
		}
		d.Values = m.deltas.Drain(d.Values)
		c.devices = append(c.devices, d)
	}
}

// stuck says what the lane is waiting for; the caller holds mu.
func (l *lane) stuck() string {
	if l.doing == "" {
		return "waiting for another call to its GPU"
	}
	return fmt.Sprintf("%s has not returned for %v", l.doing, (l.clock() - l.since).Round(time.Millisecond))
}

// xid counts a critical error of a member; it reports whether the GPU is here.
func (l *lane) xid(x device.XID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.members {
		if m.info.UUID != x.UUID {
			continue
		}
		m.deltas.Put(device.IntValue(device.XIDDelta, 1))
		m.deltas.Put(device.IntValue(device.XIDCode, int64(x.Code)))
		m.deltas.Put(device.FloatValue(device.XIDTime, float64(x.Time.UnixMilli())/1000))
		return true
	}
	return false
}
