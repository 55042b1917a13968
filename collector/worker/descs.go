package worker

import "nodemeter/collector/metric"

const noRate = "first read of the worker"

func workerDesc(column, family, help string, unit metric.Unit, kind metric.Kind, typ metric.Type, step float64, absent string) *metric.Desc {
	return &metric.Desc{On: metric.Worker, Column: column, Metric: "nodemeter_worker_" + family, Help: help, Unit: unit, Kind: kind, Type: typ, Step: step, Absent: absent}
}

var (
	cpuUtil = workerDesc("cpu_util", "cpu_utilization_ratio",
		"Share of the node's processor time that this worker used over the interval.",
		metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001, noRate)
	busyCores = workerDesc("worker_cpu_cores", "cpu_busy_cores",
		"Processors this worker kept busy over the interval: processor time used by time passed.",
		metric.Count, metric.Gauge, metric.TypeFloat, 0.001, noRate)
	cpuSeconds = workerDesc("worker_cpu_seconds", "cpu_seconds_total",
		"Processor time of this worker since its start, ended processes included: /proc/PID/stat of its processes with children waited for, or the control group's cpuacct.usage or cpu.stat, without workers found inside it.",
		metric.Seconds, metric.Counter, metric.TypeFloat, 1e-6, "the control group has no processor accounting that can be read")
	memoryBytes = workerDesc("worker_memory_bytes", "memory_bytes",
		"Memory of this worker. Processes: resident pages of each alone, and once the largest set of shared ones. Control group: memory used without file pages that are easily given back.",
		metric.Bytes, metric.Gauge, metric.TypeInt, 0, "the control group has no memory accounting that can be read, or the worker has ended")
	memoryUtil = workerDesc("memory_util", "memory_utilization_ratio",
		"worker_memory_bytes as a share of the node's memory.",
		metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001, "as worker_memory_bytes")
	readBytes = workerDesc("worker_read_bytes", "read_bytes_total",
		"Bytes that this worker made storage read since its start (/proc/PID/io, io.stat).",
		metric.Bytes, metric.Counter, metric.TypeInt, 0, "other users' processes need root, or the control group has no I/O accounting")
	writtenBytes = workerDesc("worker_written_bytes", "written_bytes_total",
		"Bytes that this worker caused to be written to storage since its start (/proc/PID/io, io.stat).",
		metric.Bytes, metric.Counter, metric.TypeInt, 0, "as worker_read_bytes")
	processes = workerDesc("worker_processes", "processes",
		"Processes of this worker.",
		metric.Count, metric.Gauge, metric.TypeInt, 0, "a control group, whose processes are not walked")
	threads = workerDesc("worker_threads", "threads",
		"Threads of this worker.",
		metric.Count, metric.Gauge, metric.TypeInt, 0, "a control group without the pids controller")
	gpuUtil = workerDesc("gpu_util", "gpu_utilization_ratio",
		"Mean over the GPUs this worker has processes on of the share of time that its kernels ran, as the driver tells by process.",
		metric.Ratio, metric.Gauge, metric.TypeFloat, 0.0001, "no process of the worker is on a GPU, or the driver does not tell utilization by process")
	gpuMemory = workerDesc("gpu_memory_used_bytes", "gpu_memory_used_bytes",
		"GPU memory held by this worker's processes.",
		metric.Bytes, metric.Gauge, metric.TypeInt, 0, "no process of the worker is on a GPU, or the driver does not tell memory by process")
	gpus = workerDesc("worker_gpus", "gpus",
		"GPUs that this worker has processes on.",
		metric.Count, metric.Gauge, metric.TypeInt, 0, "the node's GPUs are not read")
	gpusAllocated = workerDesc("worker_gpus_allocated", "gpus_allocated",
		"GPUs that the job was given: NVIDIA devices its devices control group allows, or those its processes' environment names.",
		metric.Count, metric.Gauge, metric.TypeInt, 0, "nothing tells which GPUs the job was given")
	startTime = workerDesc("worker_start_seconds", "start_time_seconds",
		"When this worker began, in seconds since the Unix epoch.",
		metric.Seconds, metric.Gauge, metric.TypeFloat, 0.01, "never")
	endTime = workerDesc("worker_end_seconds", "end_time_seconds",
		"When this worker was seen to have ended, in seconds since the Unix epoch; its last point has it.",
		metric.Seconds, metric.Gauge, metric.TypeFloat, 0.01, "the worker is still there")

	workerCount = &metric.Desc{On: metric.Node, Column: "worker_count", Metric: "nodemeter_workers",
		Help: "Workers found on this node.", Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeInt, Absent: "attribution is off"}
	workerState = &metric.Desc{On: metric.Node, Column: "worker_state", Metric: "nodemeter_worker_attribution_state",
		Help: "Whether workers can be told apart: ok; hidden: other users' processes are not shown to the agent (hidepid), whose workers are missing; partial: a worker's process or control group could not be read, whose figures lack it.",
		Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeState, States: []string{"ok", "hidden", "partial"}, Absent: "attribution is off"}
)

// allDescs are the metrics in the order of their columns.
func allDescs() []*metric.Desc {
	return []*metric.Desc{workerCount, workerState, cpuUtil, busyCores, cpuSeconds, memoryUtil, memoryBytes, readBytes, writtenBytes,
		processes, threads, gpuUtil, gpuMemory, gpus, gpusAllocated, cpusAllocated, memoryAllocated, startTime, endTime}
}
