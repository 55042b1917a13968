package grafana

func gpus() *Dashboard {
	return &Dashboard{
		UID: "nodemeter-gpu", Title: "nodemeter / GPU", From: "now-1h", Refresh: "30s", Variables: variables(),
		Description: "Every GPU by UUID: use, memory, power, clocks, health. " + gpuMeans,
		Rows: []Row{
			{Height: 4, Panels: gpuFigures()},
			{Title: "Use", Height: 9, Panels: gpuUse()},
			{Title: "Memory and power", Height: 8, Panels: gpuMemory()},
			{Title: "Clocks and heat", Height: 8, Panels: gpuClocks()},
			{Title: "Health", Height: 8, Panels: gpuHealth()},
		},
	}
}

// named adds index and name of the device to a series that has its UUID only.
func named(expr string) string {
	return `(` + expr + `) * on (cluster, job, instance, uuid) group_left (index, name) nodemeter_gpu_info{` + onGPU + `}`
}

const device = "{{instance}} GPU {{index}}"

func gpuFigures() []Panel {
	return []Panel{
		figure("GPUs", number, "Devices that are measured.", nil, q(`count(nodemeter_gpu_state{state="ok",`+onGPU+`})`, "")),
		figure("Not well", number, "Devices that hang, are lost, failed or wait for a reset.", steps("green", 1.0, "red"),
			q(`sum(nodemeter_gpu_state{state=~"hung|lost|failed|resetting",`+onGPU+`})`, "")),
		figure("Busy", ratio, "Mean over the GPUs and the chosen time, idle ones included. "+gpuMeans, steps("red", 0.15, "orange", 0.25, "text"),
			q(`avg(`+gpuBusy("$__range", onGPU)+`)`, "")),
		figure("Busy GPU-hours", hours, "Time in which a kernel ran, summed over the GPUs and the chosen time.", nil,
			q(`sum(increase(nodemeter_gpu_busy_seconds_total{`+onGPU+`}[$__range])) / 3600`, "")),
		figure("Energy", "kwatth", "From the driver's energy counter, else integrated from power; in the chosen time.", nil,
			q(`sum(increase(nodemeter_gpu_energy_joules_total{`+onGPU+`}[$__range])) / 3.6e6`, "")),
		figure("XID events", number, "Errors the driver reported in the chosen time.", steps("green", 1.0, "red"),
			q(`sum(increase(nodemeter_gpu_xid_events_total{`+onGPU+`}[$__range]))`, "")),
	}
}

func gpuUse() []Panel {
	return []Panel{
		black(lines("GPU busy over time", ratio, "A line a GPU, and their mean, from counters. "+gpuMeans,
			q(named(`rate(nodemeter_gpu_busy_seconds_total{`+onGPU+`}[$__rate_interval])`), device),
			q(`avg(rate(nodemeter_gpu_busy_seconds_total{`+onGPU+`}[$__rate_interval]))`, "Average")), "Average"),
		heat("GPU heatmap", ratio, "The same figures: a row a GPU, one fixed scale.", q(named(`rate(nodemeter_gpu_busy_seconds_total{`+onGPU+`}[$__rate_interval])`), device)),
		lines("SM activity", ratio, "Share of the multiprocessors that had work, over time (GPM, Hopper and newer). Low beside a busy GPU means small kernels.",
			q(named(`rate(nodemeter_gpu_sm_active_seconds_total{`+onGPU+`}[$__rate_interval])`), device)),
	}
}

func gpuMemory() []Panel {
	return []Panel{
		marked(lines("Memory", ratio, "Share of the device's memory in use.",
			q(named(`nodemeter_gpu_memory_used_bytes{`+onGPU+`} / nodemeter_gpu_memory_total_bytes{`+onGPU+`}`), device)), steps("green", 0.98, "red")),
		lines("Power", watts, "Exact mean between scrapes, from the energy counter.",
			q(named(`rate(nodemeter_gpu_energy_joules_total{`+onGPU+`}[$__rate_interval])`), device)),
		lines("Power limit in use", ratio, "Power as a share of the limit that is set.",
			q(named(`nodemeter_gpu_power_watts{`+onGPU+`} / nodemeter_gpu_power_limit_watts{`+onGPU+`}`), device)),
	}
}

func gpuClocks() []Panel {
	return []Panel{
		lines("SM clock", hertz, "Clock of the multiprocessors.", q(named(`nodemeter_gpu_sm_clock_hertz{`+onGPU+`}`), device)),
		flat(lines("Slowed", ratio, "Share of time in which something held the clocks down, by reason; power is normal under full load, thermal and hardware are not.",
			q(`avg by (reason) (rate(nodemeter_gpu_throttled_seconds_total{`+onGPU+`}[$__rate_interval]))`, "{{reason}}")), 0.1),
		marked(lines("Temperature", celsius, "Of the GPU itself; above the line it slows down or soon will.", q(named(`nodemeter_gpu_temperature_celsius{`+onGPU+`}`), device)), steps("green", 85.0, "red")),
	}
}

func gpuHealth() []Panel {
	number := func(v float64, text, color string) any {
		return object{"type": "value", "options": object{trim(v): object{"text": text, "color": color, "index": int(v)}}}
	}
	mappings := []any{number(0, "ok", "green"), number(1, "hung", "dark-red"), number(2, "lost", "red"), number(3, "failed", "orange"),
		number(4, "resetting", "yellow"), number(5, "released", "blue"), number(6, "unsupported", "gray")}
	state := func(name, code string) string {
		return code + ` * (nodemeter_gpu_state{state="` + name + `",` + onGPU + `} == 1)`
	}
	return []Panel{
		states("State", "Each GPU's condition; a device that hangs or is lost never takes the others or the host's figures with it.", mappings,
			q(state("ok", "0")+" or "+state("hung", "1")+" or "+state("lost", "2")+" or "+state("failed", "3")+" or "+state("resetting", "4")+" or "+state("released", "5")+" or "+state("unsupported", "6"), "{{instance}} {{uuid}}")),
		flat(lines("XID events", "none", "Errors the driver reported, by the number of events in each step.",
			q(named(`increase(nodemeter_gpu_xid_events_total{`+onGPU+`}[$__rate_interval])`), device)), 1),
		flat(lines("Memory errors", "none", "Uncorrected ECC errors in each step. Any is reason to look; rising is reason to drain.",
			q(named(`increase(nodemeter_gpu_ecc_uncorrected_errors_total{`+onGPU+`}[$__rate_interval])`), device)), 1),
	}
}
