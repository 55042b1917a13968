package grafana

// fleet reads pre-aggregated series only (deploy/prometheus/rules), so that it
// costs a few series a node at any size.
func fleet() *Dashboard {
	return &Dashboard{
		UID: "nodemeter-fleet", Title: "nodemeter / Fleet", From: "now-6h", Refresh: "1m", Variables: variables(),
		Description: "All nodes at a glance: what is used, what is wasted, which nodes stand out. Needs the recording rules of deploy/prometheus.",
		Rows: []Row{
			{Height: 4, Panels: fleetFigures()},
			{Title: "Nodes over time", Height: 10, Panels: []Panel{
				heat("CPU by node", ratio, "One row a node, one column a step, one fixed scale from 0 to 100 %. White is no data, never zero. Mean over each five minutes, from counters.",
					q(`instance:nodemeter_cpu_utilization:ratio_rate5m{`+on+`}`, "{{instance}}")),
				heat("GPU by node", ratio, "Mean over the node's GPUs, idle ones included; nodes without a GPU have no row. "+gpuMeans,
					q(`instance:nodemeter_gpu_busy:ratio_rate5m{`+on+`}`, "{{instance}}")),
			}},
			{Title: "Use", Height: 8, Panels: fleetUse()},
			{Title: "What stands out", Height: 9, Panels: fleetWorst()},
			{Title: "Waste and trouble", Height: 9, Panels: fleetWaste()},
		},
	}
}

func fleetFigures() []Panel {
	return []Panel{
		figure("Nodes", number, "Nodes that answered in the last five minutes.", nil, q(`sum(cluster:nodemeter_nodes:count{`+off+`})`, "")),
		figure("Nodes down", number, "Scrape targets that do not answer now.", steps("green", 1.0, "red"), q(`sum(1 - up{`+off+`})`, "")),
		figure("CPU", ratio, "Share of all cores that worked, last five minutes; large nodes weigh more.", nil,
			q(`sum(instance:nodemeter_cpu_busy:cores_rate5m{`+off+`}) / sum(nodemeter_cpus{`+off+`})`, "")),
		figure("Memory", ratio, "Share of all memory that is in use now.", steps("text", 0.9, "orange", 0.95, "red"),
			q(`1 - sum(nodemeter_memory_available_bytes{`+off+`}) / sum(nodemeter_memory_total_bytes{`+off+`})`, "")),
		figure("GPUs", number, "Devices that are measured.", nil, q(`sum(cluster:nodemeter_gpus:count{`+off+`})`, "")),
		figure("GPU busy", ratio, "Mean over all GPUs, idle ones included, last five minutes. "+gpuMeans, steps("red", 0.15, "orange", 0.25, "text"),
			q(`avg(gpu:nodemeter_gpu_busy:ratio_rate5m{`+off+`})`, "")),
		figure("Idle GPU-hours", hours, "GPU-hours in the chosen time in which a GPU was under 1 % busy over five minutes.", steps("text"),
			q(`sum(sum_over_time(cluster:nodemeter_gpus_idle:count{`+off+`}[$__range:1m])) / 60`, "")),
		figure("Held and idle", hours, "The part of the idle GPU-hours in which a process had the device open: allocated and not used.", steps("text", 1.0, "orange"),
			q(`sum(sum_over_time(cluster:nodemeter_gpus_held_idle:count{`+off+`}[$__range:1m])) / 60`, "")),
	}
}

