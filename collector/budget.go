package collector

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"nodemeter/collector/metric"
)

// Budget bounds what the agent itself may use. Over it, the agent first makes
// the rarer of its reads rarer still, then leaves out ticks; when there is room
// again it goes back the same way. The zero Budget is no limit.
type Budget struct {
	// Cores is the most processor time a second of wall time, as a mean over
	// BudgetSpan; 0 is no limit.
	Cores float64
	// Used is the processor time used since the agent started, by what sampling
	// less would make cheaper.
	Used func() time.Duration
}

// BudgetSpan is the time over which use is held against the budget.
const BudgetSpan = 30 * time.Second

// Pace is how far the agent has slowed down.
type Pace struct {
	// Slow is by how much the sources' slow tiers are lengthened.
	Slow int
	// Stretch is how many intervals there are from one sample to the next.
	Stretch int
	// Used is the use over the last BudgetSpan, in cores.
	Used float64
}

// Paced is a source some of whose reads are rarer than ticks.
type Paced interface {
	// SetPace makes those reads rarer by a factor of at least 1. It is called
	// from the goroutine that reads.
	SetPace(factor int)
}

// paces are the steps of slowing down, from the configured pace on. No step
// leaves more than mostApart between samples, so that whoever watches over the
// agent need not wait longer to know that it lives.
func paces(interval time.Duration) []Pace {
	all := []Pace{{Slow: 1, Stretch: 1}, {Slow: 4, Stretch: 1}, {Slow: 4, Stretch: 2}, {Slow: 4, Stretch: 5}, {Slow: 10, Stretch: 10}, {Slow: 30, Stretch: 30}}
	return slices.DeleteFunc(all, func(p Pace) bool { return p.Stretch > 1 && interval*time.Duration(p.Stretch) > mostApart })
}

const mostApart = 5 * time.Second

// LongestStep is the most time from one sample to the next, however far the
// agent is over its budget.
func LongestStep(interval time.Duration) time.Duration { return max(interval, mostApart) }

// MissedBudget is why a tick was left out on purpose: see MissedOverrun.
const MissedBudget = "budget"

// governor keeps the agent within its budget. It belongs to the loop.
type governor struct {
	Budget
	paces []Pace
	level int
	since time.Duration // monotonic time at which the span began
	used  time.Duration // by then
	calm  int           // spans in a row in which there was room to spare
	now   atomic.Pointer[Pace]
}

func newGovernor(b Budget, interval time.Duration) *governor {
	g := &governor{Budget: b, paces: paces(interval)}
	g.now.Store(&g.paces[0])
	return g
}

// calmSpans is how many spans in a row must have room before the agent speeds
// up by a step, so that it does not swing.
const calmSpans = 2

// look is called at each tick with the monotonic time. It reports whether the
// pace has changed, once a span at most.
func (g *governor) look(mono time.Duration) (changed bool) {
	if g.Cores <= 0 || mono-g.since < BudgetSpan {
		return false
	}
	used := g.Used()
	cores := (used - g.used).Seconds() / (mono - g.since).Seconds()
	first := g.since == 0 // begins with the agent's own start, which is dear
	g.since, g.used = mono, used
	was := g.level
	switch {
	case first:
	case cores > g.Cores:
		g.level, g.calm = min(g.level+1, len(g.paces)-1), 0
	case g.level > 0 && cores*g.faster() < g.Cores*0.8:
		if g.calm++; g.calm >= calmSpans {
			g.level, g.calm = g.level-1, 0
		}
	default:
		g.calm = 0
	}
	p := g.paces[g.level]
	p.Used = cores
	g.now.Store(&p)
	return g.level != was
}

// faster is how many times more than now the agent may use one step up: as many
// times as it takes more samples, and twice at least for the slow tiers.
func (g *governor) faster() float64 {
	return max(2, float64(g.paces[g.level].Stretch)/float64(g.paces[g.level-1].Stretch))
}

// Pace is how far the agent has slowed down now. It may be called from anywhere.
func (r *Runner) Pace() Pace { return *r.governor.now.Load() }

// step is the time between ticks now.
func (r *Runner) step() time.Duration { return r.interval * time.Duration(r.Pace().Stretch) }

// govern changes the pace when it is time to, and says so.
func (r *Runner) govern(now instant) {
	was := r.Pace()
	if !r.governor.look(now.mono) {
		return
	}
	p := r.Pace()
	words := []any{"used_cores", fmt.Sprintf("%.5f", p.Used), "budget_cores", r.governor.Cores, "slow_tiers", fmt.Sprintf("x%d", p.Slow), "interval", r.step()}
	if p.Slow > was.Slow || p.Stretch > was.Stretch {
		r.log.Warn("over the budget of --max-cpu: slowing down", words...)
	} else {
		r.log.Info("within the budget again: speeding up", words...)
	}
}

// leaveOut records ticks that were left out on purpose.
func (r *Runner) leaveOut(now instant, count int64) {
	if count > 0 {
		r.pending = append(r.pending, metric.Event{Kind: metric.EventMissedTicks, Time: now.wall, Count: count, Detail: MissedBudget})
	}
}
