package window

import (
	"time"

	"nodemeter/collector/metric"
)

// maxEvents is how many events a sealed window lists. A source that fails at
// every other tick, or an agent that misses ticks all the time, makes one a
// tick: a footer full of them would be larger than the samples, and than what
// a reader accepts.
const maxEvents = 4096

// fewerEvents adds up events of the same kind and detail within a minute, then
// within ten and within a day, then whatever their detail, until there are few
// enough. The first of each keeps its time; Count and By are sums, where an
// event without a count is one. The order stays.
func fewerEvents(events []metric.Event, most int) []metric.Event {
	for _, details := range []bool{true, false} {
		for _, within := range []time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour} {
			if len(events) <= most {
				return events
			}
			events = addUp(events, within, details)
		}
	}
	return events
}

// addUp merges events of one kind (and detail) that began in the same span.
func addUp(events []metric.Event, within time.Duration, details bool) []metric.Event {
	type key struct {
		kind   metric.EventKind
		detail string
		span   int64
	}
	at := map[key]int{}
	var out []metric.Event
	for _, e := range events {
		k := key{e.Kind, e.Detail, e.Time.UnixNano() / int64(within)}
		if !details {
			k.detail = ""
		}
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, e)
			continue
		}
		sum := &out[i]
		sum.Count = max(sum.Count, 1) + max(e.Count, 1)
		sum.By += e.By
		if sum.Detail != e.Detail {
			sum.Detail = "several"
		}
	}
	return out
}
