//go:build cgo && linux && (amd64 || arm64)

package nvml

import (
	"encoding/binary"
	"math"

	"nodemeter/gpu/device"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// dearQuestions are asked some seconds (Medium) or tens of seconds (Slow) apart.
func (g *gpu) dearQuestions() []question {
	return []question{
		ask(device.Medium, "nvmlDeviceGetEncoderUtilization", "gpu_encoder_util", g.encoder),
		ask(device.Medium, "nvmlDeviceGetDecoderUtilization", "gpu_decoder_util", g.decoder),
		ask(device.Medium, "nvmlDeviceGetFieldValues", "", g.fieldValues),
		ask(device.Medium, "nvmlDeviceGetEnforcedPowerLimit", "gpu_power_limit_watts", g.powerLimit),
		ask(device.Medium, "nvmlDeviceGetComputeRunningProcesses", "gpu_processes", g.processes).or("nvmlDeviceGetComputeRunningProcesses_v2 nvmlDeviceGetComputeRunningProcesses_v3"),
		ask(device.Slow, "nvmlDeviceGetFanSpeed", "gpu_fan_util", g.fan),
		ask(device.Slow, "nvmlDeviceGetCurrPcieLinkGeneration", "gpu_pcie_link_generation", g.pcieGeneration),
		ask(device.Slow, "nvmlDeviceGetCurrPcieLinkWidth", "gpu_pcie_link_width", g.pcieWidth),
		ask(device.Slow, "nvmlDeviceGetPcieReplayCounter", "gpu_pcie_replays", g.pcieReplays),
		ask(device.Slow, "nvmlDeviceGetPcieThroughput", "gpu_pcie_receive_bytes_per_second gpu_pcie_transmit_bytes_per_second", g.pcie),
		ask(device.Slow, "nvmlDeviceGetTotalEccErrors", "gpu_ecc_corrected gpu_ecc_uncorrected gpu_ecc_aggregate_corrected gpu_ecc_aggregate_uncorrected", g.ecc),
		ask(device.Slow, "nvmlDeviceGetRemappedRows", "gpu_remapped_rows_correctable gpu_remapped_rows_uncorrectable gpu_remapped_rows_pending gpu_remapped_rows_failed", g.remapped),
	}
}

func (g *gpu) encoder(r *device.Reading) nvml.Return {
	v, _, ret := g.h.GetEncoderUtilization()
	if ret == nvml.SUCCESS {
		r.Percent(device.Encoder, float64(v))
	}
	return ret
}

func (g *gpu) decoder(r *device.Reading) nvml.Return {
	v, _, ret := g.h.GetDecoderUtilization()
	if ret == nvml.SUCCESS {
		r.Percent(device.Decoder, float64(v))
	}
	return ret
}

// allLinks as a field's scope asks for the sum over all NVLinks (nvml.h,
// NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX).
const allLinks = math.MaxUint32

// fieldValues reads what has no function of its own: the memory's temperature
// and the NVLink counters, which are in KiB.
func (g *gpu) fieldValues(r *device.Reading) nvml.Return {
	f := []nvml.FieldValue{
		{FieldId: nvml.FI_DEV_MEMORY_TEMP},
		{FieldId: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, ScopeId: allLinks},
		{FieldId: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ScopeId: allLinks},
	}
	if ret := g.h.GetFieldValues(f); ret != nvml.SUCCESS {
		return ret
	}
	if v, ok := field(f[0]); ok {
		r.Float(device.MemoryTemperature, v)
	}
	for i, q := range []device.Quantity{device.NVLinkReceive, device.NVLinkTransmit} {
		if v, ok := field(f[1+i]); ok && v >= 0 {
			r.Int(q, binary.NativeEndian.Uint64(f[1+i].Value[:])*1024)
		}
	}
	return nvml.SUCCESS
}

func field(f nvml.FieldValue) (float64, bool) {
	if nvml.Return(f.NvmlReturn) != nvml.SUCCESS {
		return 0, false
	}
	return number(nvml.ValueType(f.ValueType), f.Value)
}

func (g *gpu) powerLimit(r *device.Reading) nvml.Return {
	mw, ret := g.h.GetEnforcedPowerLimit()
	if ret == nvml.SUCCESS {
		r.Float(device.PowerLimit, float64(mw)/1000)
	}
	return ret
}

func (g *gpu) fan(r *device.Reading) nvml.Return {
	v, ret := g.h.GetFanSpeed()
	if ret == nvml.SUCCESS {
		// The driver documents speeds above 100 % of the intended maximum.
		r.Percent(device.Fan, min(float64(v), 100))
	}
	return ret
}

func (g *gpu) pcieGeneration(r *device.Reading) nvml.Return {
	v, ret := g.h.GetCurrPcieLinkGeneration()
	if ret == nvml.SUCCESS {
		r.Int(device.PCIeGeneration, uint64(v))
	}
	return ret
}

func (g *gpu) pcieWidth(r *device.Reading) nvml.Return {
	v, ret := g.h.GetCurrPcieLinkWidth()
	if ret == nvml.SUCCESS {
		r.Int(device.PCIeWidth, uint64(v))
	}
	return ret
}

func (g *gpu) pcieReplays(r *device.Reading) nvml.Return {
	v, ret := g.h.GetPcieReplayCounter()
	if ret == nvml.SUCCESS {
		r.Int(device.PCIeReplays, uint64(v))
	}
	return ret
}

// pcie blocks for 20 ms a direction, the time the driver measures over; it
// answers in KB/s.
func (g *gpu) pcie(r *device.Reading) nvml.Return {
	rx, ret := g.h.GetPcieThroughput(nvml.PCIE_UTIL_RX_BYTES)
	if ret != nvml.SUCCESS {
		return ret
	}
	r.Float(device.PCIeReceive, float64(rx)*1000)
	tx, ret := g.h.GetPcieThroughput(nvml.PCIE_UTIL_TX_BYTES)
	if ret == nvml.SUCCESS {
		r.Float(device.PCIeTransmit, float64(tx)*1000)
	}
	return ret
}

func (g *gpu) ecc(r *device.Reading) nvml.Return {
	for _, c := range []struct {
		kind  nvml.MemoryErrorType
		since nvml.EccCounterType
		q     device.Quantity
	}{
		{nvml.MEMORY_ERROR_TYPE_CORRECTED, nvml.VOLATILE_ECC, device.ECCCorrected},
		{nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.VOLATILE_ECC, device.ECCUncorrected},
		{nvml.MEMORY_ERROR_TYPE_CORRECTED, nvml.AGGREGATE_ECC, device.ECCCorrectedAggregate},
		{nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.AGGREGATE_ECC, device.ECCUncorrectedAggregate},
	} {
		n, ret := g.h.GetTotalEccErrors(c.kind, c.since)
		if ret != nvml.SUCCESS {
			return ret
		}
		r.Int(c.q, n)
	}
	return nvml.SUCCESS
}

func (g *gpu) remapped(r *device.Reading) nvml.Return {
	corrected, uncorrected, pending, failed, ret := g.h.GetRemappedRows()
	if ret != nvml.SUCCESS {
		return ret
	}
	r.Int(device.RemappedCorrectable, uint64(corrected))
	r.Int(device.RemappedUncorrectable, uint64(uncorrected))
	r.Int(device.RemappedPending, flag(pending))
	r.Int(device.RemappedFailed, flag(failed))
	return ret
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
