package analysis

import (
	"fmt"

	"nodemeter/collector/metric"
)

// gpus are the GPUs; in a CSV, which knows none, the workers that used one.
func (q *inquiry) gpus() []*EntityResult {
	var devices, workers []*EntityResult
	for _, e := range q.r.Entities {
		switch s := e.Stats["gpu_util"]; {
		case e.Entity.Kind == metric.GPU:
			devices = append(devices, e)
		case e.Entity.Kind == metric.Node && s != nil && s.Max > 0:
			workers = append(workers, e)
		}
	}
	q.why = "no GPU was recorded"
	if len(devices) == 0 && q.r.Inputs.Kind == KindCSV {
		return workers
	}
	return devices
}

// gpuHours is how long a GPU was seen.
func gpuHours(s *Stats) float64 { return float64(s.Seconds) / 3600 }

func checkGPUUnused(q *inquiry) {
	if q.r.Inputs.Kind == KindCSV {
		q.why = "a CSV cannot tell an idle GPU from none"
		return
	}
	hours := 0.0
	for _, x := range q.subjects(q.gpus(), "gpu_util") {
		if float64(x.s.Max) > q.at("max") {
			continue
		}
		hours += gpuHours(x.s)
		q.hit(x.e, fmt.Sprintf("%s for %s", FormatValue(x.s.Max, metric.Ratio), FormatDuration(x.e.Presence.Duration())),
			map[string]Number{"max": x.s.Max, "gpu_hours": Number(gpuHours(x.s))}, Span{x.e.Presence.First, x.e.Presence.Last})
	}
	q.fill["gpu_hours"] = FormatShort(hours)
}

func checkGPULow(q *inquiry) {
	var all rowMean
	for _, x := range q.subjects(q.gpus(), "gpu_util") {
		all.add(float64(x.s.Mean))
		if m := float64(x.s.Mean); x.s.Max > 0 && m > q.at("above") && m <= q.at("max") {
			q.hit(x.e, "mean "+FormatValue(x.s.Mean, metric.Ratio), map[string]Number{"mean": x.s.Mean, "p95": x.s.P95})
		}
	}
	q.fill["mean"] = FormatValue(all.mean(), metric.Ratio)
}

func checkGPUFluctuating(q *inquiry) {
	q.fill["high"], q.fill["low"] = FormatValue(Number(q.at("high")), metric.Ratio), FormatValue(Number(q.at("low")), metric.Ratio)
	for _, x := range q.subjects(q.gpus(), "gpu_util") {
		if float64(x.s.P95) > q.at("high") && float64(x.s.P5) < q.at("low") {
			q.hit(x.e, fmt.Sprintf("p5 %s, p95 %s", FormatValue(x.s.P5, metric.Ratio), FormatValue(x.s.P95, metric.Ratio)),
				map[string]Number{"p5": x.s.P5, "p95": x.s.P95, "mean": x.s.Mean})
		}
	}
}

// checkGPUHollow sets SM activity, where the device tells it, against NVML's utilization.
func checkGPUHollow(q *inquiry) {
	for _, x := range q.subjects(q.gpus(), "gpu_sm_active") {
		util := x.e.Stats["gpu_util"]
		if util == nil || float64(util.Mean) < q.at("util") || float64(x.s.Mean) > q.at("active") {
			continue
		}
		q.hit(x.e, fmt.Sprintf("utilization %s, SM activity %s", FormatValue(util.Mean, metric.Ratio), FormatValue(x.s.Mean, metric.Ratio)),
			map[string]Number{"util": util.Mean, "sm_active": x.s.Mean})
	}
	if q.total == 0 {
		q.why = "no device tells its SM activity"
	}
}

// throttleReasons are the counters behind gpu-throttled, by threshold.
var throttleReasons = [...]string{"thermal", "hardware", "power"}

func checkGPUThrottled(q *inquiry) {
	for _, x := range q.subjects(q.gpus(), "gpu_util") {
		figures := map[string]Number{}
		text := ""
		for _, reason := range throttleReasons {
			s := x.e.Stats["gpu_throttled_"+reason+"_seconds"]
			if s == nil || !(float64(s.Mean) > q.at(reason)) {
				continue
			}
			figures[reason] = s.Mean
			if text != "" {
				text += ", "
			}
			text += reason + " " + FormatValue(s.Mean, metric.Ratio) + " of the time"
		}
		if text != "" {
			q.hit(x.e, text, figures)
		}
	}
}

func checkGPUIdleHours(q *inquiry) {
	var idle, hours, joules float64
	for _, x := range q.subjects(q.gpus(), "gpu_util") {
		hours += gpuHours(x.s)
		share := ratio(float64(x.s.IdleSeconds), float64(x.s.Seconds))
		idle += float64(x.s.IdleSeconds) / 3600
		joules += x.e.Use.GPUIdleJoules
		if float64(share) > q.at("share") {
			q.hit(x.e, FormatValue(share, metric.Ratio)+" idle", map[string]Number{"idle_share": share, "idle_hours": Number(float64(x.s.IdleSeconds) / 3600), "idle_joules": Number(x.e.Use.GPUIdleJoules)})
		}
	}
	if idle <= q.at("share")*hours {
		q.hits = nil // some GPUs, but not the run
	}
	q.fill["idle_hours"], q.fill["gpu_hours"] = FormatShort(idle), FormatShort(hours)
	q.fill["share"] = FormatValue(ratio(idle, hours), metric.Ratio)
	q.fill["energy"] = "an unknown amount of energy"
	if joules > 0 {
		q.fill["energy"] = FormatEnergy(joules)
	}
}

// checkInputBound looks for time in which the GPUs of a node waited while its CPU was full.
func checkInputBound(q *inquiry) {
	q.why = "no node has both CPU and GPU figures"
	for _, x := range q.subjects(q.r.Nodes(), "gpu_util") {
		cpu, gpu := x.e.Series["cpu_util"], x.e.Series["gpu_util"]
		if cpu == nil || gpu == nil || x.s.Max == 0 {
			continue
		}
		starving, both, spans := q.r.spansWhere(func(i int) (bool, bool) {
			return cpu.Samples[i] > 0 && gpu.Samples[i] > 0, gpu.Mean[i] < q.at("gpu") && cpu.Mean[i] > q.at("cpu")
		})
		if share := ratio(float64(starving), float64(both)); float64(share) > q.at("share") {
			q.hit(x.e, FormatValue(share, metric.Ratio)+" of the time", map[string]Number{"share": share, "gpu_mean": x.s.Mean}, spans...)
		}
	}
}

// spansWhere counts the grid's bins that have values and those of them that
// are true, and returns the longest spans of the latter.
func (r *Result) spansWhere(at func(bin int) (has, is bool)) (true_, has int, spans []Span) {
	start := -1
	closeSpan := func(end int) {
		if start >= 0 {
			spans = append(spans, Span{r.Grid.Time(start), r.Grid.Time(end)})
		}
		start = -1
	}
	for i := range r.Grid.Bins {
		h, is := at(i)
		if h {
			has++
		}
		if h && is {
			true_++
			if start < 0 {
				start = i
			}
			continue
		}
		closeSpan(i)
	}
	closeSpan(r.Grid.Bins)
	return true_, has, longestSpans(spans)
}
