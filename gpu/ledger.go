package gpu

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// ledger is what the agent knows of its devices, across readers: identity,
// state, and the counters that outlive a reader. Its Source's mu guards it.
type ledger struct {
	log     *slog.Logger
	devices map[string]*account // by UUID
	order   []*account          // GPUs by index, each followed by its MIG instances
	slots   []*account          // of the serving reader
	count   int                 // GPUs the drivers speak of
	problem []string
	moves   []move
}

// account is one device.
type account struct {
	info   wire.DeviceInfo
	entity *metric.Entity
	state  device.State
	why    string
	since  time.Time // of the state
	sums   [device.Quantities]float64
	has    [device.Quantities]bool // what sums holds
	listed bool                    // by the serving reader

	energySource string // counter or power; "" until one was read

	values []device.Value // of this tick; nil when there are none
	fresh  bool           // this tick brought something
}

func newLedger(log *slog.Logger) *ledger {
	return &ledger{log: log, devices: map[string]*account{}}
}

// list takes the serving reader's inventory.
func (l *ledger) list(inv *wire.Inventory, now time.Time) {
	l.count, l.slots = inv.Count, nil
	if !slices.Equal(inv.Problems, l.problem) && len(inv.Problems) > 0 {
		l.log.Warn("some GPUs cannot be opened", "problems", strings.Join(inv.Problems, "; "))
	}
	l.problem = inv.Problems
	for _, a := range l.order {
		a.listed = false
	}
	for _, info := range inv.Devices {
		a := l.devices[info.UUID]
		if a == nil {
			a = &account{since: now}
			l.devices[info.UUID] = a
			l.order = append(l.order, a)
			l.log.Info("gpu found", "uuid", info.UUID, "index", info.Index, "name", info.Name, "pci", info.PCI, "parent", info.Parent)
		}
		a.listed = true
		a.identify(info)
		l.slots = append(l.slots, a)
	}
	l.dropParts()
	slices.SortStableFunc(l.order, func(a, b *account) int { return cmp.Compare(a.info.Index, b.info.Index) })
}

// dropParts forgets MIG instances that are no longer listed: unlike a GPU, an
// instance may be destroyed in order.
func (l *ledger) dropParts() {
	l.order = slices.DeleteFunc(l.order, func(a *account) bool {
		drop := !a.listed && a.info.Parent != ""
		if drop {
			delete(l.devices, a.info.UUID)
			l.log.Info("mig instance gone", "uuid", a.info.UUID, "parent", a.info.Parent)
		}
		return drop
	})
}

// identify makes a new Entity where the description has changed.
func (a *account) identify(info wire.DeviceInfo) {
	e := describe(info, a.energySource)
	a.info = info
	if a.entity == nil || !slices.Equal(a.entity.Info, e.Info) {
		a.entity = e
	}
}

// describe turns a device's description into labels, sorted by name.
func describe(d wire.DeviceInfo, energySource string) *metric.Entity {
	e := &metric.Entity{Kind: metric.GPU, ID: d.UUID}
	labels := map[string]string{
		"uuid": d.UUID, "index": strconv.Itoa(d.Index), "name": d.Name, "vendor": d.Vendor, "driver": d.Driver,
		"pci_bus_id": d.PCI, "cuda_version": d.CUDA, "energy_source": energySource, "unsupported": strings.Join(d.Unsupported, ","),
	}
	if d.Parent != "" {
		e.Kind = metric.MIG
		labels["gpu_uuid"], labels["profile"] = d.Parent, d.Profile
		labels["gpu_instance"], labels["compute_instance"] = strconv.Itoa(d.GI), strconv.Itoa(d.CI)
	}
	for name, value := range labels {
		if value != "" {
			e.Info = append(e.Info, metric.Label{Name: name, Value: value})
		}
	}
	slices.SortFunc(e.Info, func(a, b metric.Label) int { return cmp.Compare(a.Name, b.Name) })
	return e
}

