//go:build cgo && linux && (amd64 || arm64)

package nvml

import (
	"nodemeter/gpu/device"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// gpm measures activity on Hopper and newer by the difference of two samples
// (nvml.h, "GPM"). It locks no profiler out.
type gpm struct {
	state    gpmState
	previous gpmSample
	current  gpmSample
	buffer   gpmBuffer
	primed   bool // previous holds a sample
}

type gpmState uint8

const (
	gpmUnknown gpmState = iota
	gpmReady
	gpmNone
)

var gpmMetrics = [...]struct {
	id nvml.GpmMetricId
	q  device.Quantity
}{
	{nvml.GPM_METRIC_SM_UTIL, device.SMActive},
	{nvml.GPM_METRIC_SM_OCCUPANCY, device.SMOccupancy},
	{nvml.GPM_METRIC_ANY_TENSOR_UTIL, device.TensorActive},
	{nvml.GPM_METRIC_DRAM_BW_UTIL, device.DRAMActive},
	{nvml.GPM_METRIC_FP16_UTIL, device.FP16Active},
	{nvml.GPM_METRIC_FP32_UTIL, device.FP32Active},
	{nvml.GPM_METRIC_FP64_UTIL, device.FP64Active},
	{nvml.GPM_METRIC_GRAPHICS_UTIL, device.GraphicsActive},
}

const gpmColumns = "gpu_sm_active gpu_sm_active_seconds gpu_sm_occupancy gpu_tensor_active gpu_dram_active gpu_fp16_active gpu_fp32_active gpu_fp64_active"

// gpmQuestion asks for GPM of a GPU, or of the MIG instance part of it.
func (g *gpu) gpmQuestion(part *gpu) question {
	q := ask(device.Fast, "nvmlGpmSampleGet", gpmColumns, g.activity)
	q.needs = fields("nvmlGpmQueryDeviceSupport nvmlGpmSampleAlloc nvmlGpmSampleGet nvmlGpmMetricsGet")
	if part != nil {
		q = ask(device.Fast, "nvmlGpmMigSampleGet", gpmColumns, part.activity)
		q.needs = fields("nvmlGpmQueryDeviceSupport nvmlGpmSampleAlloc nvmlGpmMigSampleGet nvmlGpmMetricsGet")
	}
	return q
}

// prepare asks once whether the device has GPM, and allocates its two samples.
func (g *gpu) prepare() nvml.Return {
	whole := g.h
	if g.parent != nil {
		whole = g.parent.h
	}
	support, ret := whole.GpmQueryDeviceSupport()
	if ret != nvml.SUCCESS {
		return ret
	}
	if support.IsSupportedDevice == 0 {
		g.gpm.state = gpmNone
		return nvml.ERROR_NOT_SUPPORTED
	}
	for _, s := range []*gpmSample{&g.gpm.previous, &g.gpm.current} {
		made, ret := g.b.lib.GpmSampleAlloc()
		if ret != nvml.SUCCESS {
			return ret
		}
		*s = newGPMSample(made)
	}
	g.gpm.buffer = newGPMBuffer()
	g.gpm.state = gpmReady
	return nvml.SUCCESS
}

// activity takes a sample and compares it with the one before.
func (g *gpu) activity(r *device.Reading) nvml.Return {
	if g.gpm.state == gpmUnknown {
		if ret := g.prepare(); ret != nvml.SUCCESS {
			return ret
		}
	}
	if ret := g.gpmSample(); ret != nvml.SUCCESS {
		g.gpm.primed = false
		return ret
	}
	defer func() { g.gpm.previous, g.gpm.current, g.gpm.primed = g.gpm.current, g.gpm.previous, true }()
	if !g.gpm.primed {
		return nvml.ERROR_NO_DATA
	}
	if ret := g.gpm.buffer.compare(g.gpm.previous, g.gpm.current); ret != nvml.SUCCESS {
		return ret
	}
	for i, metric := range gpmMetrics {
		v, ok := g.gpm.buffer.metric(i)
		if v /= 100; !ok {
			continue
		}
		if r.Float(metric.q, v) && metric.q == device.SMActive && r.Elapsed > 0 {
			r.Float(device.SMActiveDelta, v*r.Elapsed.Seconds())
		}
	}
	return nvml.SUCCESS
}

func (g *gpu) gpmSample() nvml.Return {
	if g.parent != nil {
		return g.parent.h.GpmMigSampleGet(g.info.GI, g.gpm.current.GpmSample)
	}
	return g.h.GpmSampleGet(g.gpm.current.GpmSample)
}
