//go:build cgo && linux && (amd64 || arm64)

package nvml

import (
	"strings"

	"nodemeter/gpu/device"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

func fields(s string) []string { return strings.Fields(s) }

// powerNow reads the power, and integrates it where there is no energy counter.
func (g *gpu) powerNow(r *device.Reading) nvml.Return {
	mw, ret := g.h.GetPowerUsage()
	if ret != nvml.SUCCESS {
		return ret
	}
	watts := float64(mw) / 1000
	if r.Float(device.Power, watts) && !g.counted {
		r.Float(device.EnergyDelta, watts*r.Elapsed.Seconds())
	}
	return ret
}

func (g *gpu) energy(r *device.Reading) nvml.Return {
	mj, ret := g.h.GetTotalEnergyConsumption()
	if ret == nvml.SUCCESS {
		g.counted = true
		r.Float(device.EnergyTotal, float64(mj)/1000)
	}
	return ret
}

func (g *gpu) temperature(r *device.Reading) nvml.Return {
	c, ret := g.h.GetTemperature(nvml.TEMPERATURE_GPU)
	if ret == nvml.SUCCESS {
		r.Float(device.Temperature, float64(c))
	}
	return ret
}

const megahertz = 1e6

func (g *gpu) clocks(r *device.Reading) nvml.Return {
	sm, ret := g.h.GetClockInfo(nvml.CLOCK_SM)
	if ret != nvml.SUCCESS {
		return ret
	}
	r.Float(device.SMClock, float64(sm)*megahertz)
	mem, ret := g.h.GetClockInfo(nvml.CLOCK_MEM)
	if ret == nvml.SUCCESS {
		r.Float(device.MemoryClock, float64(mem)*megahertz)
	}
	return ret
}

// throttles groups the driver's clock event reasons (nvml.h,
// nvmlClocksEventReason*) by what an administrator would do about them.
// Hardware slowdown (bit 3) comes with thermal or power brake; it counts as
// hardware only without them.
var throttles = [...]struct {
	mask, unless uint64
	delta        device.Quantity
}{
	{nvml.ClocksEventReasonSwPowerCap | nvml.ClocksThrottleReasonHwPowerBrakeSlowdown, 0, device.ThrottlePowerDelta},
	{nvml.ClocksEventReasonSwThermalSlowdown | nvml.ClocksThrottleReasonHwThermalSlowdown, 0, device.ThrottleThermalDelta},
	{nvml.ClocksThrottleReasonHwSlowdown, nvml.ClocksThrottleReasonHwThermalSlowdown | nvml.ClocksThrottleReasonHwPowerBrakeSlowdown, device.ThrottleHardwareDelta},
	{nvml.ClocksEventReasonSyncBoost, 0, device.ThrottleSyncDelta},
}

// reasons reads why clocks are held down, and counts the time by cause, taking
// what holds at the tick for the whole of it.
func (g *gpu) reasons(r *device.Reading) nvml.Return {
	read := g.h.GetCurrentClocksThrottleReasons
	if g.b.eventReasons {
		read = g.h.GetCurrentClocksEventReasons
	}
	mask, ret := read()
	if ret != nvml.SUCCESS || !r.Int(device.ClockReasons, mask) {
		return ret
	}
	for _, t := range throttles {
		held := 0.0
		if mask&t.mask != 0 && mask&t.unless == 0 {
			held = r.Elapsed.Seconds()
		}
		r.Float(t.delta, held)
	}
	return ret
}

func (g *gpu) performance(r *device.Reading) nvml.Return {
	p, ret := g.h.GetPerformanceState()
	if ret == nvml.SUCCESS && p != nvml.PSTATE_UNKNOWN {
		r.Int(device.PerformanceState, uint64(p))
	}
	return ret
}
