//go:build cgo && linux && (amd64 || arm64)

package nvml

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"nodemeter/gpu/device"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// gpu is one GPU or MIG instance. Its lane's goroutine makes the calls.
type gpu struct {
	b    *backend
	h    nvml.Device
	info device.Info
	// of a MIG instance
	parent *gpu

	util      buffer
	memUtil   buffer
	power     buffer
	sampled   bool // the driver's samples gave this tick's utilization
	memSeen   bool // and that of the memory controller
	counted   bool // the device counts its own energy
	points    []device.Point
	gpm       gpm
	procsSeen uint64 // stamp of the newest process sample used, microseconds
}

// question is a call with the functions it needs; one that lacks any is never made.
type question struct {
	device.Call
	needs []string
}

func (g *gpu) Info() device.Info { return g.info }

func (g *gpu) Calls() []device.Call {
	qs := g.questions()
	if g.parent != nil {
		qs = g.partQuestions()
	}
	calls := make([]device.Call, 0, len(qs))
	for _, q := range qs {
		c := q.Call
		if slices.ContainsFunc(q.needs, func(n string) bool { return !g.b.has(n) }) {
			c.Read = func(*device.Reading) device.Status { return device.FunctionMissing }
		}
		calls = append(calls, c)
	}
	return calls
}

// ask makes a question whose function's name is that of the call.
func ask(tier device.Tier, name, columns string, read func(*device.Reading) nvml.Return) question {
	return question{
		Call:  device.Call{Name: name, Tier: tier, Columns: fields(columns), Read: func(r *device.Reading) device.Status { return status(read(r)) }},
		needs: []string{name},
	}
}

func (q question) vital() question {
	q.Vital = true
	return q
}

// named tells calls of one function apart.
func (q question) named(name string) question {
	q.Name = name
	return q
}

// or adds older or newer versions of the function, any of which will do.
func (q question) or(versions string) question {
	q.needs = []string{q.needs[0] + " " + versions}
	return q
}

// questions lists everything asked of a GPU, cheapest first within a tier.
func (g *gpu) questions() []question {
	return append([]question{
		ask(device.Fast, "nvmlDeviceGetSamples", "", g.samples),
		ask(device.Fast, "nvmlDeviceGetSamples", "gpu_power_max_watts", g.powerSamples).named("nvmlDeviceGetSamples(power)"),
		ask(device.Fast, "nvmlDeviceGetSamples", "", g.memorySamples).named("nvmlDeviceGetSamples(memory)"),
		ask(device.Fast, "nvmlDeviceGetUtilizationRates", "gpu_util gpu_util_min gpu_util_max gpu_busy_seconds gpu_memory_controller_util", g.rates).vital(),
		ask(device.Fast, "nvmlDeviceGetMemoryInfo", "gpu_memory_used_bytes gpu_memory_total_bytes gpu_memory_free_bytes gpu_memory_util", g.memory).or("nvmlDeviceGetMemoryInfo_v2").vital(),
		ask(device.Fast, "nvmlDeviceGetTotalEnergyConsumption", "", g.energy),
		ask(device.Fast, "nvmlDeviceGetPowerUsage", "gpu_power_watts", g.powerNow),
		ask(device.Fast, "nvmlDeviceGetTemperature", "gpu_temperature_celsius", g.temperature),
		ask(device.Fast, "nvmlDeviceGetClockInfo", "gpu_sm_clock_hertz gpu_memory_clock_hertz", g.clocks),
		ask(device.Fast, "nvmlDeviceGetCurrentClocksEventReasons", "gpu_clock_event_reasons", g.reasons).or("nvmlDeviceGetCurrentClocksThrottleReasons"),
		ask(device.Fast, "nvmlDeviceGetPerformanceState", "gpu_performance_state", g.performance),
		g.gpmQuestion(nil),
	}, g.dearQuestions()...)
}

// samples takes the driver's own utilization samples since the last tick, so
// that a burst between two ticks is seen.
func (g *gpu) samples(r *device.Reading) nvml.Return {
	g.sampled = false
	span, ret := g.span(r, &g.util, nvml.GPU_UTILIZATION_SAMPLES, 100)
	if span.Samples > 0 {
		g.sampled = true
		r.Float(device.Util, span.Mean)
		r.Float(device.UtilMin, span.Min)
		r.Float(device.UtilMax, span.Max)
		r.Int(device.UtilSamples, uint64(span.Samples))
		r.Float(device.BusyDelta, span.Integral(r.Elapsed))
	}
	return ret
}

