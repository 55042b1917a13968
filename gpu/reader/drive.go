package reader

import (
	"errors"
	"slices"
	"time"

	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// drive opens a backend and keeps its list of devices up to date. It is the
// only goroutine that calls the backend itself, but for the one that waits
// for events.
func (e *engine) drive(i int) {
	b := e.cfg.Backends[i]
	lib, err := b.Open()
	if err != nil {
		e.failed(lib.Backend, err)
		return
	}
	e.mu.Lock()
	e.hello.Libraries = append(e.hello.Libraries, lib)
	e.newHello = true
	e.mu.Unlock()
	e.rescan(i, b)
	e.opened()
	go e.events(i, b)
	for again := time.Tick(e.cfg.Rescan); ; {
		select {
		case <-again:
			e.rescan(i, b)
		case <-e.quit:
			return
		}
	}
}

func (e *engine) failed(backend string, err error) {
	f := wire.Failure{Backend: backend, Status: device.Failed, Message: wire.Clip(err.Error())}
	var de *device.Error
	if errors.As(err, &de) {
		f.Status = de.Status
	}
	e.mu.Lock()
	e.hello.Failures = append(e.hello.Failures, f)
	e.newHello = true
	e.mu.Unlock()
	e.opened()
}

// opened counts a backend off the list of those still being opened.
func (e *engine) opened() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.opening--; e.opening == 0 {
		e.hello.Ready, e.newHello = true, true
		close(e.ready)
	}
}

// rescan enumerates once and updates the backend's lanes.
func (e *engine) rescan(i int, b device.Backend) {
	inv, err := b.Devices()
	e.mu.Lock()
	defer e.mu.Unlock()
	g := &e.groups[i]
	if err != nil {
		inv = device.Inventory{Devices: g.devices, Count: g.count, Problems: []string{wire.Clip(err.Error())}}
	}
	e.changed = e.changed || g.count != inv.Count || !slices.Equal(g.problems, inv.Problems)
	g.devices, g.count, g.problems = inv.Devices, inv.Count, inv.Problems
	listed := map[string]bool{}
	for _, d := range inv.Devices {
		listed[d.Info().UUID] = true
		e.update(g, d)
	}
	for _, l := range g.lanes {
		l.markGone(listed)
	}
}

// update brings one GPU's lane in line with an enumeration. The caller holds e.mu.
func (e *engine) update(g *group, d device.Device) {
	uuid := d.Info().UUID
	for _, l := range g.lanes {
		if l.replace(uuid, d) {
			return
		}
	}
	l := &lane{wake: make(chan struct{}, 1), quit: e.quit, rescan: e.cfg.Rescan, longest: e.cfg.LongestStep, born: time.Now()}
	l.avoided = slices.Contains(e.cfg.Avoid, uuid)
	l.mark = e.cfg.Marks.Claim(e.claimed, uuid)
	e.claimed++
	l.periods[device.Medium], l.periods[device.Slow] = e.cfg.Medium, e.cfg.Slow
	l.set(d, nil)
	g.lanes = append(g.lanes, l)
	go l.run()
}

// replace takes d if it is the lane's GPU: the same object mostly, another one
// when the driver has given the GPU another handle, whose parts are then new too.
func (l *lane) replace(uuid string, d device.Device) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.members[0].info.UUID != uuid {
		return false
	}
	if l.members[0].dev != d {
		l.set(d, nil)
	}
	return true
}

// markGone notes whether the lane's GPU is still listed. A GPU that is gone
// stays, in the state lost, until the reader is replaced.
func (l *lane) markGone(listed map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.members {
		m.gone = !listed[l.members[0].info.UUID]
	}
}

// eventWait bounds one wait for events, so that the wait is never more than
// that away from seeing a new list of devices.
const eventWait = 5 * time.Second

// events waits for critical errors for as long as the backend has them.
func (e *engine) events(i int, b device.Backend) {
	for !e.left() {
		e.mu.Lock()
		devices := e.groups[i].devices
		e.mu.Unlock()
		found, ok := b.Events(devices, eventWait)
		if !ok {
			return
		}
		for _, x := range found {
			e.note(x)
		}
	}
}

func (e *engine) left() bool {
	select {
	case <-e.quit:
		return true
	default:
		return false
	}
}

// note counts a critical error on its GPU. One of a GPU that is not listed
// is told as a problem.
func (e *engine) note(x device.XID) {
	for _, l := range e.lanes() {
		if l.xid(x) {
			return
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.orphans, e.changed = e.orphans+1, true
}
