package analysis

import (
	"fmt"
	"strconv"

	"nodemeter/collector/metric"
)

// checkPressure judges the mean of a pressure column (PSI "some": the share of
// time in which at least one task stalled).
func checkPressure(column string) func(*inquiry) {
	return func(q *inquiry) {
		q.why = "the kernel tells no pressure (PSI)"
		for _, x := range q.subjects(q.r.Nodes(), column) {
			if float64(x.s.Mean) > q.at("mean") {
				q.hit(x.e, FormatValue(x.s.Mean, metric.Ratio)+" of the time", map[string]Number{"mean": x.s.Mean, "p95": x.s.P95})
			}
		}
	}
}

// checkIOBound goes by I/O pressure, and by iowait where there is no PSI.
func checkIOBound(q *inquiry) {
	q.why = "neither I/O pressure nor iowait was recorded"
	nodes := q.r.Nodes()
	for _, x := range q.subjects(nodes, "pressure_io_some_ratio") {
		if float64(x.s.Mean) > q.at("pressure") {
			q.hit(x.e, "stalled "+FormatValue(x.s.Mean, metric.Ratio)+" of the time", map[string]Number{"pressure": x.s.Mean})
		}
	}
	if q.total > 0 {
		return
	}
	for _, x := range q.subjects(nodes, "cpu_iowait_seconds") {
		if share := ratio(float64(x.s.Mean), x.e.Use.Cores); float64(share) > q.at("iowait") {
			q.hit(x.e, FormatValue(share, metric.Ratio)+" of CPU time in iowait", map[string]Number{"iowait": share})
		}
	}
}

// linkSpeed is what a link or node can carry in one direction, 10^6 bit/s; 0 where unknown.
func linkSpeed(e *EntityResult, fallback float64) float64 {
	for _, l := range e.Info {
		if l.Name == "speed_mbps" {
			if v, err := strconv.ParseFloat(l.Value, 64); err == nil && v > 0 {
				return v
			}
		}
	}
	return fallback
}

// checkNetworkBound looks for links that were full for much of the time. Where
// no link was recorded on its own, nodes are judged, as if they had one.
func checkNetworkBound(q *inquiry) {
	q.why = "the speed of the links is not known: set link_mbps in a rules file"
	var known []*EntityResult
	for _, kind := range []metric.EntityKind{metric.NIC, metric.Node} {
		for _, e := range q.r.Entities {
			if e.Entity.Kind == kind && linkSpeed(e, q.at("link_mbps")) > 0 {
				known = append(known, e)
			}
		}
		if len(known) > 0 {
			break
		}
	}
	for _, x := range q.subjects(known, "network_mbps") {
		s, speed := x.e.Series["network_mbps"], linkSpeed(x.e, q.at("link_mbps"))
		if s == nil {
			continue
		}
		full, all, spans := q.r.spansWhere(func(i int) (bool, bool) { return s.Samples[i] > 0, s.Mean[i] > q.at("full")*speed })
		if share := ratio(float64(full), float64(all)); float64(share) > q.at("share") {
			q.hit(x.e, fmt.Sprintf("mean %s of %s, full %s of the time", FormatValue(x.s.Mean, metric.Mbps), FormatValue(Number(speed), metric.Mbps), FormatValue(share, metric.Ratio)),
				map[string]Number{"mean_mbps": x.s.Mean, "speed_mbps": Number(speed), "share": share}, spans...)
		}
	}
}
