package compat

import (
	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/metric"
)

// What dcgm-exporter's units are in ours.
const (
	percent = 100
	mebi    = 1.0 / (1 << 20)
	mega    = 1e-6
	milli   = 1e3 // joules to millijoules
)

// dcgmFamilies are dcgm-exporter's default counters and the profiling ones, as
// far as the device has them. The utilization is the mean over the interval
// between ticks, not the driver's last sample.
func dcgmFamilies() []*family {
	var out []*family
	for _, f := range dcgmFigures {
		out = append(out, &f)
	}
	return out
}

var dcgmFigures = [...]family{
	device("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", "gpu_util", percent),
	device("DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization (in %).", "gpu_memory_controller_util", percent),
	device("DCGM_FI_DEV_ENC_UTIL", "Encoder utilization (in %).", "gpu_encoder_util", percent),
	device("DCGM_FI_DEV_DEC_UTIL", "Decoder utilization (in %).", "gpu_decoder_util", percent),
	device("DCGM_FI_DEV_FB_FREE", "Frame buffer memory free (in MB).", "gpu_memory_free_bytes", mebi),
	device("DCGM_FI_DEV_FB_USED", "Frame buffer memory used (in MB).", "gpu_memory_used_bytes", mebi),
	device("DCGM_FI_DEV_FB_RESERVED", "Frame buffer memory reserved (in MB).", "gpu_memory_reserved_bytes", mebi),
	device("DCGM_FI_DEV_SM_CLOCK", "SM clock frequency (in MHz).", "gpu_sm_clock_hertz", mega),
	device("DCGM_FI_DEV_MEM_CLOCK", "Memory clock frequency (in MHz).", "gpu_memory_clock_hertz", mega),
	device("DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", "gpu_temperature_celsius", 1),
	device("DCGM_FI_DEV_MEMORY_TEMP", "Memory temperature (in C).", "gpu_memory_temperature_celsius", 1),
	device("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", "gpu_power_watts", 1),
	device("DCGM_FI_DEV_XID_ERRORS", "Value of the last XID error encountered.", "gpu_xid_last_code", 1),
	device("DCGM_FI_DEV_ROW_REMAP_FAILURE", "Whether remapping of rows has failed.", "gpu_remapped_rows_failed", 1),
	device("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active.", "gpu_graphics_active", 1),
	device("DCGM_FI_PROF_SM_ACTIVE", "The ratio of cycles an SM has at least 1 warp assigned.", "gpu_sm_active", 1),
	device("DCGM_FI_PROF_SM_OCCUPANCY", "The ratio of number of warps resident on an SM.", "gpu_sm_occupancy", 1),
	device("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "Ratio of cycles the tensor (HMMA) pipe is active.", "gpu_tensor_active", 1),
	device("DCGM_FI_PROF_DRAM_ACTIVE", "Ratio of cycles the device memory interface is active sending or receiving data.", "gpu_dram_active", 1),
	device("DCGM_FI_PROF_PIPE_FP64_ACTIVE", "Ratio of cycles the fp64 pipes are active.", "gpu_fp64_active", 1),
	device("DCGM_FI_PROF_PIPE_FP32_ACTIVE", "Ratio of cycles the fp32 pipes are active.", "gpu_fp32_active", 1),
	device("DCGM_FI_PROF_PIPE_FP16_ACTIVE", "Ratio of cycles the fp16 pipes are active.", "gpu_fp16_active", 1),
	device("DCGM_FI_PROF_PCIE_RX_BYTES", "The rate of data received over the PCIe bus, in bytes per second.", "gpu_pcie_receive_bytes_per_second", 1),
	device("DCGM_FI_PROF_PCIE_TX_BYTES", "The rate of data transmitted over the PCIe bus, in bytes per second.", "gpu_pcie_transmit_bytes_per_second", 1),
	counted("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "Total energy consumption since boot (in mJ).", "gpu_energy_joules", milli),
	counted("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "Total number of PCIe retries.", "gpu_pcie_replays", 1),
	counted("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "Total number of single-bit volatile ECC errors.", "gpu_ecc_corrected", 1),
	counted("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "Total number of double-bit volatile ECC errors.", "gpu_ecc_uncorrected", 1),
	counted("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "Total number of single-bit persistent ECC errors.", "gpu_ecc_aggregate_corrected", 1),
	counted("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "Total number of double-bit persistent ECC errors.", "gpu_ecc_aggregate_uncorrected", 1),
	counted("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "Number of remapped rows for correctable errors.", "gpu_remapped_rows_correctable", 1),
	counted("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "Number of remapped rows for uncorrectable errors.", "gpu_remapped_rows_uncorrectable", 1),
}

func device(name, help, column string, scale float64) family {
	return family{name: name, help: help, kind: prometheus.GaugeValue, on: metric.GPU, column: column, scale: scale, only: dcgmKnows}
}

func counted(name, help, column string, scale float64) family {
	return family{name: name, help: help, kind: prometheus.CounterValue, on: metric.GPU, column: column, scale: scale, only: dcgmKnows}
}

// dcgmKnows leaves out AMD's.
func dcgmKnows(e *metric.Entity) bool { return info(e, "vendor") != "amd" }

var dcgmLabels = [...]string{"gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname", "DCGM_FI_DRIVER_VERSION"}

func dcgmValues(e *metric.Entity, host string) []string {
	index := info(e, "index")
	name := ""
	if index != "" {
		name = "nvidia" + index
	}
	return []string{index, valid(e.ID), info(e, "pci_bus_id"), name, info(e, "name"), valid(host), info(e, "driver")}
}
