package collector

import (
	"time"

	"golang.org/x/sys/unix"

	"nodemeter/collector/metric"
)

// instant is one moment on both clocks.
type instant struct {
	wall time.Time     // without monotonic reading
	mono time.Duration // monotonic, since the runner was made
}

// clock compares the clocks of the machine between observations. The wall
// clock may be set; the monotonic one stands still while the machine sleeps.
type clock struct {
	wall   func() time.Time
	asleep func() time.Duration
	start  time.Time

	last      instant
	lastSlept time.Duration
}

func newClock(wall func() time.Time, asleep func() time.Duration) *clock {
	c := &clock{wall: wall, asleep: asleep, start: time.Now()}
	c.last, c.lastSlept = c.now(), asleep()
	return c
}

func (c *clock) now() instant {
	return instant{wall: c.wall().Round(0), mono: time.Since(c.start)}
}

// A jump is what happened to the clocks since the observation before.
type jump struct {
	slept time.Duration // the machine was suspended for this long
	step  time.Duration // the wall clock was set by this much; negative is backwards
}

// jumpLimit is how far the clocks may drift apart before it counts as a jump:
// well above what slewing (at most 0.05 %) and an unlucky preemption between
// reading the two do, well below what spoils a one-second sample.
const (
	jumpLimit = 50 * time.Millisecond
	slewLimit = 1000 // drift below 1/1000 of the elapsed time is slewing
)

// observe reads the clocks and says what happened since the last observation.
func (c *clock) observe() (instant, jump) {
	now, slept := c.now(), c.asleep()
	elapsed := now.mono - c.last.mono
	var j jump
	if d := slept - c.lastSlept; d > jumpLimit {
		j.slept = d
	}
	step := now.wall.Sub(c.last.wall) - elapsed - j.slept
	if step.Abs() > jumpLimit+elapsed/slewLimit {
		j.step = step
	}
	c.last, c.lastSlept = now, slept
	return now, j
}

// events describes the jump.
func (j jump) events(now time.Time) []metric.Event {
	var out []metric.Event
	if j.slept != 0 {
		out = append(out, metric.Event{Kind: metric.EventSuspend, Time: now, By: j.slept})
	}
	if j.step != 0 {
		out = append(out, metric.Event{Kind: metric.EventClockStep, Time: now, By: j.step})
	}
	return out
}

// reason names why ticks were missed across this jump.
func (j jump) reason() string {
	switch {
	case j.slept != 0:
		return MissedSuspend
	case j.step > 0:
		return MissedClockStep
	}
	return MissedOverrun
}

// Why ticks are missed: the Detail of an EventMissedTicks and the reason label
// of nodemeter_missed_ticks_total.
const (
	MissedOverrun   = "overrun"    // the agent did not get to run, or a sink blocked
	MissedSuspend   = "suspend"    // the machine slept
	MissedClockStep = "clock_step" // the wall clock was set forward
)

// SinceBootAsleep is how long the machine has been suspended since it booted:
// CLOCK_BOOTTIME runs through a suspend, CLOCK_MONOTONIC does not
// (clock_gettime(2)). It is 0 where the kernel has no such clock.
func SinceBootAsleep() time.Duration {
	var boot, mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0
	}
	return time.Duration(boot.Nano() - mono.Nano())
}
