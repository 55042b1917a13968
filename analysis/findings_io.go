package analysis

import (
	"fmt"

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

// checkNetworkBound looks for links that were full for much of the time. Where
// no link was recorded on its own, nodes are judged by their busiest. Links
// whose speed was not recorded are held against the site's, as if each node had
// one of them.
func checkNetworkBound(q *inquiry) {
	q.why = "the speed of the links is not known: set link_mbps in a rules file"
	for _, kind := range []metric.EntityKind{metric.NIC, metric.Node} {
		column := "network_busiest_util"
		if kind == metric.NIC {
			column = "network_util"
		}
		for _, e := range q.r.Entities {
			if e.Entity.Kind != kind {
				continue
			}
			if e.Stats[column] != nil {
				q.judgeLink(e, column, 1, metric.Ratio, "the link's speed")
			} else if speed := q.at("link_mbps"); speed > 0 {
				q.judgeLink(e, "network_mbps", speed, metric.Mbps, FormatValue(Number(speed), metric.Mbps))
			}
		}
		if q.total > 0 {
			return
		}
	}
}

// judgeLink judges one link by a column that is at most at full.
func (q *inquiry) judgeLink(e *EntityResult, column string, most float64, unit metric.Unit, of string) {
	s := e.Series[column]
	for _, x := range q.subjects([]*EntityResult{e}, column) {
		if s == nil {
			continue
		}
		full, all, spans := q.r.spansWhere(func(i int) (bool, bool) { return s.Samples[i] > 0, s.Mean[i] > q.at("full")*most })
		if share := ratio(float64(full), float64(all)); float64(share) > q.at("share") {
			q.hit(e, fmt.Sprintf("mean %s of %s, full %s of the time", FormatValue(x.s.Mean, unit), of, FormatValue(share, metric.Ratio)),
				map[string]Number{"mean": x.s.Mean, "most": Number(most), "share": share}, spans...)
		}
	}
}
