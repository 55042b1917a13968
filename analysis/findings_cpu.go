package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"nodemeter/collector/metric"
)

// longestSpans keeps the three longest spans, in order of time.
func longestSpans(spans []Span) []Span {
	slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Compare(b.To.Sub(b.From), a.To.Sub(a.From)) })
	spans = spans[:min(len(spans), 3)]
	slices.SortStableFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	return spans
}

// hasGPU reports whether any GPU was recorded: low CPU use is then no fault.
func (r *Result) hasGPU() bool {
	return slices.ContainsFunc(r.Entities, func(e *EntityResult) bool {
		s := e.Stats["gpu_util"]
		return e.Entity.Kind == metric.GPU || s != nil && s.Max > 0
	})
}

func checkCPULow(q *inquiry) {
	if q.r.hasGPU() {
		q.why = "the run has GPUs: the CPU need not be full"
		return
	}
	used, cores := 0.0, 0.0
	var all rowMean
	for _, x := range q.subjects(q.r.Nodes(), "cpu_util") {
		if m := float64(x.s.Mean); m > q.at("above") && m <= q.at("max") {
			all.add(m)
			q.hit(x.e, "mean "+FormatValue(x.s.Mean, metric.Ratio), map[string]Number{"mean": x.s.Mean, "p95": x.s.P95})
			used += m * x.e.Use.Cores
			cores += x.e.Use.Cores
		}
	}
	q.fill["mean"] = FormatValue(all.mean(), metric.Ratio)
	q.fill["cores_used"] = "a part of them only"
	if cores > 0 {
		q.fill["cores_used"] = fmt.Sprintf("%s of %s", FormatShort(used), FormatShort(cores))
	}
}

// checkSerial looks for nodes whose busy cores add up to one.
func checkSerial(q *inquiry) {
	q.why = "the number of cores was not recorded, or is one"
	var many []*EntityResult
	for _, e := range q.r.Nodes() {
		if e.Use.Cores >= 2 {
			many = append(many, e)
		}
	}
	for _, x := range q.subjects(many, "cpu_util") {
		busy := x.e.Use.CoreSecondsUsed / x.e.Use.CoreSeconds * x.e.Use.Cores
		if busy >= q.at("low") && busy <= q.at("high") {
			q.hit(x.e, fmt.Sprintf("%s of %s cores", FormatShort(busy), FormatShort(x.e.Use.Cores)), map[string]Number{"busy_cores": Number(busy), "cores": Number(x.e.Use.Cores)})
		}
	}
}

// workers are what work is shared between: attributed workers where there are any, else nodes.
func (r *Result) workers() []*EntityResult {
	var out []*EntityResult
	for _, e := range r.Entities {
		if e.Entity.Kind == metric.Worker && e.Stats["cpu_util"] != nil {
			out = append(out, e)
		}
	}
	if len(out) > 0 {
		return out
	}
	return r.Nodes()
}

func checkImbalance(q *inquiry) {
	xs := q.subjects(q.r.workers(), "cpu_util")
	if len(xs) < 2 {
		q.total, q.judged, q.why = 0, 0, "fewer than two workers to compare"
		return
	}
	means := make([]float64, len(xs))
	for i, x := range xs {
		means[i] = float64(x.s.Mean)
	}
	slices.Sort(means)
	least, most, middle := means[0], means[len(means)-1], means[len(means)/2]
	if len(means)%2 == 0 {
		middle = (middle + means[len(means)/2-1]) / 2
	}
	spread := ratio(most-least, most)
	if most < q.at("least") || !(float64(spread) > q.at("spread")) {
		return
	}
	q.fill["spread"] = FormatValue(spread, metric.Ratio)
	slices.SortStableFunc(xs, func(a, b subject) int {
		return cmp.Compare(math.Abs(float64(b.s.Mean)-middle), math.Abs(float64(a.s.Mean)-middle))
	})
	for _, x := range xs {
		// Far from the middle, by half the spread allowed; the extremes always are.
		off := (float64(x.s.Mean) - middle) / most
		if math.Abs(off) > q.at("spread")/2 {
			q.hit(x.e, FormatValue(x.s.Mean, metric.Ratio)+" busy", map[string]Number{"mean": x.s.Mean, "middle": Number(middle)})
		}
	}
}

// checkStoppedEarly looks for the moment after which a node did next to
// nothing, compared with before, until its recording ended.
func checkStoppedEarly(q *inquiry) {
	for _, x := range q.subjects(q.r.Nodes(), "cpu_util") {
		cpu, gpu := x.e.Series["cpu_util"], x.e.Series["gpu_util"]
		if cpu == nil {
			continue
		}
		var busy []float64
		var bins []int
		for i := range cpu.Mean {
			if cpu.Samples[i] == 0 {
				continue
			}
			v := cpu.Mean[i]
			if gpu != nil && gpu.Samples[i] > 0 {
				v = max(v, gpu.Mean[i])
			}
			busy, bins = append(busy, v), append(bins, i)
		}
		at, before, after := stopsAt(busy, q.at("rate"), q.at("active"), q.at("share"))
		if at < 0 {
			continue
		}
		end := q.r.Grid.Time(bins[at])
		rest := x.e.Presence.Last.Sub(end)
		q.hit(x.e, fmt.Sprintf("%s before, %s after %s, %s held", FormatValue(Number(before), metric.Ratio), FormatValue(Number(after), metric.Ratio), q.r.clock(end), FormatDuration(rest)),
			map[string]Number{"before": Number(before), "after": Number(after), "held_seconds": Number(rest.Seconds())}, Span{end, x.e.Presence.Last})
	}
}

// stopsAt returns the first bin from which on the mean is at most rate times
// the mean before it, which must be at least active; -1 if there is none that
// leaves at least the given share of the bins. All bins after it are low.
func stopsAt(busy []float64, rate, active, share float64) (at int, before, after float64) {
	n := len(busy)
	total := 0.0
	for _, v := range busy {
		total += v
	}
	highest := make([]float64, n+1) // of the bins from i on
	for i := n - 1; i >= 0; i-- {
		highest[i] = max(highest[i+1], busy[i])
	}
	sum := 0.0
	for i := 1; i < n; i++ {
		sum += busy[i-1]
		before, after = sum/float64(i), (total-sum)/float64(n-i)
		if float64(n-i) < max(share*float64(n), 3) {
			break
		}
		if before >= active && after <= rate*before && highest[i] <= max(3*rate*before, 0.05) {
			return i, before, after
		}
	}
	return -1, 0, 0
}
