package gpu

import (
	"nodemeter/collector/metric"
	"nodemeter/gpu/device"
)

const (
	utilMeans     = " NVML's utilization: the share of time in which at least one kernel was running, however few of the SMs it used (compare gpu_sm_active)."
	throttleHelp  = "Time in which clocks were held down, by cause, taking what holds at each tick for the whole of it. power: power cap or brake; thermal: temperature; hardware: slowdown by hardware; sync: sync boost group."
	remappedHelp  = "Rows of device memory remapped because of errors."
	pcieRateHelp  = "PCIe traffic over the driver's own 20 ms of measurement, read every 30 s; a spot check, not a mean."
	nvlinkHelp    = "Data over all NVLinks of the GPU, without protocol overhead."
	gpmHelp       = ", measured by the device itself (GPM, Hopper and newer)."
	memoryMeaning = " of the device, as the driver accounts for it."
)

// metrics is every quantity that is published as it is read or summed, in the
// order of documentation.
var metrics = [...]quantityMetric{
	declare(device.Util, "gpu_util", "utilization_ratio", metric.Ratio, "Mean utilization over the interval, from every sample of the driver's buffer (or its own average where gpu_util_samples is 0)."+utilMeans),
	declare(device.UtilMin, "gpu_util_min", "utilization_min_ratio", metric.Ratio, "Lowest of the driver's utilization samples in the interval."+utilMeans),
	declare(device.UtilMax, "gpu_util_max", "utilization_max_ratio", metric.Ratio, "Highest of the driver's utilization samples in the interval."+utilMeans),
	declare(device.UtilSamples, "gpu_util_samples", "utilization_samples", metric.Count, "Driver samples that entered the mean; 0 when its own average was taken instead."),
	declare(device.BusyDelta, "gpu_busy_seconds", "busy_seconds_total", metric.Seconds, "Utilization integrated over time."+utilMeans),
	declare(device.MemoryControllerUtil, "gpu_memory_controller_util", "memory_controller_utilization_ratio", metric.Ratio, "Share of time in which device memory was being read or written."),
	declare(device.MemoryUsed, "gpu_memory_used_bytes", "memory_used_bytes", metric.Bytes, "Used memory"+memoryMeaning).andMIG(),
	declare(device.MemoryTotal, "gpu_memory_total_bytes", "memory_total_bytes", metric.Bytes, "Total memory"+memoryMeaning).andMIG(),
	declare(device.MemoryFree, "gpu_memory_free_bytes", "memory_free_bytes", metric.Bytes, "Free memory"+memoryMeaning).andMIG(),
	declare(device.MemoryReserved, "gpu_memory_reserved_bytes", "memory_reserved_bytes", metric.Bytes, "Memory that the driver and firmware keep to themselves.").andMIG(),
	declare(device.Power, "gpu_power_watts", "power_watts", metric.Watts, "Power drawn; on Ampere and newer the driver gives a mean over one second."),
	declare(device.PowerMax, "gpu_power_max_watts", "power_max_watts", metric.Watts, "Highest of the driver's power samples in the interval."),
	declare(device.PowerLimit, "gpu_power_limit_watts", "power_limit_watts", metric.Watts, "Power limit in force."),
	declare(device.Temperature, "gpu_temperature_celsius", "temperature_celsius", metric.Celsius, "Temperature of the GPU."),
	declare(device.MemoryTemperature, "gpu_memory_temperature_celsius", "memory_temperature_celsius", metric.Celsius, "Temperature of the device's memory."),
	declare(device.SMClock, "gpu_sm_clock_hertz", "sm_clock_hertz", metric.Hertz, "Clock of the SMs (of the shaders on AMD)."),
	declare(device.MemoryClock, "gpu_memory_clock_hertz", "memory_clock_hertz", metric.Hertz, "Clock of the device's memory."),
	declare(device.ClockReasons, "gpu_clock_event_reasons", "clock_event_reasons", metric.Count, "Bit mask of the reasons that hold clocks down (nvml.h, nvmlClocksEventReason)."),
	declare(device.ThrottlePowerDelta, "gpu_throttled_power_seconds", "throttled_seconds_total", metric.Seconds, throttleHelp).labelled("reason", "power"),
	declare(device.ThrottleThermalDelta, "gpu_throttled_thermal_seconds", "throttled_seconds_total", metric.Seconds, throttleHelp).labelled("reason", "thermal"),
	declare(device.ThrottleHardwareDelta, "gpu_throttled_hardware_seconds", "throttled_seconds_total", metric.Seconds, throttleHelp).labelled("reason", "hardware"),
	declare(device.ThrottleSyncDelta, "gpu_throttled_sync_seconds", "throttled_seconds_total", metric.Seconds, throttleHelp).labelled("reason", "sync"),
	declare(device.PerformanceState, "gpu_performance_state", "performance_state", metric.Count, "Performance state, 0 (fastest) to 15."),
	declare(device.Fan, "gpu_fan_util", "fan_speed_ratio", metric.Ratio, "Intended fan speed as a share of the maximum."),
	declare(device.Encoder, "gpu_encoder_util", "encoder_utilization_ratio", metric.Ratio, "Utilization of the video encoder."),
	declare(device.Decoder, "gpu_decoder_util", "decoder_utilization_ratio", metric.Ratio, "Utilization of the video decoder."),
	declare(device.PCIeReceive, "gpu_pcie_receive_bytes_per_second", "pcie_bytes_per_second", metric.Count, pcieRateHelp).labelled("direction", "receive"),
	declare(device.PCIeTransmit, "gpu_pcie_transmit_bytes_per_second", "pcie_bytes_per_second", metric.Count, pcieRateHelp).labelled("direction", "transmit"),
	declare(device.PCIeReplays, "gpu_pcie_replays", "pcie_replays_total", metric.Count, "PCIe packets sent again because of errors."),
	declare(device.PCIeGeneration, "gpu_pcie_link_generation", "pcie_link_generation", metric.Count, "Generation of the PCIe link at the moment; it falls when idle."),
	declare(device.PCIeWidth, "gpu_pcie_link_width", "pcie_link_width", metric.Count, "Lanes of the PCIe link at the moment."),
	declare(device.NVLinkReceive, "gpu_nvlink_receive_bytes", "nvlink_receive_bytes_total", metric.Bytes, nvlinkHelp),
	declare(device.NVLinkTransmit, "gpu_nvlink_transmit_bytes", "nvlink_transmit_bytes_total", metric.Bytes, nvlinkHelp),
	declare(device.ECCCorrected, "gpu_ecc_corrected", "ecc_corrected_errors_total", metric.Count, "Corrected ECC errors since the driver was loaded."),
	declare(device.ECCUncorrected, "gpu_ecc_uncorrected", "ecc_uncorrected_errors_total", metric.Count, "Uncorrected ECC errors since the driver was loaded."),
	declare(device.ECCCorrectedAggregate, "gpu_ecc_aggregate_corrected", "ecc_aggregate_corrected_errors_total", metric.Count, "Corrected ECC errors over the life of the device."),
	declare(device.ECCUncorrectedAggregate, "gpu_ecc_aggregate_uncorrected", "ecc_aggregate_uncorrected_errors_total", metric.Count, "Uncorrected ECC errors over the life of the device."),
	declare(device.RemappedCorrectable, "gpu_remapped_rows_correctable", "remapped_rows", metric.Count, remappedHelp).labelled("cause", "correctable"),
	declare(device.RemappedUncorrectable, "gpu_remapped_rows_uncorrectable", "remapped_rows", metric.Count, remappedHelp).labelled("cause", "uncorrectable"),
	declare(device.RemappedPending, "gpu_remapped_rows_pending", "remapped_rows_pending", metric.Count, "1 when a remapping waits for the next reset."),
	declare(device.RemappedFailed, "gpu_remapped_rows_failed", "remapped_rows_failed", metric.Count, "1 when a remapping has failed: the device needs replacement."),
	declare(device.Processes, "gpu_processes", "processes", metric.Count, "Processes with a context on the device, read every 5 s.").andMIG(),
	declare(device.SMActive, "gpu_sm_active", "sm_active_ratio", metric.Ratio, "Share of SMs with at least one warp, mean over time"+gpmHelp).andMIG(),
	declare(device.SMActiveDelta, "gpu_sm_active_seconds", "sm_active_seconds_total", metric.Seconds, "gpu_sm_active integrated over time.").andMIG(),
	declare(device.SMOccupancy, "gpu_sm_occupancy", "sm_occupancy_ratio", metric.Ratio, "Resident warps as a share of the maximum"+gpmHelp).andMIG(),
	declare(device.TensorActive, "gpu_tensor_active", "tensor_active_ratio", metric.Ratio, "Activity of the tensor cores"+gpmHelp).andMIG(),
	declare(device.DRAMActive, "gpu_dram_active", "dram_active_ratio", metric.Ratio, "Used share of the memory bandwidth"+gpmHelp).andMIG(),
	declare(device.FP16Active, "gpu_fp16_active", "fp16_active_ratio", metric.Ratio, "Activity of the FP16 pipes"+gpmHelp).andMIG(),
	declare(device.FP32Active, "gpu_fp32_active", "fp32_active_ratio", metric.Ratio, "Activity of the FP32 pipes"+gpmHelp).andMIG(),
	declare(device.FP64Active, "gpu_fp64_active", "fp64_active_ratio", metric.Ratio, "Activity of the FP64 pipes"+gpmHelp).andMIG(),
	declare(device.GraphicsActive, "gpu_graphics_active", "graphics_active_ratio", metric.Ratio, "Share of time in which the compute or graphics engine was active"+gpmHelp).andMIG(),
	declare(device.XIDDelta, "gpu_xid_events", "xid_events_total", metric.Count, "Critical errors (XID) the driver has reported since the agent started; 0 from the start."),
	declare(device.XIDCode, "gpu_xid_last_code", "xid_last_code", metric.Count, "Number of the last critical error; NVIDIA's list of XID errors says what it means."),
	declare(device.XIDTime, "gpu_xid_last_time_seconds", "xid_last_timestamp_seconds", metric.Seconds, "When the last critical error was reported, seconds since 1970."),
	declare(device.ReadSeconds, "gpu_read_seconds", "read_seconds", metric.Seconds, "Time that this tick's calls to the device took.").andMIG(),
	declare(device.RejectedDelta, "gpu_rejected_values", "rejected_values_total", metric.Count, "Answers of the driver that cannot be true and were thrown away.").andMIG(),
	declare(device.FailedDelta, "gpu_failed_calls", "failed_calls_total", metric.Count, "Calls to the device that ended in an error, other than not supported.").andMIG(),
}