func fleetUse() []Panel {
	return []Panel{
		lines("Use by cluster", ratio, "Shares of all cores, all memory and all GPUs of a cluster.",
			q(`cluster:nodemeter_cpu_utilization:ratio_rate5m{`+off+`}`, "CPU {{cluster}}"),
			q(`cluster:nodemeter_memory_utilization:ratio{`+off+`}`, "Memory {{cluster}}"),
			q(`cluster:nodemeter_gpu_busy:ratio_rate5m{`+off+`}`, "GPU {{cluster}}")),
		stacked(lines("Nodes by CPU use", number, "How many nodes are how busy: a fleet that is half full of full nodes looks different from one that is full of half-full ones.",
			q(`count(instance:nodemeter_cpu_utilization:ratio_rate5m{`+off+`} < 0.1) or vector(0)`, "under 10 %"),
			q(`count(instance:nodemeter_cpu_utilization:ratio_rate5m{`+off+`} >= 0.1 < 0.5) or vector(0)`, "10-50 %"),
			q(`count(instance:nodemeter_cpu_utilization:ratio_rate5m{`+off+`} >= 0.5 < 0.9) or vector(0)`, "50-90 %"),
			q(`count(instance:nodemeter_cpu_utilization:ratio_rate5m{`+off+`} >= 0.9) or vector(0)`, "over 90 %"))),
		lines("Network", byteRate, "Received and sent over physical links including InfiniBand, summed over nodes.",
			q(`cluster:nodemeter_network_bytes:rate5m{`+off+`}`, "{{cluster}}")),
	}
}

func fleetWorst() []Panel {
	link := func(p Panel) Panel { p.Links = nodeLink(); return p }
	return []Panel{
		link(bars("Fullest memory", ratio, "Ten nodes with the least memory left, now.", steps("green", 0.8, "orange", 0.95, "red"),
			q(`sort_desc(topk(10, nodemeter_memory_utilization_ratio{`+on+`}))`, "{{instance}}"))),
		link(bars("Least busy CPUs", ratio, "Ten nodes whose cores worked least in the last five minutes.", steps("red", 0.65, "orange", 0.8, "green"),
			q(`sort(bottomk(10, instance:nodemeter_cpu_utilization:ratio_rate5m{`+on+`}))`, "{{instance}}"))),
		link(bars("Waiting for I/O", ratio, "Ten nodes on which all tasks that had work waited for I/O at once the longest (PSI full), last five minutes.", steps("green", 0.05, "orange", 0.2, "red"),
			q(`sort_desc(topk(10, rate(nodemeter_pressure_io_full_seconds_total{`+on+`}[5m])))`, "{{instance}}"))),
		link(bars("One core works, the others do not", ratio, "Ten nodes with the widest distance between the busiest core and the mean: serial programs on parallel nodes.", steps("green", 0.5, "orange", 0.8, "red"),
			q(`sort_desc(topk(10, avg_over_time(nodemeter_cpu_imbalance_ratio{`+on+`}[5m])))`, "{{instance}}"))),
	}
}

func fleetWaste() []Panel {
	return []Panel{
		stacked(lines("GPUs", number, "Busy; idle while a process has the device open; idle and free.",
			q(`sum(cluster:nodemeter_gpus:count{`+off+`}) - sum(cluster:nodemeter_gpus_idle:count{`+off+`})`, "busy"),
			q(`sum(cluster:nodemeter_gpus_held_idle:count{`+off+`})`, "held and idle"),
			q(`sum(cluster:nodemeter_gpus_idle:count{`+off+`}) - sum(cluster:nodemeter_gpus_held_idle:count{`+off+`})`, "free"))),
		bars("Idle GPU-hours by node", hours, "Ten nodes with the most idle GPU-hours in the chosen time.", steps("green", 1.0, "orange", 8.0, "red"),
			q(`sort_desc(topk(10, sum by (cluster, job, instance) (sum_over_time(instance:nodemeter_gpus_idle:count{`+on+`}[$__range:1m])) / 60))`, "{{instance}}")),
		alerts(),
	}
}

// alerts lists what fires.
func alerts() Panel {
	p := table("Alerts", "What the alert rules of deploy/prometheus say now.",
		q(`ALERTS{alertname=~"Nodemeter.*",alertstate="firing",`+off+`}`, ""))
	p.Transform = []Transformation{{"organize", object{
		"excludeByName": object{"Time": true, "Value": true, "__name__": true, "alertstate": true, "job": true},
		"indexByName":   object{"severity": 0, "alertname": 1, "instance": 2, "uuid": 3}, "renameByName": object{"alertname": "alert", "instance": "node"},
	}}}
	return p
}
