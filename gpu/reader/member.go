package reader

import (
	"slices"
	"time"

	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// member is one device of a lane. Its lane's mu guards everything but reading
// and the times of calls, which belong to who has the lane.
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
	deltas device.Set // what is told once
}

// call is one of a member's; known and procs are guarded as the member is.
type call struct {
	device.Call
	stat  wire.Call
	off   bool              // permanently unable
	ran   time.Time         // last, of the slower tiers
	known device.Set        // what it answered then: nothing, if it failed
	procs *wire.ProcessList // likewise
}

func newMember(l *lane, d device.Device) *member {
	m := &member{lane: l, dev: d, info: d.Info()}
	for _, c := range d.Calls() {
		m.calls = append(m.calls, call{Call: c, stat: wire.Call{UUID: m.info.UUID, Name: c.Name}})
	}
	return m
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
}

// learn takes what a call of the slower tiers answered for what is known from
// now on. The caller holds the lane's mu.
func (m *member) learn(c *call) {
	c.forget()
	m.keep(&c.known)
	if procs := m.reading.Procs; procs != nil {
		kept := min(len(procs), wire.MaxProcess)
		c.procs = &wire.ProcessList{UUID: m.info.UUID, Time: m.reading.Now, Processes: slices.Clone(procs[:kept]), Dropped: len(procs) - kept}
	}
}

func (c *call) forget() {
	c.known.Clear()
	c.procs = nil
}

// values are those of the last tick and of the slower tiers. The caller holds
// the lane's mu.
func (m *member) values() []device.Value {
	all := append(make([]device.Value, 0, 64), m.fast.Values()...)
	for i := range m.calls {
		all = append(all, m.calls[i].known.Values()...)
	}
	return all
}

// describe is the member's identity and what it cannot say.
func (l *lane) describe(m *member) wire.DeviceInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	info := wire.DeviceInfo{Info: m.info}
	for i := range m.calls { // not whole calls: when one ran is the lane's own
		c := &m.calls[i]
		if c.off {
			info.Unsupported = append(info.Unsupported, c.Columns...)
		}
	}
	slices.Sort(info.Unsupported)
	info.Unsupported = slices.Compact(info.Unsupported)
	return info
}

// detail appends the accounts of the members' calls and their processes, which
// nobody can tell while a call has not returned.
func (l *lane) detail(d *wire.Detail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.members {
		for i := range m.calls {
			c := &m.calls[i]
			d.Calls = append(d.Calls, c.stat)
			if c.procs != nil && !l.ticking {
				d.Processes = append(d.Processes, *c.procs)
			}
		}
	}
}