// Metrics that are derived from several quantities, or from none.
var (
	gpuState = &metric.Desc{On: metric.GPU, Column: "gpu_state", Metric: "nodemeter_gpu_state",
		Help: "State of the device: ok; hung: a call has not returned within its deadline; lost: fallen off the bus, or no longer listed; resetting: the driver wants or is doing a reset; unsupported: it cannot tell its utilization; failed: calls return other errors; released: handles were given back on request.",
		Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeState, States: stateNames[:], Absent: "The device has never been seen."}
	migState   = onMIG(gpuState)
	memoryUtil = &metric.Desc{On: metric.GPU, Column: "gpu_memory_util", Metric: "nodemeter_gpu_memory_utilization_ratio",
		Help: "Used share of the device's memory.", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: steps[metric.Ratio], Absent: "The device's memory could not be read, or it is not told."}
	migMemoryUtil = onMIG(memoryUtil)
	energy        = &metric.Desc{On: metric.GPU, Column: "gpu_energy_joules", Metric: "nodemeter_gpu_energy_joules_total",
		Help: "Energy drawn: the device's own counter, or power integrated over time since the agent started; the label energy_source of the device says which.",
		Unit: metric.Joules, Kind: metric.Counter, Type: metric.TypeFloat, Step: steps[metric.Joules], Absent: "The device tells neither energy nor power, or could not be read at this tick."}
)

func onMIG(d *metric.Desc) *metric.Desc {
	m := *quantityMetric{gpu: d}.andMIG().mig
	return &m
}

// allDescs is every metric of the package.
func allDescs() []*metric.Desc {
	all := []*metric.Desc{nodeUtil, nodeCount, nodeGPUState, gpuState, migState, memoryUtil, migMemoryUtil, energy}
	for i := range metrics {
		for _, d := range []*metric.Desc{metrics[i].gpu, metrics[i].mig} {
			if d != nil {
				all = append(all, d)
			}
		}
	}
	return all
}
