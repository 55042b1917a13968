package prom

import "nodemeter/collector/metric"

// Families that are asked for, as exporter and sources name them. A test holds
// them against the descriptors.
const (
	ticks     = "nodemeter_ticks_total"
	lastTick  = "nodemeter_last_tick_timestamp_seconds"
	interval  = "nodemeter_interval_seconds"
	cpuTime   = "nodemeter_cpu_seconds_total"
	cpus      = "nodemeter_cpus"
	memTotal  = "nodemeter_memory_total_bytes"
	memLeft   = "nodemeter_memory_available_bytes"
	received  = "nodemeter_network_receive_bytes_total"
	sent      = "nodemeter_network_transmit_bytes_total"
	gpuBusy   = "nodemeter_gpu_busy_seconds_total"
	gpuEnergy = "nodemeter_gpu_energy_joules_total"
	gpuPower  = "nodemeter_gpu_power_watts"
	gpuMemory = "nodemeter_gpu_memory_utilization_ratio"
	gpuInfo   = "nodemeter_gpu_info"
)

// utilization is a column of which the server has a native histogram of every
// sample and, "" where not, the gauge of the last one.
type utilization struct {
	column, gauge, samples string
	unit                   metric.Unit
	factor                 float64 // from the family's unit
}

var nodeUtilizations = [...]utilization{
	{"cpu_util", "nodemeter_cpu_utilization_ratio", "nodemeter_cpu_utilization_samples_ratio", metric.Ratio, 1},
	{"memory_util", "nodemeter_memory_utilization_ratio", "nodemeter_memory_utilization_samples_ratio", metric.Ratio, 1},
	{"gpu_util", "nodemeter_node_gpu_utilization_ratio", "nodemeter_node_gpu_utilization_samples_ratio", metric.Ratio, 1},
	{"network_mbps", "", "nodemeter_network_throughput_samples_bytes_per_second", metric.Mbps, 8e-6},
}

var deviceUtilization = utilization{"gpu_util", "nodemeter_gpu_utilization_ratio", "nodemeter_gpu_utilization_samples_ratio", metric.Ratio, 1}
