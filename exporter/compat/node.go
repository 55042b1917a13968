package compat

import (
	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/metric"
)

// nodeFamilies are node_exporter's (1.8), as far as nodemeter samples what they
// show: processors, memory, links, disks, pressure and load. File systems,
// hardware sensors and services are not among them.
func nodeFamilies() []*family {
	var out []*family
	for _, mode := range []string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"} {
		out = append(out, &family{name: "node_cpu_seconds_total", help: "Seconds the CPUs spent in each mode.", kind: prometheus.CounterValue,
			on: metric.CPU, column: "cpu_" + mode + "_seconds", label: "mode", value: mode})
	}
	for column, mode := range map[string]string{"cpu_guest_seconds": "user", "cpu_guest_nice_seconds": "nice"} {
		out = append(out, &family{name: "node_cpu_guest_seconds_total", help: "Seconds the CPUs spent in guests (VMs) for each mode.", kind: prometheus.CounterValue,
			on: metric.CPU, column: column, label: "mode", value: mode})
	}
	for _, f := range nodeFigures {
		out = append(out, &f)
	}
	return append(out, deviceFamilies()...)
}

// nodeFigures are one series a node.
var nodeFigures = [...]family{
	figure("node_load1", "1m load average.", "load1"),
	figure("node_load5", "5m load average.", "load5"),
	figure("node_load15", "15m load average.", "load15"),
	figure("node_procs_running", "Number of processes in runnable state.", "procs_running"),
	figure("node_procs_blocked", "Number of processes blocked waiting for I/O to complete.", "procs_blocked"),
	total("node_context_switches_total", "Total number of context switches.", "context_switches"),
	total("node_forks_total", "Total number of forks.", "forks"),
	figure("node_memory_MemTotal_bytes", "Memory information field MemTotal_bytes.", "memory_total_bytes"),
	figure("node_memory_MemFree_bytes", "Memory information field MemFree_bytes.", "memory_free_bytes"),
	figure("node_memory_MemAvailable_bytes", "Memory information field MemAvailable_bytes.", "memory_available_bytes"),
	figure("node_memory_Buffers_bytes", "Memory information field Buffers_bytes.", "memory_buffers_bytes"),
	figure("node_memory_Cached_bytes", "Memory information field Cached_bytes.", "memory_cached_bytes"),
	figure("node_memory_Shmem_bytes", "Memory information field Shmem_bytes.", "memory_shmem_bytes"),
	figure("node_memory_Slab_bytes", "Memory information field Slab_bytes.", "memory_slab_bytes"),
	figure("node_memory_Dirty_bytes", "Memory information field Dirty_bytes.", "memory_dirty_bytes"),
	figure("node_memory_Writeback_bytes", "Memory information field Writeback_bytes.", "memory_writeback_bytes"),
	figure("node_memory_SwapTotal_bytes", "Memory information field SwapTotal_bytes.", "swap_total_bytes"),
	figure("node_memory_SwapFree_bytes", "Memory information field SwapFree_bytes.", "swap_free_bytes"),
	total("node_pressure_cpu_waiting_seconds_total", "Total time in seconds that processes have waited for CPU time.", "pressure_cpu_some_seconds"),
	total("node_pressure_memory_waiting_seconds_total", "Total time in seconds that processes have waited for memory.", "pressure_memory_some_seconds"),
	total("node_pressure_memory_stalled_seconds_total", "Total time in seconds no process could make progress due to memory congestion.", "pressure_memory_full_seconds"),
	total("node_pressure_io_waiting_seconds_total", "Total time in seconds that processes have waited due to IO congestion.", "pressure_io_some_seconds"),
	total("node_pressure_io_stalled_seconds_total", "Total time in seconds no process could make progress due to IO congestion.", "pressure_io_full_seconds"),
}

func figure(name, help, column string) family {
	return family{name: name, help: help, kind: prometheus.GaugeValue, on: metric.Node, column: column}
}

func total(name, help, column string) family {
	return family{name: name, help: help, kind: prometheus.CounterValue, on: metric.Node, column: column}
}

// deviceFamilies are the counters of links and disks.
func deviceFamilies() []*family {
	var out []*family
	for _, f := range [][3]string{
		{"receive_bytes", "node_network_receive_bytes_total", "Network device statistic receive_bytes."},
		{"transmit_bytes", "node_network_transmit_bytes_total", "Network device statistic transmit_bytes."},
		{"receive_packets", "node_network_receive_packets_total", "Network device statistic receive_packets."},
		{"transmit_packets", "node_network_transmit_packets_total", "Network device statistic transmit_packets."},
		{"receive_errors", "node_network_receive_errs_total", "Network device statistic receive_errs."},
		{"transmit_errors", "node_network_transmit_errs_total", "Network device statistic transmit_errs."},
		{"receive_drops", "node_network_receive_drop_total", "Network device statistic receive_drop."},
		{"transmit_drops", "node_network_transmit_drop_total", "Network device statistic transmit_drop."},
	} {
		out = append(out, &family{name: f[1], help: f[2], kind: prometheus.CounterValue, on: metric.NIC, column: "network_" + f[0], only: ofKernel})
	}
	out = append(out, &family{name: "node_network_speed_bytes", help: "Network device property: speed_bytes", kind: prometheus.GaugeValue,
		on: metric.NIC, column: "network_speed_bytes", only: ofKernel})
	for _, f := range [][3]string{
		{"read_bytes", "node_disk_read_bytes_total", "The total number of bytes read successfully."},
		{"written_bytes", "node_disk_written_bytes_total", "The total number of bytes written successfully."},
		{"reads", "node_disk_reads_completed_total", "The total number of reads completed successfully."},
		{"writes", "node_disk_writes_completed_total", "The total number of writes completed successfully."},
		{"io_seconds", "node_disk_io_time_seconds_total", "Total seconds spent doing I/Os."},
	} {
		out = append(out, &family{name: f[1], help: f[2], kind: prometheus.CounterValue, on: metric.Disk, column: "disk_" + f[0]})
	}
	return out
}

// ofKernel leaves out InfiniBand ports, which node_exporter shows elsewhere.
func ofKernel(e *metric.Entity) bool {
	class := info(e, "class")
	return class != "infiniband" && class != "roce"
}

// describeNode declares what does not come from a point.
func (c *Collector) describeNode() {
	c.uname = prometheus.NewDesc("node_uname_info", "Labeled system information as provided by the uname system call.",
		[]string{"sysname", "release", "version", "machine", "nodename", "domainname"}, nil)
	c.now = prometheus.NewDesc("node_time_seconds", "System time in seconds since epoch (1970).", nil, nil)
	if !c.options.Node.Boot.IsZero() {
		c.boot = prometheus.NewDesc("node_boot_time_seconds", "Node boot time, in unixtime.", nil, nil)
	}
}

func (c *Collector) collectNode(ch chan<- prometheus.Metric, s *metric.Sample) {
	if c.uname == nil {
		return
	}
	n := c.options.Node
	ch <- prometheus.MustNewConstMetric(c.uname, prometheus.GaugeValue, 1,
		valid(n.Sysname), valid(n.Release), valid(n.Version), valid(n.Machine), valid(n.Nodename), valid(n.Domainname))
	ch <- prometheus.MustNewConstMetric(c.now, prometheus.GaugeValue, float64(s.Time.UnixMilli())/1e3)
	if c.boot != nil {
		ch <- prometheus.MustNewConstMetric(c.boot, prometheus.GaugeValue, float64(n.Boot.Unix()))
	}
}