// memorySamples takes the samples of the memory controller's utilization.
func (g *gpu) memorySamples(r *device.Reading) nvml.Return {
	span, ret := g.span(r, &g.memUtil, nvml.MEMORY_UTILIZATION_SAMPLES, 100)
	g.memSeen = span.Samples > 0 && r.Float(device.MemoryControllerUtil, span.Mean)
	return ret
}

// powerSamples takes the driver's power samples, in milliwatts, for the peak.
func (g *gpu) powerSamples(r *device.Reading) nvml.Return {
	span, ret := g.span(r, &g.power, nvml.TOTAL_POWER_SAMPLES, 1000)
	if span.Samples > 0 {
		r.Float(device.PowerMax, span.Max)
	}
	return ret
}

// buffer is one of the driver's sample buffers and what was used of it.
type buffer struct {
	ring ring
	device.Series
}

// span reads one ring buffer; values are divided by scale.
func (g *gpu) span(r *device.Reading, b *buffer, kind nvml.SamplingType, scale float64) (device.Span, nvml.Return) {
	if b.ring.c == nil {
		b.ring = newRing(g.h, kind)
	}
	ret := b.ring.read(uint64(b.Since(r.Now, r.Elapsed).Microseconds()))
	if status(ret).Permanent() {
		b.Series = device.Series{} // there is no buffer: see Series.Gap
	}
	if ret != nvml.SUCCESS {
		return device.Span{}, ret
	}
	g.points = g.points[:0]
	for i := range b.ring.len() {
		stamp, v, ok := b.ring.at(i)
		if stamp == 0 || stamp > math.MaxInt64/1000 {
			continue // a place that the driver has not filled
		}
		if v /= scale; !ok || !(v >= 0) || v > 20e3 || scale == 100 && v > 1 {
			r.Reject()
			continue
		}
		g.points = append(g.points, device.Point{Time: time.Duration(stamp) * time.Microsecond, Value: v})
	}
	slices.SortFunc(g.points, func(a, b device.Point) int { return cmp.Compare(a.Time, b.Time) })
	return b.Take(g.points, b.ring.full(), r.Now), nvml.SUCCESS
}

// number decodes NVML's union of values (nvml.h, nvmlValueType_t).
func number(t nvml.ValueType, b [8]byte) (float64, bool) {
	u := binary.NativeEndian.Uint64(b[:])
	switch t {
	case nvml.VALUE_TYPE_DOUBLE:
		return math.Float64frombits(u), true
	case nvml.VALUE_TYPE_UNSIGNED_INT:
		return float64(uint32(u)), true
	case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
		return float64(u), true
	case nvml.VALUE_TYPE_SIGNED_LONG_LONG:
		return float64(int64(u)), true
	case nvml.VALUE_TYPE_SIGNED_INT:
		return float64(int32(u)), true
	}
	return 0, false
}

// rates reads the driver's averages. They are the utilization only where its
// samples did not give it: the buffer runs dry on an idle GPU, and some
// devices have none.
func (g *gpu) rates(r *device.Reading) nvml.Return {
	sampled := g.sampled
	g.sampled = false
	u, ret := g.h.GetUtilizationRates()
	if ret != nvml.SUCCESS {
		return ret
	}
	if !g.memSeen {
		r.Percent(device.MemoryControllerUtil, float64(u.Memory))
	}
	g.memSeen = false
	if sampled {
		return ret
	}
	v := float64(u.Gpu) / 100
	if !r.Float(device.Util, v) {
		return ret
	}
	r.Float(device.UtilMin, v)
	r.Float(device.UtilMax, v)
	r.Int(device.UtilSamples, 0)
	r.Float(device.BusyDelta, v*g.util.Gap(r.Now, r.Elapsed).Seconds())
	return ret
}

func (g *gpu) memory(r *device.Reading) nvml.Return {
	if g.b.memory2 {
		m, ret := g.h.GetMemoryInfo_v2()
		if ret == nvml.SUCCESS {
			memory(r, m.Total, m.Used, m.Free)
			r.Int(device.MemoryReserved, m.Reserved)
			return ret
		}
		if status(ret) != device.NotSupported {
			return ret
		}
	}
	m, ret := g.h.GetMemoryInfo()
	if ret == nvml.SUCCESS {
		memory(r, m.Total, m.Used, m.Free)
	}
	return ret
}

// memory adds one account of a memory, or rejects the whole of it: a used
// that exceeds the total says that neither can be trusted.
func memory(r *device.Reading, total, used, free uint64) {
	if used > total || free > total {
		r.Reject()
		return
	}
	r.Int(device.MemoryTotal, total)
	r.Int(device.MemoryUsed, used)
	r.Int(device.MemoryFree, free)
}
