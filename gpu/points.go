package gpu

import (
	"nodemeter/collector/metric"
	"nodemeter/gpu/device"
)

// publish adds the node's and the devices' points to a batch.
func (l *ledger) publish(b *metric.Batch, node *metric.Entity, state nodeState) {
	b.Add(node, metric.State(nodeGPUState, int(state)))
	known, _ := l.tally()
	if n := max(l.count, known); n > 0 || state == nodeNone {
		b.Add(node, metric.Int(nodeCount, int64(n)))
	}
	sum, n := 0.0, 0
	for _, a := range l.order {
		if u, ok := a.points(b); ok && a.info.Parent == "" {
			sum, n = sum+u, n+1
		}
	}
	if n > 0 {
		b.Add(node, metric.Float(nodeUtil, sum/float64(n)))
	}
}

// mostRejections bounds what one device may add to a batch's count in a tick.
const mostRejections = 1000

// reject counts the values that the reader has thrown away as the batch's.
func (l *ledger) reject(b *metric.Batch) {
	for _, a := range l.order {
		for _, v := range a.values {
			if v.Q == device.RejectedDelta {
				for range min(v.Int(), mostRejections) {
					b.Reject()
				}
			}
		}
	}
}

// points adds one device's points and returns its utilization, where it has one.
func (a *account) points(b *metric.Batch) (util float64, ok bool) {
	kind := a.entity.Kind
	state := gpuState
	if kind == metric.MIG {
		state = migState
	}
	b.Add(a.entity, statePoint(state, a.state))
	a.counters(b)
	if a.state != device.StateOK && a.state != device.StateUnsupported {
		return 0, false
	}
	var used, total float64
	for _, v := range a.values {
		switch v.Q {
		case device.Util:
			util, ok = v.Float(), true
		case device.MemoryUsed:
			used = v.Float()
		case device.MemoryTotal:
			total = v.Float()
		case device.EnergyTotal:
			b.Add(a.entity, metric.Float(energy, v.Float()))
		}
		if d := direct[v.Q].on(kind); d != nil {
			b.Add(a.entity, point(d, v))
		}
	}
	if total > 0 {
		d := memoryUtil
		if kind == metric.MIG {
			d = migMemoryUtil
		}
		b.Add(a.entity, metric.Float(d, used/total))
	}
	return util, ok
}

// counters adds what is summed over time. While a device cannot be read its
// time-integrals are left out: a counter that stands still would say "idle".
// Events, rejections and failures are there from the start and in every
// state: they happen above all when the device is not well.
func (a *account) counters(b *metric.Batch) {
	readable := a.fresh && (a.state == device.StateOK || a.state == device.StateUnsupported)
	for _, c := range summed {
		d := c.on(a.entity.Kind)
		if d == nil || !c.always && !(a.has[c.q] && (readable || c.lasting)) {
			continue
		}
		if d.Type == metric.TypeInt {
			b.Add(a.entity, metric.Int(d, int64(a.sums[c.q])))
		} else {
			b.Add(a.entity, metric.Float(d, a.sums[c.q]))
		}
	}
	if a.has[device.EnergyDelta] && a.energySource == "power" && readable && a.entity.Kind == metric.GPU {
		b.Add(a.entity, metric.Float(energy, a.sums[device.EnergyDelta]))
	}
}

// summed is the metrics whose values the ledger keeps.
var summed = keptMetrics()

type keptMetric struct {
	quantityMetric
	always  bool // a counter that exists from the start
	lasting bool // stays true of a device in any state
}

func keptMetrics() []keptMetric {
	var kept []keptMetric
	for _, m := range metrics {
		last := m.q == device.XIDCode || m.q == device.XIDTime
		if m.q.Delta() || last {
			kept = append(kept, keptMetric{m, m.q == device.XIDDelta || m.q == device.RejectedDelta || m.q == device.FailedDelta, last})
		}
	}
	return kept
}

// direct is the metrics whose values are published as they were read.
var direct = directMetrics()

func directMetrics() (all [device.Quantities]quantityMetric) {
	for _, m := range metrics {
		if !m.q.Delta() && m.q != device.XIDCode && m.q != device.XIDTime {
			all[m.q] = m
		}
	}
	return all
}

func point(d *metric.Desc, v device.Value) metric.Point {
	if d.Type == metric.TypeInt {
		return metric.Int(d, v.Int())
	}
	return metric.Float(d, v.Float())
}