// take takes a snapshot of the serving reader.
func (l *ledger) take(s *wire.Snapshot, now time.Time) error {
	for i := range s.Devices {
		d := &s.Devices[i]
		if int(d.Slot) >= len(l.slots) {
			return fmt.Errorf("the gpu reader speaks of device %d, and has listed %d", d.Slot, len(l.slots))
		}
		a := l.slots[d.Slot]
		a.fresh = true
		a.values = append(a.values[:0], d.Values...)
		l.set(a, d.State, d.Why, now)
		for _, v := range d.Values {
			l.add(a, v)
		}
	}
	for _, a := range l.order {
		if !a.listed {
			l.set(a, device.StateLost, "the driver no longer lists it", now)
		}
	}
	l.tell()
	return nil
}

// credit enters what a snapshot that came too late adds to counters.
func (l *ledger) credit(s *wire.Snapshot) {
	for i := range s.Devices {
		d := &s.Devices[i]
		if int(d.Slot) >= len(l.slots) {
			continue // of devices that are no longer told apart
		}
		for _, v := range d.Values {
			if v.Q.Delta() || v.Q == device.XIDCode || v.Q == device.XIDTime {
				l.add(l.slots[d.Slot], v)
			}
		}
	}
}

// add enters one value into the sums.
func (l *ledger) add(a *account, v device.Value) {
	switch v.Q {
	case device.XIDCode:
		l.log.Warn("gpu reported a critical error", "uuid", a.info.UUID, "index", a.info.Index, "xid", v.Int())
		a.sums[v.Q], a.has[v.Q] = v.Float(), true
	case device.XIDTime:
		a.sums[v.Q], a.has[v.Q] = v.Float(), true
	case device.EnergyTotal:
		a.source("counter")
	case device.EnergyDelta:
		if a.energySource == "" {
			a.source("power")
		}
	}
	if v.Q.Delta() {
		a.sums[v.Q], a.has[v.Q] = a.sums[v.Q]+v.Float(), true
	}
}

// source notes where the device's energy comes from.
func (a *account) source(s string) {
	if a.energySource != s {
		a.energySource = s
		a.identify(a.info)
	}
}

// set changes a device's state; tell logs the changes.
func (l *ledger) set(a *account, s device.State, why string, now time.Time) {
	if a.state != s {
		l.moves = append(l.moves, move{a, a.state, s, why})
		a.state, a.since = s, now
	}
	a.why = why
}

// move is a change of state not yet logged.
type move struct {
	a        *account
	from, to device.State
	why      string
}

// tell logs the changes of state, devices that changed alike in one line.
func (l *ledger) tell() {
	for len(l.moves) > 0 {
		m := l.moves[0]
		var ids []string
		l.moves = slices.DeleteFunc(l.moves, func(o move) bool {
			alike := o.from == m.from && o.to == m.to && o.why == m.why
			if alike {
				ids = append(ids, o.a.info.UUID)
			}
			return alike
		})
		level := slog.LevelWarn
		if m.to == device.StateOK || m.to == device.StateReleased {
			level = slog.LevelInfo
		}
		l.log.Log(context.Background(), level, "gpu changed state", "gpus", strings.Join(ids, ","), "from", m.from.String(), "to", m.to.String(), "why", m.why)
	}
}

// all sets every device's state, when there is no reader to ask.
func (l *ledger) all(s device.State, why string, now time.Time) {
	for _, a := range l.order {
		l.set(a, s, why, now)
	}
	l.tell()
}

// expire forgets the values of the tick before.
func (l *ledger) expire() {
	for _, a := range l.order {
		a.fresh, a.values = false, a.values[:0]
	}
}

// forget drops devices that the serving reader does not list: after handles
// were given back and taken again, what is there is what counts.
func (l *ledger) forget() {
	l.order = slices.DeleteFunc(l.order, func(a *account) bool {
		if !a.listed {
			delete(l.devices, a.info.UUID)
		}
		return !a.listed
	})
}

// tally counts GPUs (MIG instances are not GPUs) and those in order.
func (l *ledger) tally() (known, well int) {
	for _, a := range l.order {
		if a.info.Parent != "" {
			continue
		}
		known++
		if a.state == device.StateOK || a.state == device.StateUnsupported {
			well++
		}
	}
	return known, well
}
