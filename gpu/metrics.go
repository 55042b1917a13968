package gpu

import (
	"slices"
	"strings"

	"nodemeter/collector/metric"
	"nodemeter/gpu/device"
)

// steps is what windows keep of each unit.
var steps = map[metric.Unit]float64{metric.Ratio: 0.0001, metric.Seconds: 1e-6, metric.Watts: 0.1, metric.Joules: 0.001, metric.Celsius: 0.1, metric.Hertz: 1e6, metric.Count: 1}

// stateNames are the states of the node's GPU path and of devices, by number.
// They share the column gpu_state and so one list; names are only appended.
var stateNames = [...]string{"none", "ok", "degraded", "failed", "released", "starting", "hung", "lost", "resetting", "unsupported"}

// nodeState is a state of the node's GPU path; it indexes stateNames.
type nodeState int

const (
	nodeNone     nodeState = iota // no GPU here
	nodeOK                        // every GPU is read
	nodeDegraded                  // some are
	nodeFailed                    // none is, though there are some
	nodeReleased                  // handles were given back on request
	nodeStarting                  // the driver is being opened
)

func (s nodeState) String() string { return stateNames[s] }

// statePoint is the point of a device's state.
func statePoint(d *metric.Desc, s device.State) metric.Point {
	return metric.State(d, slices.Index(d.States, s.String()))
}

var (
	nodeUtil = &metric.Desc{On: metric.Node, Column: "gpu_util", Metric: "nodemeter_node_gpu_utilization_ratio",
		Help: "Mean utilization of the node's GPUs, idle ones included. Utilization in NVML's sense: the share of time in which at least one kernel was running.",
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: steps[metric.Ratio], Absent: "The node has no GPU, or none could be read, or none tells its utilization; gpu_state says which."}
	nodeCount = &metric.Desc{On: metric.Node, Column: "gpu_count", Metric: "nodemeter_gpus",
		Help: "Number of GPUs the drivers speak of, including those that cannot be read at the moment.",
		Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeInt, Absent: "The driver is still being opened, or has never answered."}
	nodeGPUState = &metric.Desc{On: metric.Node, Column: "gpu_state", Metric: "nodemeter_node_gpu_state",
		Help: "State of the node's GPU path: none: no GPU here; ok; degraded: some GPUs are not well; failed: none can be read, though there are some; released: handles were given back on request; starting: the driver is being opened.", Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeState, States: stateNames[:],
		Absent: "GPUs are not looked for."}
)

// quantityMetric ties a quantity of the reader to its metrics, on a GPU and,
// where instances have it, on a MIG instance.
type quantityMetric struct {
	q        device.Quantity
	gpu, mig *metric.Desc
}

// declare makes the metrics of one quantity: family is what follows
// nodemeter_gpu_ and nodemeter_mig_. A quantity that is told in parts is a counter.
func declare(q device.Quantity, column, family string, unit metric.Unit, help string) quantityMetric {
	d := metric.Desc{On: metric.GPU, Column: column, Metric: "nodemeter_gpu_" + family, Help: help, Unit: unit, Kind: metric.Gauge, Type: metric.TypeFloat,
		Absent: "The device does not have it (label unsupported), or could not be read at this tick (gpu_state)."}
	if q.Integer() {
		d.Type = metric.TypeInt
	}
	if q.Delta() || strings.HasSuffix(family, "_total") {
		d.Kind = metric.Counter
	}
	if d.Type == metric.TypeFloat {
		d.Step = steps[unit]
	}
	return quantityMetric{q: q, gpu: &d}
}

// andMIG adds the same metric on MIG instances.
func (m quantityMetric) andMIG() quantityMetric {
	d := *m.gpu
	d.On, d.Metric = metric.MIG, strings.Replace(d.Metric, "nodemeter_gpu_", "nodemeter_mig_", 1)
	m.mig = &d
	return m
}

// labelled adds a constant label, for families of several columns.
func (m quantityMetric) labelled(name, value string) quantityMetric {
	m.gpu.Labels = []metric.Label{{Name: name, Value: value}}
	return m
}

// on is the metric for an entity of a kind, or nil.
func (m *quantityMetric) on(kind metric.EntityKind) *metric.Desc {
	if kind == metric.MIG {
		return m.mig
	}
	return m.gpu
}
