//go:build cgo && linux && (amd64 || arm64)

package nvml

import (
	"cmp"
	"slices"

	"nodemeter/gpu/device"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// noMemory is the driver's "not available" for a process's memory (nvml.h,
// NVML_VALUE_NOT_AVAILABLE).
const noMemory = 1<<64 - 1

// processes lists who is on the device, compute and graphics, with memory, and
// with utilization where the driver keeps it.
func (g *gpu) processes(r *device.Reading) nvml.Return {
	compute, ret := g.h.GetComputeRunningProcesses()
	if ret != nvml.SUCCESS {
		return ret
	}
	all := compute
	if g.b.has("nvmlDeviceGetGraphicsRunningProcesses nvmlDeviceGetGraphicsRunningProcesses_v2 nvmlDeviceGetGraphicsRunningProcesses_v3") {
		if graphics, ret := g.h.GetGraphicsRunningProcesses(); ret == nvml.SUCCESS {
			all = append(all, graphics...)
		}
	}
	part := ""
	if g.parent != nil {
		part = g.info.UUID
	}
	r.Procs = []device.Process{}
	for _, p := range all {
		if p.Pid == 0 || slices.ContainsFunc(r.Procs, func(o device.Process) bool { return o.PID == int(p.Pid) }) {
			continue
		}
		mem := int64(-1)
		if p.UsedGpuMemory != noMemory {
			mem = int64(min(p.UsedGpuMemory, 1<<46))
		}
		r.Procs = append(r.Procs, device.Process{PID: int(p.Pid), MemoryBytes: mem, Util: -1, MIG: part})
	}
	slices.SortFunc(r.Procs, func(a, b device.Process) int { return cmp.Compare(a.PID, b.PID) })
	g.processUtil(r)
	r.Int(device.Processes, uint64(len(r.Procs)))
	return nvml.SUCCESS
}

// processUtil fills in the mean of the driver's samples for each process since
// the last time.
func (g *gpu) processUtil(r *device.Reading) {
	if len(r.Procs) == 0 || g.parent != nil || !g.b.has("nvmlDeviceGetProcessUtilization") {
		return
	}
	samples, ret := g.h.GetProcessUtilization(g.procsSeen)
	if ret != nvml.SUCCESS {
		return
	}
	sum, n := map[uint32]float64{}, map[uint32]float64{}
	seen := g.procsSeen
	for _, s := range samples {
		if s.TimeStamp <= g.procsSeen || s.SmUtil > 100 {
			continue
		}
		sum[s.Pid] += float64(s.SmUtil) / 100
		n[s.Pid]++
		seen = max(seen, s.TimeStamp)
	}
	g.procsSeen = seen
	for i := range r.Procs {
		if p := &r.Procs[i]; n[uint32(p.PID)] > 0 {
			p.Util = sum[uint32(p.PID)] / n[uint32(p.PID)]
		}
	}
}
