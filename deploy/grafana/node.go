package grafana

// node is section 5 of the benchmarking notebook, live, and then each subject.
func node() *Dashboard {
	return &Dashboard{
		UID: "nodemeter-node", Title: "nodemeter / Node", From: "now-1h", Refresh: "30s", Variables: variables(),
		Description: "Resource utilization of the chosen nodes: the four pictures of the notebook's section 5, then every subject. Means are exact at any scrape interval, quantiles include every sample between scrapes.",
		Rows: []Row{
			{Title: "Resource utilization", Height: 9, Panels: []Panel{cpuOverTime(), cpuHeatmap()}},
			{Height: 13, Panels: []Panel{distribution(), averages()}},
			{Title: "Bursts", Height: 8, Panels: bursts()},
			{Title: "Processors", Height: 8, Panels: processors()},
			{Title: "Memory", Height: 8, Panels: memory()},
			{Title: "Network and disks", Height: 8, Panels: traffic()},
			{Title: "Pressure", Height: 8, Panels: pressure()},
		},
	}
}

// cpuBusy is the exact mean utilization between two scrapes, by node.
const cpuBusy = `(1 - sum by (cluster, job, instance) (rate(nodemeter_cpu_seconds_total{mode=~"idle|iowait",` + on + `}[$__rate_interval])) / sum by (cluster, job, instance) (rate(nodemeter_cpu_seconds_total{` + on + `}[$__rate_interval])))`

func cpuOverTime() Panel {
	return black(lines("CPU utilization over time", ratio, "A line a node, and the mean of the nodes present. Time not idle and not waiting for I/O, from counters: nothing between two scrapes is lost.",
		q(cpuBusy, "{{instance}}"), q(`avg(`+cpuBusy+`)`, "Average")), "Average")
}

func cpuHeatmap() Panel {
	return heat("CPU utilization heatmap", ratio, "The same figures: a row a node, one fixed scale from 0 to 100 %. White is no data, never zero.", q(cpuBusy, "{{instance}}"))
}

// distribution stands for the notebook's box plot.
func distribution() Panel {
	var queries []Query
	for _, m := range []struct{ name, family string }{{"CPU", cpuSamples}, {"Memory", memorySamples}, {"GPU", gpuSamples}} {
		for _, s := range []struct{ label, quantile string }{{"p5", "0.05"}, {"p25", "0.25"}, {"median", "0.5"}, {"p75", "0.75"}, {"p95", "0.95"}, {"max", "1"}} {
			queries = append(queries, instant(quantile(s.quantile, m.family), m.name+" "+s.label))
		}
	}
	return coloured(bars("Resource utilization distribution", ratio, "Quantiles over the chosen time of every sample of the chosen nodes, from native histograms: minutes with a scrape every minute, seconds inside it all the same. GPU only of nodes that have one. "+gpuMeans, nil, queries...))
}

func averages() Panel {
	return coloured(bars("Average utilization by node", ratio, "Means over the chosen time, from counters (CPU, GPU) and samples (memory). GPU is the mean over the node's GPUs, idle ones included. "+gpuMeans, nil,
		q(`1 - sum by (cluster, job, instance) (increase(nodemeter_cpu_seconds_total{mode=~"idle|iowait",`+on+`}[$__range])) / sum by (cluster, job, instance) (increase(nodemeter_cpu_seconds_total{`+on+`}[$__range]))`, "CPU {{instance}}"),
		q(`avg by (cluster, job, instance) (avg_over_time(nodemeter_memory_utilization_ratio{`+on+`}[$__range]))`, "Memory {{instance}}"),
		q(`avg by (cluster, job, instance) (`+gpuBusy("$__range", on)+`)`, "GPU {{instance}}")))
}

// coloured gives CPU, memory and GPU the notebook's colours.
func coloured(p Panel) Panel {
	for _, c := range [][2]string{{"CPU", "steelblue"}, {"Memory", "coral"}, {"GPU", "green"}} {
		p.Overrides = append(p.Overrides, Override{Matcher{"byRegexp", "/^" + c[0] + " /"}, []Property{{"color", object{"mode": "fixed", "fixedColor": c[1]}}}})
	}
	return p
}

// gpuBusy is each GPU's busy share of the time that samples cover: right from
// an agent's first minute on.
func gpuBusy(window, matchers string) string {
	return `increase(nodemeter_gpu_busy_seconds_total{` + matchers + `}[` + window + `]) / on (cluster, job, instance) group_left () increase(nodemeter_sampled_seconds_total{` + on + `}[` + window + `])`
}

// quantile over the chosen time of all samples of the chosen nodes.
func quantile(p, family string) string {
	return `histogram_quantile(` + p + `, sum(increase(` + family + `{` + on + `}[$__range])))`
}

// Histograms of every sample between two scrapes.
const (
	cpuSamples    = "nodemeter_cpu_utilization_samples_ratio"
	memorySamples = "nodemeter_memory_utilization_samples_ratio"
	gpuSamples    = "nodemeter_node_gpu_utilization_samples_ratio"
)

