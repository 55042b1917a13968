package main

import (
	"slices"
	"testing"

	"nodemeter/collector/worker"
	"nodemeter/gpu"
	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// TestGPUProcesses: the process of a MIG instance is not counted again on the
// GPU that the instance is cut from.
func TestGPUProcesses(t *testing.T) {
	if got := gpuProcesses(gpu.Status{}); got != nil {
		t.Errorf("nobody has told: %v", got)
	}
	info := func(uuid, parent string) gpu.DeviceStatus {
		return gpu.DeviceStatus{DeviceInfo: wire.DeviceInfo{Info: device.Info{UUID: uuid, Parent: parent}}}
	}
	got := gpuProcesses(gpu.Status{
		Devices: []gpu.DeviceStatus{info("GPU-a", ""), info("MIG-a1", "GPU-a"), info("GPU-b", "")},
		Processes: []wire.ProcessList{
			{UUID: "GPU-a", Processes: []device.Process{{PID: 10, MemoryBytes: 1, Util: -1}, {PID: 11, MemoryBytes: 2, Util: -1}}},
			{UUID: "MIG-a1", Processes: []device.Process{{PID: 10, MemoryBytes: 1, Util: -1, MIG: "MIG-a1"}}},
			{UUID: "GPU-b", Processes: []device.Process{{PID: 10, MemoryBytes: 4, Util: 0.5}}},
		},
	})
	want := []worker.GPUProcess{
		{UUID: "GPU-a", PID: 11, MemoryBytes: 2, Util: -1},
		{UUID: "MIG-a1", PID: 10, MemoryBytes: 1, Util: -1},
		{UUID: "GPU-b", PID: 10, MemoryBytes: 4, Util: 0.5},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
