package grafana

import "strconv"

func trim(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func agent() *Dashboard {
	return &Dashboard{
		UID: "nodemeter-agent", Title: "nodemeter / Agent health", From: "now-6h", Refresh: "1m", Variables: variables(),
		Description: "The agents themselves: are they sampling, are they writing, what do they cost.",
		Rows: []Row{
			{Height: 4, Panels: agentFigures()},
			{Title: "Sampling", Height: 8, Panels: agentSampling()},
			{Title: "Sources", Height: 9, Panels: agentSources()},
			{Title: "Recording", Height: 8, Panels: agentRecording()},
			{Title: "Cost", Height: 8, Panels: agentCost()},
		},
	}
}

func agentFigures() []Panel {
	return []Panel{
		figure("Agents", number, "Agents that answered the last scrape.", nil, q(`count(nodemeter_build_info{`+on+`})`, "")),
		figure("Sources failing", number, "Sources whose last read failed or was late.", steps("green", 1.0, "red"), q(`sum(1 - nodemeter_source_up{`+on+`})`, "")),
		figure("Samples missed", ratio, "Ticks without a sample in the chosen time, all reasons.", steps("green", 0.001, "orange", 0.01, "red"),
			q(`sum(increase(nodemeter_missed_ticks_total{`+on+`}[$__range])) / (sum(increase(nodemeter_ticks_total{`+on+`}[$__range])) + sum(increase(nodemeter_missed_ticks_total{`+on+`}[$__range])))`, "")),
		figure("Not written", number, "Samples of the chosen time that are not in a window.", steps("green", 1.0, "red"),
			q(`sum(increase(nodemeter_windows_dropped_samples_total{`+on+`}[$__range]))`, "")),
		figure("CPU of the dearest", ratio, "Processor time of the agent that takes most, as a share of one core, last ten minutes.", steps("green", 0.005, "orange", 0.02, "red"),
			q(`max(rate(process_cpu_seconds_total{`+on+`}[10m]))`, "")),
		figure("Memory of the largest", byteCount, "Resident memory of the largest agent now.", steps("green", 64.0*1024*1024, "orange"),
			q(`max(process_resident_memory_bytes{`+on+`})`, "")),
	}
}

func agentSampling() []Panel {
	return []Panel{
		flat(lines("Missed ticks", perSecond, "Ticks for which no sample was taken, by reason.",
			q(`sum by (reason) (rate(nodemeter_missed_ticks_total{`+on+`}[$__rate_interval]))`, "{{reason}}")), 1),
		lines("Lateness", secs, "How long after its tick the reading of the last sample began.",
			q(`nodemeter_tick_lag_seconds{`+on+`}`, "{{instance}}")),
		lines("Age of the last sample", secs, "Time between the scrape and the tick it shows; more than the interval means that the loop is stuck or the clocks differ.",
			q(`timestamp(nodemeter_last_tick_timestamp_seconds{`+on+`}) - nodemeter_last_tick_timestamp_seconds{`+on+`}`, "{{instance}}")),
	}
}

func agentSources() []Panel {
	up := []any{
		object{"type": "value", "options": object{"0": object{"text": "failing", "color": "red", "index": 0}, "1": object{"text": "ok", "color": "green", "index": 1}}},
	}
	return []Panel{
		states("Sources", "A failing source's figures are absent, never zero; the agent's log names the file or device.", up,
			q(`min by (cluster, job, instance, source) (nodemeter_source_up{`+on+`})`, "{{instance}} {{source}}")),
		lines("Time of a read", secs, "How long each source's last read took; the slowest node of each.",
			q(`max by (source) (nodemeter_source_duration_seconds{`+on+`})`, "{{source}}")),
		flat(lines("Refused values", perSecond, "Values that cannot be true, such as a utilization of 218322032, refused and counted.",
			q(`sum by (source) (rate(nodemeter_source_rejected_total{`+on+`}[$__rate_interval]))`, "{{source}}")), 1),
	}
}

func agentRecording() []Panel {
	return []Panel{
		lines("Written", byteRate, "Bytes written to windows.", q(`rate(nodemeter_windows_written_bytes_total{`+on+`}[$__rate_interval])`, "{{instance}}")),
		flat(lines("Samples not written", perSecond, "Samples that are not in a window: the directory is full, at its limit, read-only or too slow.",
			q(`rate(nodemeter_windows_dropped_samples_total{`+on+`}[$__rate_interval])`, "{{instance}}")), 1),
	}
}

func agentCost() []Panel {
	return []Panel{
		marked(unbounded(lines("Processor time", ratio, "Of the agent, as a share of one core; the line is its budget.", q(`rate(process_cpu_seconds_total{`+on+`}[$__rate_interval])`, "{{instance}}"))), steps("green", 0.005, "orange")),
		lines("Resident memory", byteCount, "Of the agent without its GPU reader.", q(`process_resident_memory_bytes{`+on+`}`, "{{instance}}")),
		lines("Series", number, "Series made from a sample, and how many were not exported because of the limit.",
			q(`nodemeter_series{`+on+`}`, "{{instance}}"), q(`increase(nodemeter_series_dropped_total{`+on+`}[$__rate_interval])`, "dropped {{instance}}")),
	}
}
