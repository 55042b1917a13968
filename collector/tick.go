package collector

import (
	"errors"
	"fmt"
	"time"

	"nodemeter/collector/metric"
)

// ErrLate is the error of a source that did not answer in time.
var ErrLate = errors.New("late")

// read asks every source that is idle, waits until all have answered or
// the deadline has passed, and returns the batches of those whose numbers belong
// to this tick, in the order of the source table.
func (r *Runner) read(tick time.Time, now instant, deadline time.Duration) []*metric.Batch {
	for r.takeStale() {
		continue
	}
	r.begin(now, deadline)
	if !r.await(deadline) || r.asked.shared {
		for _, rd := range r.asked.end() {
			rd.busy, rd.round = false, 0 // held up by another: nobody has begun
		}
		r.asked = newRound(len(r.readers))
	}
	r.fresh = r.fresh[:0]
	for _, rd := range r.readers {
		switch {
		case rd.busy || rd.round != r.round:
			r.late(rd, tick)
		default:
			r.settle(rd, tick)
			r.fresh = append(r.fresh, &rd.batch)
		}
	}
	return r.fresh
}

// begin lists the sources to read.
func (r *Runner) begin(now instant, deadline time.Duration) {
	pace := r.Pace().Slow
	r.round++
	r.asked.begin(time.Now().Add(deadline))
	for _, rd := range r.readers {
		rd.status.Rejected = 0
		if !rd.busy {
			rd.busy, rd.asked, rd.round, rd.pace = true, now.mono, r.round, pace
			r.asked.readers = append(r.asked.readers, rd)
		}
	}
}

// takeStale takes one answer to an earlier round, if there is one. Its numbers
// are dropped, because the sample they were for has been published.
func (r *Runner) takeStale() bool {
	select {
	case rd := <-r.hands.answers:
		r.answered(rd)
		return true
	default:
		return false
	}
}

// answered takes a reader back.
func (r *Runner) answered(rd *reader) {
	rd.busy = false
	r.governor.charge(rd.cost)
}

// busy counts the sources that were asked in an earlier round and have not answered.
func (r *Runner) busy() int {
	n := 0
	for _, rd := range r.readers {
		if rd.busy && rd.round != r.round {
			n++
		}
	}
	return n
}

// patience is the part of the deadline after which a hand that has not finished
// is taken to be stuck, and another goes on with the rest.
const patience = 16

// await has the sources of this round read, and reports whether all have
// answered before the deadline.
func (r *Runner) await(deadline time.Duration) bool {
	waiting := len(r.asked.readers)
	if waiting == 0 {
		return true
	}
	hands := r.busy() + 1
	r.hands.put(r.asked, hands-1)
	step := deadline / patience
	r.deadlines.Set(step)
	defer r.deadlines.Stop()
	for left := deadline - step; ; {
		select {
		case rd := <-r.hands.answers:
			r.answered(rd)
			if rd.round == r.round {
				waiting--
			}
			if waiting == 0 {
				return true
			}
		case <-r.deadlines.C:
			if !r.deadlines.Expired() {
				continue
			}
			if left <= 0 {
				return false
			}
			step = left
			if r.asked.open() {
				step = deadline / patience
				r.asked.shared = true
				r.hands.put(r.asked, hands)
				hands++
			}
			left -= step
			r.deadlines.Set(step)
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
		if rd.logged = now >= rd.quiet; rd.logged {
			rd.quiet = now + failedLogEvery
			r.log.Warn("source failed", "source", rd.name, "err", err)
		}
	case err == nil && was != nil:
		r.pending = append(r.pending, metric.Event{Kind: metric.EventSourceRestored, Time: tick, Detail: rd.name})
		if rd.logged {
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
