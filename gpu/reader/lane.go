package reader

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// lane makes all calls to one GPU and to the MIG instances cut from it, on one
// goroutine: at most one call is outstanding, and a call that never returns
// takes nothing else with it.
type lane struct {
	requests chan request
	periods  [device.Tiers]time.Duration
	avoided  bool          // nothing is asked
	mark     wire.Mark     // says that a call is under way
	longest  time.Duration // that one reading speaks for
	born     time.Time     // the lane's clock begins: reading it costs half of what time.Now does
	rescan   time.Duration // between looks for MIG instances
	looked   time.Time     // last; the goroutine's own

	mu      sync.Mutex
	members []*member
	ticking bool          // a request was handed over and is not answered
	doing   string        // the call being made; "" between calls
	since   time.Duration // when it began, on the lane's clock
	changed bool          // the members or what they support, since described last
}

// request asks a lane for the fast tier of its members.
type request struct {
	seq  uint64
	done chan<- *lane // has room for every lane
}

// member is one device of a lane. Its lane's mu guards everything but reading
// and the times of calls, which are the lane's goroutine's own.
type member struct {
	lane    *lane
	dev     device.Device
	info    device.Info
	gone    bool // the last enumeration did not have it
	calls   []call
	reading device.Reading
	lastRun time.Time // of the fast tier

	seq    uint64 // of the last finished fast tier
	state  device.State
	why    string
	fast   device.Set // what the last fast tier read
	dear   device.Set // the last known values of the slower tiers
	deltas device.Set // what is told once
	procs  *wire.ProcessList
}

type call struct {
	device.Call
	stat wire.Call
	off  bool      // permanently unable
	ran  time.Time // last, of the slower tiers
}

func newMember(l *lane, d device.Device) *member {
	m := &member{lane: l, dev: d, info: d.Info()}
	for _, c := range d.Calls() {
		m.calls = append(m.calls, call{Call: c, stat: wire.Call{UUID: m.info.UUID, Name: c.Name}})
	}
	return m
}

// run serves requests until the process ends. Between two requests it makes
// the dear calls that are due, and leaves off when a request arrives.
func (l *lane) run() {
	for r := range l.requests {
		if l.looked.IsZero() {
			l.look()
		}
		for _, m := range l.current() {
			l.tick(m, r.seq)
		}
		l.mu.Lock()
		l.ticking = false
		l.mu.Unlock()
		r.done <- l
		if time.Since(l.looked) >= l.rescan {
			l.look()
		}
		for _, m := range l.current() {
			l.dear(m)
		}
	}
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

// begin hands a request over. It reports false when the lane still owes the
// answer to an earlier one.
func (l *lane) begin(r request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ticking {
		return false
	}
	l.ticking = true
	l.requests <- r // never blocks: one place, and ticking guards it
	return true
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
		m.dear.Clear() // what was known of a device in another state is no longer known
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
		if c.Tier == device.Fast || c.off || now.Sub(c.ran) < l.periods[c.Tier] {
			continue
		}
		if len(l.requests) > 0 {
			return // the tick comes first; what is left stays due
		}
		m.reading.Reset(now, 0)
		c.ran = now
		l.make(m, c)
		now = time.Now()
		l.mu.Lock()
		m.keep(&m.dear)
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

// keep moves what the calls read to where the next collection finds it. The
// caller holds the lane's mu.
func (m *member) keep(set *device.Set) {
	for _, v := range m.reading.Values() {
		if v.Q.Delta() {
			m.deltas.Put(v)
		} else {
			set.Put(v)
		}
	}
	if n := m.reading.Rejected(); n > 0 {
		m.deltas.Put(device.IntValue(device.RejectedDelta, int64(n)))
	}
	if m.reading.Procs != nil {
		m.procs = processList(m.info.UUID, m.reading.Now, m.reading.Procs)
	}
}

func processList(uuid string, now time.Time, procs []device.Process) *wire.ProcessList {
	kept := min(len(procs), wire.MaxProcess)
	return &wire.ProcessList{UUID: uuid, Time: now, Processes: slices.Clone(procs[:kept]), Dropped: len(procs) - kept}
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
			d.Values = append(append(make([]device.Value, 0, 64), m.fast.Values()...), m.dear.Values()...)
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

// describe is the member's identity and what it cannot say.
func (l *lane) describe(m *member) wire.DeviceInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	info := wire.DeviceInfo{Info: m.info}
	for _, c := range m.calls {
		if c.off {
			info.Unsupported = append(info.Unsupported, c.Columns...)
		}
	}
	slices.Sort(info.Unsupported)
	info.Unsupported = slices.Compact(info.Unsupported)
	return info
}

// detail appends the accounts of the members' calls and their processes.
func (l *lane) detail(d *wire.Detail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.members {
		for _, c := range m.calls {
			d.Calls = append(d.Calls, c.stat)
		}
		if m.procs != nil {
			d.Processes = append(d.Processes, *m.procs)
		}
	}
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
