package host

import "nodemeter/collector/metric"

// ratioStep is a hundredth of a percent: below what a second of 100 Hz
// accounting on 256 cores can tell apart is noise, and it compresses.
const ratioStep = 0.0001

// jiffy is the grain of /proc/stat: USER_HZ is 100 on every Linux ABI in use.
const jiffy = 0.01

const noRate = "first read, or a counter stepped back in the interval"

var (
	cpuUtil = &metric.Desc{On: metric.Node, Column: "cpu_util", Metric: "nodemeter_cpu_utilization_ratio",
		Help: "Share of processor time not idle and not waiting for I/O over the interval: 1 - (idle + iowait) / total of /proc/stat, guest time counted once.",
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: ratioStep,
		Absent: noRate + ", or a processor came or went in it, or /proc/stat could not be read"}
	cpuCount = &metric.Desc{On: metric.Node, Column: "cpu_count", Metric: "nodemeter_cpus",
		Help: "Logical processors online: those with a line in /proc/stat.",
		Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeInt, Absent: "/proc/stat could not be read"}
	cpuBusiest = &metric.Desc{On: metric.Node, Column: "cpu_busiest_util", Metric: "nodemeter_cpu_busiest_core_utilization_ratio",
		Help: "Utilization of the busiest logical processor over the interval.",
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: ratioStep, Absent: "no processor has a utilization in the interval"}
	cpuP95 = &metric.Desc{On: metric.Node, Column: "cpu_p95_util", Metric: "nodemeter_cpu_p95_core_utilization_ratio",
		Help: "95th percentile, linear between ranks, of the logical processors' utilizations over the interval.",
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: ratioStep, Absent: "no processor has a utilization in the interval"}
	cpuImbalance = &metric.Desc{On: metric.Node, Column: "cpu_imbalance", Metric: "nodemeter_cpu_imbalance_ratio",
		Help: "How unevenly the logical processors work: utilization of the busiest minus the mean of all; 0 when all do the same.",
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: ratioStep, Absent: "no processor has a utilization in the interval"}
	coreUtil = &metric.Desc{On: metric.CPU, Column: "cpu_util", Metric: "nodemeter_core_utilization_ratio",
		Help: "Share of this logical processor's time not idle and not waiting for I/O over the interval: 1 - (idle + iowait) / total of /proc/stat, guest time counted once.",
		Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: ratioStep,
		Absent: noRate + ", or the interval is shorter than the kernel's accounting (10 ms)"}
)

var (
	nodeModes = modeDescs(metric.Node, "nodemeter_cpu", "Processor time of the node since boot, summed over logical processors, by mode (/proc/stat)")
	coreModes = modeDescs(metric.CPU, "nodemeter_core", "Time of this logical processor since boot, by mode (/proc/stat)")
)

func modeDescs(on metric.EntityKind, family, help string) [modes]*metric.Desc {
	desc := func(column, family, mode, help string) *metric.Desc {
		return &metric.Desc{On: on, Column: "cpu_" + column + "_seconds", Metric: family + "_seconds_total",
			Labels: []metric.Label{{Name: "mode", Value: mode}}, Help: help,
			Unit: metric.Seconds, Kind: metric.Counter, Type: metric.TypeFloat, Step: jiffy,
			Absent: "the mode's counter stepped back and has not yet passed its old value, or /proc/stat could not be read"}
	}
	var d [modes]*metric.Desc
	for m, mode := range [modeGuest]string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"} {
		d[m] = desc(mode, family, mode, help+"; user and nice include the time of guests.")
	}
	// A family of their own, so that a sum over modes counts guests once.
	guests := help + ": running guests, which is already part of the modes user and nice."
	d[modeGuest] = desc("guest", family+"_guest", "user", guests)
	d[modeGuestNice] = desc("guest_nice", family+"_guest", "nice", guests)
	return d
}

var (
	contextSwitches = taskDesc("context_switches", metric.Counter, "Context switches since boot: ctxt of /proc/stat.")
	forks           = taskDesc("forks", metric.Counter, "Processes and threads started since boot: processes of /proc/stat.")
	procsRunning    = taskDesc("procs_running", metric.Gauge, "Tasks running or ready to run, the reader included: procs_running of /proc/stat.")
	procsBlocked    = taskDesc("procs_blocked", metric.Gauge, "Tasks blocked on I/O: procs_blocked of /proc/stat.")
)

func taskDesc(column string, kind metric.Kind, help string) *metric.Desc {
	d := &metric.Desc{On: metric.Node, Column: column, Metric: "nodemeter_" + column, Help: help,
		Unit: metric.Count, Kind: kind, Type: metric.TypeInt, Absent: "/proc/stat could not be read"}
	if kind == metric.Counter {
		d.Metric += "_total"
	}
	return d
}
