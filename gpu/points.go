package gpu

import (
	"nodemeter/collector/metric"
	"nodemeter/gpu/device"
)

// publish adds the node's and the devices' points to a batch.
func (l *ledger) publish(b *metric.Batch, node *metric.Entity, state nodeState) {
	b.Add(node, metric.State(nodeGPUState, int(state)))
	known, _ := l.tally()
	if state != nodeStarting || known > 0 {
		b.Add(node, metric.Int(nodeCount, int64(max(l.count, known))))
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
		if d := descOf(v.Q, kind); d != nil && !v.Q.Delta() && v.Q != device.XIDCode && v.Q != device.XIDTime {
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

// always are the counters that exist from the start and in every state: what
// they count happens above all when the device is not well.
func always(q device.Quantity) bool {
	return q == device.XIDDelta || q == device.RejectedDelta || q == device.FailedDelta
}

// counters adds what is summed over time. While a device cannot be read its
// time-integrals are left out: a counter that stands still would say "idle".
func (a *account) counters(b *metric.Batch) {
	kind := a.entity.Kind
	readable := a.state == device.StateOK || a.state == device.StateUnsupported
	for i := range metrics {
		q := metrics[i].q
		d := metrics[i].on(kind)
		if d == nil {
			continue
		}
		sum, has := a.sums[q]
		switch {
		case always(q):
		case q == device.XIDCode || q == device.XIDTime:
			if !has {
				continue
			}
		case !q.Delta() || !has || !readable || !a.fresh:
			continue
		}
		if d.Type == metric.TypeInt {
			b.Add(a.entity, metric.Int(d, int64(sum)))
		} else {
			b.Add(a.entity, metric.Float(d, sum))
		}
	}
	if joules, has := a.sums[device.EnergyDelta]; has && a.energySource == "power" && readable && a.fresh && kind == metric.GPU {
		b.Add(a.entity, metric.Float(energy, joules))
	}
}

func point(d *metric.Desc, v device.Value) metric.Point {
	if d.Type == metric.TypeInt {
		return metric.Int(d, v.Int())
	}
	return metric.Float(d, v.Float())
}

// descOf is the metric of a quantity on a kind of entity, or nil.
func descOf(q device.Quantity, kind metric.EntityKind) *metric.Desc {
	for i := range metrics {
		if metrics[i].q == q {
			return metrics[i].on(kind)
		}
	}
	return nil
}