func bursts() []Panel {
	burst := func(title, family, description string) Panel {
		return lines(title, ratio, description,
			q(`histogram_quantile(1, sum by (cluster, job, instance) (rate(`+family+`{`+on+`}[$__rate_interval])))`, "highest {{instance}}"),
			q(`histogram_quantile(0.95, sum by (cluster, job, instance) (rate(`+family+`{`+on+`}[$__rate_interval])))`, "p95 {{instance}}"),
			q(`histogram_quantile(0.5, sum by (cluster, job, instance) (rate(`+family+`{`+on+`}[$__rate_interval])))`, "median {{instance}}"))
	}
	return []Panel{
		burst("CPU between scrapes", cpuSamples, "Highest, 95th percentile and median of the samples between two scrapes: a burst of two seconds shows, which a gauge read every 30 s misses."),
		burst("GPU between scrapes", gpuSamples, "The same of the node's GPUs. "+gpuMeans),
	}
}

func processors() []Panel {
	return []Panel{
		stacked(unbounded(lines("Busy cores by mode", cores, "Cores' worth of processor time by what it was spent on; iowait is idle time and left out.",
			q(`sum by (mode) (rate(nodemeter_cpu_seconds_total{mode!~"idle|iowait",`+on+`}[$__rate_interval]))`, "{{mode}}")))),
		lines("Unevenness", ratio, "The busiest core, the 95th percentile of cores and the distance of the busiest from the mean; high and apart means that few cores do the work.",
			q(`nodemeter_cpu_busiest_core_utilization_ratio{`+on+`}`, "busiest {{instance}}"),
			q(`nodemeter_cpu_p95_core_utilization_ratio{`+on+`}`, "p95 {{instance}}"),
			q(`nodemeter_cpu_imbalance_ratio{`+on+`}`, "imbalance {{instance}}")),
		lines("Load per core", number, "Tasks running, ready or in uninterruptible sleep, damped over a minute, for each core: above 1 tasks wait.",
			q(`nodemeter_load1{`+on+`} / nodemeter_cpus{`+on+`}`, "{{instance}}")),
	}
}

func memory() []Panel {
	used := `nodemeter_memory_total_bytes{` + on + `} - nodemeter_memory_available_bytes{` + on + `}`
	return []Panel{
		marked(lines("Memory utilization", ratio, "Share not available to programs: 1 - MemAvailable / MemTotal.",
			q(`nodemeter_memory_utilization_ratio{`+on+`}`, "{{instance}}")), steps("green", 0.95, "red")),
		lines("Memory in use", byteCount, "Bytes that programs cannot have any more, and the page cache, which they can.",
			q(used, "in use {{instance}}"), q(`nodemeter_memory_cached_bytes{`+on+`}`, "page cache {{instance}}")),
		flat(lines("Swap in use", byteCount, "Zero throughout on a node without swap.",
			q(`nodemeter_swap_total_bytes{`+on+`} - nodemeter_swap_free_bytes{`+on+`}`, "{{instance}}")), 1<<20),
	}
}

func traffic() []Panel {
	return []Panel{
		lines("Network", byteRate, "Over physical links including InfiniBand; loopback, bridges, veth and bond masters left out so that nothing counts twice.",
			q(`rate(nodemeter_network_receive_bytes_total{`+on+`}[$__rate_interval])`, "received {{instance}}"),
			q(`rate(nodemeter_network_transmit_bytes_total{`+on+`}[$__rate_interval])`, "sent {{instance}}")),
		flat(lines("Errors and drops", perSecond, "Packets with errors and packets dropped, both directions, all links.",
			q(`sum by (cluster, job, instance) (rate(nodemeter_network_device_receive_errors_total{`+on+`}[$__rate_interval]) + rate(nodemeter_network_device_transmit_errors_total{`+on+`}[$__rate_interval]))`, "errors {{instance}}"),
			q(`sum by (cluster, job, instance) (rate(nodemeter_network_device_receive_drops_total{`+on+`}[$__rate_interval]) + rate(nodemeter_network_device_transmit_drops_total{`+on+`}[$__rate_interval]))`, "drops {{instance}}")), 1),
		lines("Disks", byteRate, "Read from and written to physical disks.",
			q(`rate(nodemeter_disk_read_bytes_total{`+on+`}[$__rate_interval])`, "read {{instance}}"),
			q(`rate(nodemeter_disk_written_bytes_total{`+on+`}[$__rate_interval])`, "written {{instance}}")),
		flat(lines("Disks busy", ratio, "Share of time in which a disk had I/O in flight.",
			q(`rate(nodemeter_disk_device_io_seconds_total{`+on+`}[$__rate_interval])`, "{{instance}} {{device}}")), 0.1),
	}
}

func pressure() []Panel {
	panel := func(title, subject, kind, description string) Panel {
		return flat(lines(title, ratio, description,
			q(`rate(nodemeter_pressure_`+subject+`_`+kind+`_seconds_total{`+on+`}[$__rate_interval])`, "{{instance}}")), 0.1)
	}
	return []Panel{
		panel("Waiting for a core", "cpu", "some", "Share of time in which at least one task waited for a processor (PSI some)."),
		panel("Standing still for memory", "memory", "full", "Share of time in which all tasks that had work waited for memory at once (PSI full): thrashing."),
		panel("Standing still for I/O", "io", "full", "Share of time in which all tasks that had work waited for I/O at once (PSI full)."),
	}
}
