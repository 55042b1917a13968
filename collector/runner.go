package collector

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/timer"
)

// Options say what a Runner does. The zero value of every field but Interval
// and Sources is useful.
type Options struct {
	// Interval is the time between ticks, at least MinInterval. Ticks fall on
	// its multiples since the Unix epoch.
	Interval time.Duration
	// Deadline is how long a tick waits for its sources; 0 means three
	// quarters of the interval, at most 5 s.
	Deadline time.Duration
	// Sources is the source table, in the order of SourceStatus.
	Sources []Entry
	// Sinks get each sample, in order, on the loop's goroutine. One that keeps
	// it beyond the call holds it (metric.Sample.Hold).
	Sinks []func(*metric.Sample)
	// Budget bounds what the agent itself uses.
	Budget Budget
	// KernelTimer wakes the loop by a timer of the kernel's rather than Go's:
	// once a tick and within tens of microseconds of it. It does not obey the
	// fake time of tests.
	KernelTimer bool
	// Log gets state changes, never ticks; nil discards.
	Log *slog.Logger
	// Wall reads the wall clock; nil means time.Now. Tests set the clock with it.
	Wall func() time.Time
	// Asleep says how long the machine has slept since boot; nil means SinceBootAsleep.
	Asleep func() time.Duration
}

// MinInterval is the shortest interval a Runner accepts.
const MinInterval = 10 * time.Millisecond

// finalDeadline bounds the sample taken at stop, so that a hung source does not
// hold up the end of the process.
const finalDeadline = 500 * time.Millisecond

// Runner takes the samples. Make one with New; Run may be called once.
type Runner struct {
	interval, deadline time.Duration

	readers []*reader
	hands   *hands
	sinks   []func(*metric.Sample)
	descs   []*metric.Desc
	log     *slog.Logger
	clock   *clock
	kernel  bool

	governor *governor

	// Of the loop.
	alarm     alarm
	asked     *round          // of this tick
	fresh     []*metric.Batch // of the sources that answered at this tick
	samples   *metric.Assembler
	pending   []metric.Event // happened since the sample before
	left      leftOut
	lastMono  time.Duration // of the sample before, or of priming
	primed    bool
	round     int64 // counts calls of read
	missed    missedLog
	deadlines *timer.Timer
}

