package device

import "math"

// Quantity numbers what can be read of a device.
type Quantity uint16

// The quantities. "Delta" quantities are what was added since the reading
// delivered before; the agent sums them, so that its counters outlive readers.
const (
	Util Quantity = iota + 1
	UtilMin
	UtilMax
	UtilSamples // how many driver samples entered the mean; 0: the driver's own average was taken
	BusyDelta   // seconds
	MemoryControllerUtil
	MemoryTotal
	MemoryUsed
	MemoryFree
	MemoryReserved
	Power // watts
	PowerMax
	PowerLimit
	EnergyTotal // joules since the driver was loaded
	EnergyDelta // joules, integrated from power
	Temperature // degrees Celsius
	MemoryTemperature
	SMClock // hertz
	MemoryClock
	ClockReasons // bit mask of the driver
	ThrottlePowerDelta
	ThrottleThermalDelta
	ThrottleHardwareDelta
	ThrottleSyncDelta
	PerformanceState
	Fan
	Encoder
	Decoder
	PCIeReceive // bytes per second over the driver's 20 ms
	PCIeTransmit
	PCIeReplays
	PCIeGeneration
	PCIeWidth
	NVLinkReceive // bytes
	NVLinkTransmit
	ECCCorrected
	ECCUncorrected
	ECCCorrectedAggregate
	ECCUncorrectedAggregate
	RemappedCorrectable
	RemappedUncorrectable
	RemappedPending
	RemappedFailed
	Processes
	SMActive
	SMActiveDelta // seconds
	SMOccupancy
	TensorActive
	DRAMActive
	FP16Active
	FP32Active
	FP64Active
	GraphicsActive
	XIDDelta
	XIDCode
	XIDTime     // seconds since 1970
	ReadSeconds // time the device's own calls of the tick took
	RejectedDelta
	FailedDelta // calls that ended in an error
	quantities
)

// bounds of what can be true. They are wide: they catch garbage (a utilization
// of 218322032 has been reported), not odd hardware. One device's power is
// bounded by 20 kW and its memory by 64 TiB.
type bounds struct {
	min, max float64
	integer  bool
}

const (
	anyCount = 1 << 62
	tebibyte = 1 << 40
)

var (
	ratio   = bounds{max: 1}
	seconds = bounds{max: 1e6}
	count   = bounds{max: anyCount, integer: true}
	memory  = bounds{max: 64 * tebibyte, integer: true}
	flag    = bounds{max: 1, integer: true}
	watts   = bounds{max: 20e3}
	celsius = bounds{min: -60, max: 200}
	hertz   = bounds{max: 20e9}
)

var limits = [quantities]bounds{
	Util: ratio, UtilMin: ratio, UtilMax: ratio, UtilSamples: count, BusyDelta: seconds, MemoryControllerUtil: ratio,
	MemoryTotal: memory, MemoryUsed: memory, MemoryFree: memory, MemoryReserved: memory,
	Power: watts, PowerMax: watts, PowerLimit: watts, EnergyTotal: {max: 1e15}, EnergyDelta: {max: 1e9},
	Temperature: celsius, MemoryTemperature: celsius, SMClock: hertz, MemoryClock: hertz, ClockReasons: count,
	ThrottlePowerDelta: seconds, ThrottleThermalDelta: seconds, ThrottleHardwareDelta: seconds, ThrottleSyncDelta: seconds,
	PerformanceState: {max: 15, integer: true}, Fan: ratio, Encoder: ratio, Decoder: ratio,
	PCIeReceive: {max: 1e12}, PCIeTransmit: {max: 1e12}, PCIeReplays: count,
	PCIeGeneration: {min: 1, max: 15, integer: true}, PCIeWidth: {min: 1, max: 64, integer: true},
	NVLinkReceive: count, NVLinkTransmit: count,
	ECCCorrected: count, ECCUncorrected: count, ECCCorrectedAggregate: count, ECCUncorrectedAggregate: count,
	RemappedCorrectable: count, RemappedUncorrectable: count, RemappedPending: flag, RemappedFailed: flag, Processes: count,
	SMActive: ratio, SMActiveDelta: seconds, SMOccupancy: ratio, TensorActive: ratio, DRAMActive: ratio,
	FP16Active: ratio, FP32Active: ratio, FP64Active: ratio, GraphicsActive: ratio,
	XIDDelta: count, XIDCode: count, XIDTime: {max: 1e11}, ReadSeconds: seconds, RejectedDelta: count, FailedDelta: count,
}

// Quantities is how many numbers a table indexed by Quantity needs.
const Quantities = int(quantities)

// Valid reports whether q is known.
func (q Quantity) Valid() bool { return q > 0 && q < quantities }

// Delta reports whether q is something to be added up.
func (q Quantity) Delta() bool {
	switch q {
	case BusyDelta, EnergyDelta, SMActiveDelta, ThrottlePowerDelta, ThrottleThermalDelta, ThrottleHardwareDelta,
		ThrottleSyncDelta, XIDDelta, RejectedDelta, FailedDelta:
		return true
	}
	return false
}

// Integer reports whether q is a whole number (Value.Int) or not (Value.Float).
func (q Quantity) Integer() bool { return q.Valid() && limits[q].integer }

// Possible reports whether v can be true of q.
func (q Quantity) Possible(v float64) bool {
	return q.Valid() && !math.IsNaN(v) && v >= limits[q].min && v <= limits[q].max
}

// Value is one answer.
type Value struct {
	Q    Quantity
	Bits uint64
}

// FloatValue makes a value of a quantity that is not an integer.
func FloatValue(q Quantity, v float64) Value { return Value{q, math.Float64bits(v)} }

// IntValue makes a value of an integer quantity.
func IntValue(q Quantity, v int64) Value { return Value{q, uint64(v)} }

// Float returns the value, converting an integer.
func (v Value) Float() float64 {
	if v.Q.Integer() {
		return float64(int64(v.Bits))
	}
	return math.Float64frombits(v.Bits)
}

// Int returns the value of an integer quantity.
func (v Value) Int() int64 { return int64(v.Bits) }

// Possible reports whether the value can be true.
func (v Value) Possible() bool { return v.Q.Possible(v.Float()) }

// plus adds two values of one delta quantity.
func (v Value) plus(o Value) Value {
	if v.Q.Integer() {
		return IntValue(v.Q, v.Int()+o.Int())
	}
	return FloatValue(v.Q, v.Float()+o.Float())
}
