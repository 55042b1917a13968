package collector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nodemeter/collector/metric"
)

// ErrLate is the error of a source that did not answer in time.
var ErrLate = errors.New("late")

// read asks every reader that is due and idle, waits until all have answered or
// the deadline has passed, and returns those whose numbers belong to this tick,
// in the order of the source table.
func (r *Runner) read(tick time.Time, now instant, deadline time.Duration) []*reader {
	for r.takeStale() {
		continue
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	n := tick.UnixNano() / int64(r.interval)
	r.round++
	waiting := 0
	for _, rd := range r.readers {
		rd.status.Read = !r.sampled || rd.due(n)
		rd.status.Rejected = 0
		if rd.status.Read && !rd.busy {
			rd.busy, rd.asked, rd.round = true, now.mono, r.round
			rd.ask <- ctx
			waiting++
		}
	}
	r.await(waiting, deadline)
	fresh := make([]*reader, 0, len(r.readers))
	for _, rd := range r.readers {
		switch {
		case rd.busy && rd.status.Read:
			r.late(rd, tick)
		case rd.round == r.round:
			r.settle(rd, tick)
			fresh = append(fresh, rd)
		}
	}
	return fresh
}

// takeStale takes one answer to an earlier round, if there is one. Its numbers
// are dropped, because the sample they were for has been published.
func (r *Runner) takeStale() bool {
	select {
	case rd := <-r.answers:
		rd.busy = false
		return true
	default:
		return false
	}
}

// await takes answers until those asked for in this round have come or the
// deadline has passed.
func (r *Runner) await(waiting int, deadline time.Duration) {
	r.deadlines.Reset(deadline)
	for waiting > 0 {
		select {
		case rd := <-r.answers:
			rd.busy = false
			if rd.round == r.round {
				waiting--
			}
		case <-r.deadlines.C:
			return
		}
	}
}

// settle turns an answer into the source's status.
func (r *Runner) settle(rd *reader, tick time.Time) {
	rd.status.Duration = rd.took
	rd.status.Rejected = rd.batch.Rejected()
	if rd.err == nil {
		rd.status.LastSuccess = tick
	}
	if rd.stack != nil && rd.status.Err == nil {
		r.log.Debug("stack of the panic", "source", rd.name, "stack", string(rd.stack))
	}
	r.setError(rd, rd.err, tick)
}

// late marks a reader that has not answered. Its time so far counts as its duration.
func (r *Runner) late(rd *reader, tick time.Time) {
	rd.status.Duration = r.clock.now().mono - rd.asked
	r.setError(rd, fmt.Errorf("%w: no answer for %s", ErrLate, rd.status.Duration.Round(time.Millisecond)), tick)
}

// failedLogEvery is the shortest time between two log lines about the failures
// of one source, so that one that fails every other tick does not flood the log.
const failedLogEvery = time.Minute

// setError keeps the source's error and reports when it begins or ends to fail.
func (r *Runner) setError(rd *reader, err error, tick time.Time) {
	was := rd.status.Err
	rd.status.Err = err
	switch {
	case err != nil && was == nil:
		r.pending = append(r.pending, metric.Event{Kind: metric.EventSourceFailed, Time: tick, Detail: rd.name + ": " + err.Error()})
		now := r.clock.now().mono
		if rd.told = now >= rd.quiet; rd.told {
			rd.quiet = now + failedLogEvery
			r.log.Warn("source failed", "source", rd.name, "err", err)
		}
	case err == nil && was != nil:
		r.pending = append(r.pending, metric.Event{Kind: metric.EventSourceRestored, Time: tick, Detail: rd.name})
		if rd.told {
			r.log.Info("source restored", "source", rd.name)
		}
	}
}

// note records what happened to the clocks.
func (r *Runner) note(now instant, j jump) {
	r.pending = append(r.pending, j.events(now.wall)...)
	if j.slept != 0 {
		r.log.Info("the machine was suspended", "for", j.slept.Round(time.Millisecond))
	}
	if j.step != 0 {
		r.log.Warn("the wall clock was set", "by", j.step.Round(time.Millisecond))
	}
}

// missedLog keeps missed ticks from flooding the log.
type missedLog struct {
	next  time.Duration // monotonic time before which nothing is logged
	count int64         // not logged yet
}

// missedLogEvery is the shortest time between two log lines about missed ticks.
const missedLogEvery = time.Minute

// miss records that ticks were not taken.
func (r *Runner) miss(now instant, count int64, reason string) {
	r.pending = append(r.pending, metric.Event{Kind: metric.EventMissedTicks, Time: now.wall, Count: count, Detail: reason})
	r.missed.count += count
	if now.mono < r.missed.next {
		return
	}
	r.log.Warn("ticks missed", "count", r.missed.count, "reason", reason)
	r.missed = missedLog{next: now.mono + missedLogEvery}
}
