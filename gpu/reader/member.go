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

// detail appends the accounts of the members' calls and their processes.
func (l *lane) detail(d *wire.Detail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.members {
		for i := range m.calls {
			d.Calls = append(d.Calls, m.calls[i].stat)
		}
		if m.procs != nil {
			d.Processes = append(d.Processes, *m.procs)
		}
	}
}
