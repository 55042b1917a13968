package analysis

import (
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/stat"

	"nodemeter/collector/metric"
)

func checkMemoryOver(q *inquiry) {
	peak, need := 0.0, 0.0
	for _, x := range q.subjects(q.r.Nodes(), "memory_util") {
		if !(float64(x.s.Max) < q.at("max")) { // or not known
			continue
		}
		peak = max(peak, float64(x.s.Max))
		text := "peak " + FormatValue(x.s.Max, metric.Ratio)
		if u := x.e.Use; u.MemoryTotal > 0 {
			need = max(need, u.MemoryPeak*q.at("margin"))
			text = fmt.Sprintf("peak %s of %s", FormatBytes(u.MemoryPeak), FormatBytes(u.MemoryTotal))
		}
		q.hit(x.e, text, map[string]Number{"max": x.s.Max, "peak_bytes": Number(x.e.Use.MemoryPeak)})
	}
	if len(q.hits) < q.judged {
		q.hits = nil // one node at least did need it
	}
	const gib = 1 << 30
	q.fill["peak_share"] = FormatValue(Number(peak), metric.Ratio)
	q.fill["need"] = FormatValue(Number(peak*q.at("margin")), metric.Ratio) + " of the memory"
	if need > 0 {
		q.fill["need"] = fmt.Sprintf("%.0f GiB", math.Ceil(need/gib))
	}
}

// checkMemoryLeak fits a line to memory over time. It is a leak when the line
// explains nearly all that happened (steady, a coefficient of determination),
// when it rises by enough in all, and when the first tenth, in which programs
// load, is left out.
func checkMemoryLeak(q *inquiry) {
	for _, x := range q.subjects(q.r.Nodes(), "memory_util") {
		s := x.e.Series["memory_util"]
		if s == nil {
			continue
		}
		hours, values := s.points(q.r.Grid)
		skip := len(values) / 10
		hours, values = hours[skip:], values[skip:]
		if int64(len(values)) < q.needs.Samples || hours[len(hours)-1] == hours[0] {
			continue
		}
		alpha, slope := stat.LinearRegression(hours, values, nil, false)
		last := hours[len(hours)-1]
		growth := slope * (last - hours[0])
		if growth < q.at("growth") || stat.RSquared(hours, values, nil, alpha, slope) < q.at("steady") {
			continue
		}
		text := fmt.Sprintf("+%s an hour", FormatValue(Number(slope), metric.Ratio))
		if total := x.e.Use.MemoryTotal; total > 0 {
			text = fmt.Sprintf("+%s an hour", FormatBytes(slope*total))
		}
		left := time.Duration((1 - values[len(values)-1]) / slope * float64(time.Hour))
		text += ", full in " + FormatDuration(left) + " at this rate"
		q.hit(x.e, text, map[string]Number{"slope_per_hour": Number(slope), "growth": Number(growth), "seconds_to_exhaustion": Number(left.Seconds())},
			Span{x.e.Presence.First, x.e.Presence.Last})
	}
}

// points are a series' bins that have a value: hours since the grid's start, and means.
func (s *Series) points(g Grid) (hours, values []float64) {
	for i, v := range s.Mean {
		if s.Samples[i] > 0 {
			hours, values = append(hours, (time.Duration(i)*g.Width).Hours()), append(values, v)
		}
	}
	return hours, values
}
