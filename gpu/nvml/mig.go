//go:build cgo && linux && (amd64 || arm64)

package nvml

import (
	"strings"

	"nodemeter/gpu/device"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Parts lists the MIG instances of a GPU; none where MIG is off, unknown to the
// library or to the device.
func (g *gpu) Parts() []device.Device {
	b := g.b
	if !b.has("nvmlDeviceGetMigMode") || !b.has("nvmlDeviceGetMaxMigDeviceCount") || !b.has("nvmlDeviceGetMigDeviceHandleByIndex") {
		return nil
	}
	if mode, _, r := g.h.GetMigMode(); r != nvml.SUCCESS || mode != nvml.DEVICE_MIG_ENABLE {
		return nil
	}
	n, r := g.h.GetMaxMigDeviceCount()
	if r != nvml.SUCCESS || n < 0 || n > maxParts {
		return nil
	}
	var parts []device.Device
	for i := range n {
		h, r := g.h.GetMigDeviceHandleByIndex(i)
		if r != nvml.SUCCESS {
			continue // no instance at this place
		}
		if part := b.part(g, h); part != nil {
			parts = append(parts, part)
		}
	}
	return parts
}

// maxParts bounds the MIG instances of one GPU; NVIDIA's have at most 7.
const maxParts = 16

func (b *backend) part(g *gpu, h nvml.Device) *gpu {
	uuid, r := h.GetUUID()
	if r != nvml.SUCCESS {
		return nil
	}
	if p := b.known(uuid, h); p != nil && p.parent == g {
		return p
	}
	p := &gpu{b: b, h: h, parent: g, info: g.info}
	p.info.UUID, p.info.Parent = uuid, g.info.UUID
	if b.has("nvmlDeviceGetName") {
		p.info.Name, _ = h.GetName()
	}
	// The driver names an instance "NVIDIA H100 80GB HBM3 MIG 1g.10gb".
	if _, profile, ok := strings.Cut(p.info.Name, "MIG "); ok {
		p.info.Profile = profile
	}
	p.info.GI, p.info.CI = -1, -1
	if b.has("nvmlDeviceGetGpuInstanceId") {
		if v, r := h.GetGpuInstanceId(); r == nvml.SUCCESS {
			p.info.GI = v
		}
	}
	if b.has("nvmlDeviceGetComputeInstanceId") {
		if v, r := h.GetComputeInstanceId(); r == nvml.SUCCESS {
			p.info.CI = v
		}
	}
	b.remember(p)
	return p
}

// partQuestions lists what is asked of a MIG instance: its memory, its
// activity (NVML has no other utilization for it) and its processes.
func (g *gpu) partQuestions() []question {
	return []question{
		ask(device.Fast, "nvmlDeviceGetMemoryInfo", "gpu_memory_used_bytes gpu_memory_total_bytes gpu_memory_free_bytes gpu_memory_util", g.memory).or("nvmlDeviceGetMemoryInfo_v2").vital(),
		g.parent.gpmQuestion(g),
		ask(device.Medium, "nvmlDeviceGetComputeRunningProcesses", "gpu_processes", g.processes).or("nvmlDeviceGetComputeRunningProcesses_v2 nvmlDeviceGetComputeRunningProcesses_v3"),
	}
}
