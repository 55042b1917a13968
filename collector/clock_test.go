package collector

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/collector/metric"
)

// wall is a clock a test can set, and a machine it can put to sleep.
type wall struct{ offset, slept atomic.Int64 } // nanoseconds

func (w *wall) now() time.Time        { return time.Now().Add(time.Duration(w.offset.Load())) }
func (w *wall) asleep() time.Duration { return time.Duration(w.slept.Load()) }
func (w *wall) set(d time.Duration)   { w.offset.Store(int64(d)) }

// script changes the machine's clocks while the loop sleeps.
func script(w *wall, after time.Duration, change func()) func() {
	return func() { wait(after); change() }
}

func TestClockSetForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		go script(w, 2500*time.Millisecond, func() { w.set(10250 * time.Millisecond) })()
		got := run(t, 4*time.Second, Options{Wall: w.now, Asleep: w.asleep, Sources: []Entry{{Name: "a", Source: &source{}}}})
		expect(t, got,
			"1s late 0s covers 700ms start",
			"2s late 0s covers 1s",
			"13s late 250ms covers 1s clock_step 10.25s missed_ticks clock_step..........",
			"14s late 0s covers 750ms",
			"14.55s late 0s covers 550ms stop")
	})
}

func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		w.set(time.Hour)
		go script(w, 2500*time.Millisecond, func() { w.set(-250 * time.Millisecond) })()
		got := run(t, 4*time.Second, Options{Wall: w.now, Asleep: w.asleep, Sources: []Entry{{Name: "a", Source: &source{}}}})
		expect(t, got,
			"1h0m1s late 0s covers 700ms start",
			"1h0m2s late 0s covers 1s",
			"3s late 0s covers 1.25s clock_step -1h0m0.25s",
			"4s late 0s covers 1s",
			"4.05s late 0s covers 50ms stop")
	})
}

func TestClockSetBackDuringATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		w.set(time.Hour)
		a := &source{do: func(n int, b *metric.Batch) error {
			if n == 2 {
				w.set(0)
			}
			return nil
		}}
		got := run(t, 4*time.Second, Options{Wall: w.now, Asleep: w.asleep, Sources: []Entry{{Name: "a", Source: a}}})
		expect(t, got,
			"1h0m1s late 0s covers 700ms start",
			"1h0m2s late 0s covers 1s",
			"4s late 0s covers 2s clock_step -1h0m0s",
			"4.3s late 0s covers 300ms stop")
	})
}

func TestSuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		go script(w, 2500*time.Millisecond, func() { w.set(time.Minute); w.slept.Store(int64(time.Minute)) })()
		got := run(t, 3*time.Second, Options{Wall: w.now, Asleep: w.asleep, Sources: []Entry{{Name: "a", Source: &source{}}}})
		expect(t, got,
			"1s late 0s covers 700ms start",
			"2s late 0s covers 1s",
			"1m3s late 0s covers 1s suspend 1m0s missed_ticks suspend"+strings.Repeat(".", 60),
			"1m3.3s late 0s covers 300ms stop")
	})
}

func TestSlewingIsNotAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		go func() {
			for range 12 {
				wait(250 * time.Millisecond)
				w.offset.Add(-int64(100 * time.Microsecond))
			}
		}()
		got := run(t, 3*time.Second, Options{Wall: w.now, Asleep: w.asleep, Sources: []Entry{{Name: "a", Source: &source{}}}})
		for _, s := range got[1:3] {
			if len(s.Events) > 0 || s.Time.Nanosecond() != 0 {
				t.Errorf("%s %v", at(s), s.Events)
			}
		}
	})
}

// TestSlewingAddsUp over a long interval, and is no step either.
func TestSlewingAddsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wall{}
		c := newClock(w.now, w.asleep)
		for _, by := range []struct {
			drift time.Duration
			step  bool
		}{{300 * time.Millisecond, false}, {-300 * time.Millisecond, false}, {2 * time.Second, true}} {
			wait(10 * time.Minute)
			w.offset.Add(int64(by.drift))
			if _, j := c.observe(); (j.step != 0) != by.step {
				t.Errorf("%v in ten minutes: a step of %v", by.drift, j.step)
			}
		}
	})
}

func TestSinceBootAsleepIsNotNegative(t *testing.T) {
	if d := SinceBootAsleep(); d < -time.Millisecond {
		t.Error(d)
	}
}
