package analysis

import (
	"math"
	"time"

	"nodemeter/collector/metric"
)

// Presence says when an entity was seen: the coverage that stands beside every
// one of its figures.
type Presence struct {
	First, Last time.Time // the first and the last sample
	// Seen counts samples, Expected those that its interval promised between
	// First and Last while the agent was running.
	Seen, Expected int64
	// Gaps are the spans without samples, in order of time: the longest
	// maxGaps of them. GapCount counts all.
	Gaps     []Gap
	GapCount int
	// Repeated counts rows left out because they are no later than one before them;
	// Conflicts how many of those differed (CSV only).
	Repeated, Conflicts int64
}

// Coverage is Seen/Expected, 0-1; NaN where nothing was expected.
func (p *Presence) Coverage() float64 {
	if p.Expected == 0 {
		return math.NaN()
	}
	return min(1, float64(p.Seen)/float64(p.Expected))
}

// Duration is the time from the first to the last sample.
func (p *Presence) Duration() time.Duration {
	if p.Seen == 0 {
		return 0
	}
	return p.Last.Sub(p.First)
}

// Gap is a span between two samples in which some were due.
type Gap struct {
	From, To time.Time // the samples before and after
	Missing  int64     // samples that were due in between
	// Stopped is true where the agent had been stopped in order: nothing was due.
	Stopped bool
}

const maxGaps = 1000

// seen follows one entity's rows in ascending time.
type seen struct {
	interval    int64 // nanoseconds, nominal; 0 where unknown
	before      int64 // that of the row before
	first, last int64
	rows        int64
	expected    int64
	repeated    int64
	gaps        []Gap
	gapCount    int
}

// add takes a row's time; false means it must be left out, being no later than the row before.
func (s *seen) add(t int64) bool {
	if s.rows == 0 {
		s.first, s.last, s.rows, s.expected, s.before = t, t, 1, 1, s.interval
		return true
	}
	if t <= s.last {
		s.repeated++
		return false
	}
	steps := int64(1)
	if interval := max(s.interval, s.before); interval > 0 {
		// The last sample of a run is off the grid: any distance is one step at least.
		steps = max(1, (t-s.last+interval/2)/interval)
	}
	s.before = s.interval
	if steps > 1 {
		s.gap(Gap{From: time.Unix(0, s.last), To: time.Unix(0, t), Missing: steps - 1})
	}
	s.rows++
	s.expected += steps
	s.last = t
	return true
}

// gap keeps the longest gaps: the shortest gives way when there are too many.
func (s *seen) gap(g Gap) {
	s.gapCount++
	if len(s.gaps) < maxGaps {
		s.gaps = append(s.gaps, g)
		return
	}
	shortest := 0
	for i, o := range s.gaps {
		if o.Missing < s.gaps[shortest].Missing {
			shortest = i
		}
	}
	if s.gaps[shortest].Missing < g.Missing {
		s.gaps = append(append(s.gaps[:shortest:shortest], s.gaps[shortest+1:]...), g)
	}
}

// presence closes the account. Where the agent said that it stopped, nothing was due until it started again.
func (s *seen) presence(events []metric.Event) Presence {
	p := Presence{First: time.Unix(0, s.first), Last: time.Unix(0, s.last), Seen: s.rows, Expected: s.expected, Gaps: s.gaps, GapCount: s.gapCount, Repeated: s.repeated}
	tolerance := time.Duration(s.interval) * 3 / 2
	for i := range p.Gaps {
		g := &p.Gaps[i]
		for _, e := range events {
			if e.Kind == metric.EventStop && !e.Time.Before(g.From.Add(-tolerance)) && e.Time.Before(g.From.Add(tolerance)) {
				g.Stopped = true
			}
		}
		if g.Stopped {
			p.Expected -= g.Missing
		}
	}
	return p
}
