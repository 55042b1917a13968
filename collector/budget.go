package collector

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"nodemeter/collector/metric"
)

// Budget bounds what sampling may use. Over it, the agent first makes the rarer
// of its reads rarer still, then leaves out ticks; when there is room again it
// goes back the same way. What sampling less would not make cheaper (scrapes,
// sealing) is no part of it: nobody who asks for /metrics can thin a recording.
// The zero Budget is no limit.
type Budget struct {
	// Cores is the most processor time a second of wall time, as a mean over
	// BudgetSpan; 0 is no limit.
	Cores float64
	// Beside is the processor time used so far by other processes that read for
	// the agent; nil is none.
	Beside func() time.Duration
}

// BudgetSpan is the time over which use is held against the budget.
const BudgetSpan = 30 * time.Second

// Pace is how far the agent has slowed down.
type Pace struct {
	// Slow is by how much the sources' slow tiers are lengthened.
	Slow int
	// Stretch is how many intervals there are from one sample to the next.
	Stretch int
	// Used is the use over the last BudgetSpan, in cores, once Measured.
	Used     float64
	Measured bool
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
	paces    []Pace
	level    int
	own      time.Duration // used by reading and publishing, in this process
	since    time.Duration // monotonic time at which the span began
	used     time.Duration // by then
	calm     int           // spans in a row in which there was room for the step before
	patience int           // how many of them it takes
	tried    bool          // a step back was just taken
	now      atomic.Pointer[Pace]
}

// How many spans in a row there must be room before the agent speeds up by a
// step. Each time that the step turns out to be too much, it waits twice as
// long before it tries again: half an hour at most.
const (
	leastPatience = 2
	mostPatience  = 64
)

func newGovernor(b Budget, interval time.Duration) *governor {
	g := &governor{Budget: b, paces: paces(interval), patience: leastPatience}
	g.now.Store(&g.paces[0])
	return g
}

// charge adds what reading or publishing has used.
func (g *governor) charge(d time.Duration) { g.own += d }

// look is called at each tick with the monotonic time. It reports whether the
// pace has changed, once a span at most.
func (g *governor) look(mono time.Duration) (changed bool) {
	if g.Cores <= 0 || mono-g.since < BudgetSpan {
		return false
	}
	used := g.own
	if g.Beside != nil {
		used += g.Beside()
	}
	cores := max(used-g.used, 0).Seconds() / (mono - g.since).Seconds()
	first := g.since == 0 // begins with the agent's own start, which is dear
	g.since, g.used = mono, used
	was := g.level
	if !first {
		g.level = g.next(cores)
	}
	p := g.paces[g.level]
	p.Used, p.Measured = cores, true
	g.now.Store(&p)
	return g.level != was
}

// next is the level that follows from the use over a span.
func (g *governor) next(cores float64) int {
	if cores > g.Cores {
		if g.tried {
			g.patience = min(2*g.patience, mostPatience)
		}
		g.calm, g.tried = 0, false
		return min(g.level+1, len(g.paces)-1)
	}
	g.tried = false
	if g.level == 0 {
		return 0
	}
	if cores*g.faster() > g.Cores {
		g.calm = 0
		return g.level
	}
	if g.calm++; g.calm < g.patience {
		return g.level
	}
	g.calm, g.tried = 0, true
	return g.level - 1
}

// faster is how many times more than now the agent will use one step back, as
// far as that can be known: what slow tiers save has to be tried.
func (g *governor) faster() float64 {
	return float64(g.paces[g.level].Stretch) / float64(g.paces[g.level-1].Stretch)
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
	r.tellLeftOut(now)
	p := r.Pace()
	words := []any{"used_cores", fmt.Sprintf("%.5f", p.Used), "budget_cores", r.governor.Cores, "slow_tiers", fmt.Sprintf("x%d", p.Slow), "interval", r.step()}
	if p.Slow > was.Slow || p.Stretch > was.Stretch {
		r.log.Warn("over the budget of --max-cpu: slowing down", words...)
	} else {
		r.log.Info("within the budget again: speeding up", words...)
	}
}

// leftOut counts ticks that were left out on purpose and have not been told.
type leftOut struct {
	count int64
	told  time.Duration // monotonic time of the last event
}

// leaveOut counts ticks left out, and tells of them once a BudgetSpan: an event
// at every sample would be most of the recording.
func (r *Runner) leaveOut(now instant, count int64) {
	r.left.count += count
	if r.left.count > 0 && (r.left.told == 0 || now.mono-r.left.told >= BudgetSpan) {
		r.tellLeftOut(now)
	}
}

func (r *Runner) tellLeftOut(now instant) {
	if r.left.count > 0 {
		r.pending = append(r.pending, metric.Event{Kind: metric.EventMissedTicks, Time: now.wall, Count: r.left.count, Detail: MissedBudget})
	}
	r.left = leftOut{told: now.mono}
}