// New checks the source table and makes a Runner. It fails on a bad interval, a
// source named twice, or descriptors that contradict each other.
func New(o Options) (*Runner, error) {
	if o.Interval < MinInterval {
		return nil, fmt.Errorf("interval %s is below the minimum of %s", o.Interval, MinInterval)
	}
	if o.Deadline <= 0 || o.Deadline > o.Interval {
		o.Deadline = min(o.Interval*3/4, 5*time.Second)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Wall == nil {
		o.Wall = time.Now
	}
	if o.Asleep == nil {
		o.Asleep = SinceBootAsleep
	}
	r := &Runner{
		interval: o.Interval, deadline: o.Deadline, sinks: o.Sinks, log: o.Log,
		clock: newClock(o.Wall, o.Asleep), kernel: o.KernelTimer, governor: newGovernor(o.Budget, o.Interval),
		hands: newHands(len(o.Sources)), asked: newRound(len(o.Sources)), samples: metric.NewAssembler(),
	}
	names := map[string]bool{}
	for _, e := range o.Sources {
		if e.Name == "" || names[e.Name] {
			return nil, fmt.Errorf("source table: name %q is empty or there twice", e.Name)
		}
		names[e.Name] = true
		r.readers = append(r.readers, newReader(e))
		r.descs = append(r.descs, e.Source.Descs()...)
	}
	if err := metric.Check(r.descs); err != nil {
		return nil, fmt.Errorf("source table: %w", err)
	}
	return r, nil
}

// Descs lists the metrics of every source. The caller must not change it.
func (r *Runner) Descs() []*metric.Desc { return r.descs }

// Run takes samples until ctx is done, then a last one that carries an
// EventStop. It returns nil; a source that hangs at the end is abandoned.
func (r *Runner) Run(ctx context.Context) error {
	defer r.stop()
	r.alarm = r.newAlarm(ctx)
	defer r.alarm.close()
	r.deadlines = timer.New(r.kernel)
	defer r.deadlines.Close()
	now, _ := r.clock.observe()
	r.pending = append(r.pending, metric.Event{Kind: metric.EventStart, Time: now.wall})
	next, leftOut := r.prime(now), int64(0) // leftOut is of ticks before next
	now = r.clock.now()
	for r.sleep(next.Sub(now.wall)) {
		var j jump
		now, j = r.clock.observe()
		r.note(now, j)
		if next.Sub(now.wall) > earlyLimit {
			// The clock was set back: wait for its next tick. Slewing over a long
			// step looks the same and leads to the tick that was waited for.
			if again := r.after(now.wall); !again.Equal(next) {
				next, leftOut = again, 0
			}
			continue
		}
		tick := r.current(next, now.wall)
		if missed := int64(tick.Sub(next) / r.interval); missed > 0 {
			r.miss(now, missed, j.reason())
		}
		r.leaveOut(now, leftOut)
		r.sample(tick, now, r.deadline)
		r.govern(now)
		next = r.after(tick)
		leftOut = int64(next.Sub(tick)/r.interval) - 1
		now = r.clock.now()
	}
	now, j := r.clock.observe()
	r.note(now, j)
	r.tellLeftOut(now)
	r.pending = append(r.pending, metric.Event{Kind: metric.EventStop, Time: now.wall})
	r.sample(now.wall, now, min(r.deadline, finalDeadline))
	return nil
}

// earlyLimit is how much too early a timer may fire on the wall clock, which
// slewing makes happen, and still be the tick it was set for.
const earlyLimit = time.Millisecond

// after returns the first tick after t at the pace of now: a multiple of the
// step since the Unix epoch.
func (r *Runner) after(t time.Time) time.Time {
	step := r.step()
	return floor(t, step).Add(step)
}

// floor returns the last multiple of d since the Unix epoch at or before t.
func floor(t time.Time, d time.Duration) time.Time {
	n := t.UnixNano()
	return time.Unix(0, n-mod(n, int64(d))).UTC()
}

// current is the tick to take now: the one waited for, or a later one when
// whole intervals have passed.
func (r *Runner) current(next, now time.Time) time.Time {
	if now.Before(next) {
		return next
	}
	return floor(now, r.interval)
}

func mod(n, m int64) int64 { return ((n % m) + m) % m }

// sleep waits for d, or until the context of Run is done, which it reports as
// false. It never waits longer than a step: when the clock is set back under
// it, d is wrong.
func (r *Runner) sleep(d time.Duration) bool { return r.alarm.wait(min(d, r.step())) }

func (r *Runner) newAlarm(ctx context.Context) alarm {
	if r.kernel {
		a, err := newKernelAlarm(ctx)
		if err == nil {
			return a
		}
		r.log.Warn("no timer of the kernel's: ticks may come a millisecond late", "err", err)
	}
	return newGoAlarm(ctx)
}

// prime reads every source once and publishes nothing, so that the first sample
// has rates and a recording begins with whole rows. It returns the first tick,
// at least half an interval on: long enough for a rate to mean something.
func (r *Runner) prime(begin instant) time.Time {
	r.read(begin.wall, begin, r.deadline)
	r.primed, r.lastMono = true, begin.mono
	first := r.after(begin.wall.Add(r.interval / 2))
	if now := r.clock.now().wall; !now.Before(first) {
		return r.after(now)
	}
	return first
}

// sample reads what is due and publishes it as the sample of tick.
func (r *Runner) sample(tick time.Time, now instant, deadline time.Duration) {
	batches := r.read(tick, now, deadline)
	begin := threadTime()
	defer func() { r.governor.charge(threadTime().since(begin)) }()
	s := r.samples.Assemble(batches)
	defer s.Release()
	s.Time, s.Late, s.Mono, s.Interval = tick, max(now.wall.Sub(tick), 0), now.mono, 0
	if r.primed {
		s.Interval = now.mono - r.lastMono
	}
	s.Sources = s.Sources[:0]
	for _, rd := range r.readers {
		s.Sources = append(s.Sources, rd.status)
	}
	s.Events = append(s.Events[:0], r.pending...)
	r.pending = r.pending[:0]
	r.lastMono = now.mono
	for _, sink := range r.sinks {
		sink(s)
	}
}

// stop ends the hands, and leaves behind those whose source hangs.
func (r *Runner) stop() {
	for r.takeStale() {
		continue
	}
	busy := 0
	for _, rd := range r.readers {
		if rd.busy {
			busy++
			r.log.Warn("source abandoned: it has not answered", "source", rd.name, "for", (r.clock.now().mono - rd.asked).Round(time.Millisecond))
		}
	}
	r.hands.stop(busy)
}
