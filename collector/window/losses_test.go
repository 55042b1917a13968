package window

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// TestEventsOutliveTheirSample: a gap keeps its reasons, whatever kept the samples
// from being written, and to the very end.
func TestEventsOutliveTheirSample(t *testing.T) {
	step := func(i int) metric.Event {
		return metric.Event{Kind: metric.EventClockStep, Time: time.Unix(1767366000+int64(i), 0), By: time.Duration(i) * time.Hour}
	}
	count := func(events []metric.Event) (steps int) {
		for _, e := range events {
			if e.Kind == metric.EventClockStep && e.By > 0 {
				steps++
			}
		}
		return steps
	}
	t.Run("a disk that fails", func(t *testing.T) {
		f := newFaulty(t, options(t, t.TempDir()))
		f.ticks(3)
		f.disk.set(func(d *faultyDisk) { d.write = syscall.EIO })
		s := f.m.sample()
		s.Events = []metric.Event{step(1), {Kind: metric.EventMissedTicks, Time: s.Time, Count: 3600, Detail: "suspend"}}
		f.w.publish(s)
		f.disk.set(func(d *faultyDisk) { d.write = nil })
		f.ticks(1)
		events := f.finish()
		if n, _ := lost(events); n != 1 || count(events) != 1 || !slices.ContainsFunc(events, func(e metric.Event) bool { return e.Kind == metric.EventMissedTicks && e.Count == 3600 }) {
			t.Errorf("%d lost, events %+v", n, events)
		}
	})
	t.Run("to the end", func(t *testing.T) {
		f := newFaulty(t, options(t, t.TempDir()))
		f.ticks(3)
		f.disk.set(func(d *faultyDisk) { d.write = syscall.EIO })
		f.ticks(2)
		f.disk.set(func(d *faultyDisk) { d.write = nil })
		if n, _ := lost(f.finish()); n != 2 {
			t.Errorf("window says %d lost, want 2", n)
		}
	})
	t.Run("past the end of the last window", func(t *testing.T) {
		f := newFaulty(t, options(t, t.TempDir()))
		f.ticks(3)
		s := f.m.sample()
		s.Time = s.Time.Add(f.opt.Width)
		f.disk.set(func(d *faultyDisk) { d.space, d.open = 0, syscall.EIO })
		f.w.miss(lose(s, syscall.EIO))
		f.disk.set(func(d *faultyDisk) { d.space, d.open = -1, nil })
		if n, _ := lost(f.finish()); n != 1 {
			t.Errorf("window says %d lost, want 1", n)
		}
	})
	t.Run("a full queue", func(t *testing.T) {
		f := newFaulty(t, options(t, t.TempDir()))
		f.ticks(3)
		for i := range 2 * mostLostEvents { // there is nobody to take them
			s := f.m.sample()
			s.Events = []metric.Event{step(1 + i)}
			f.Publish(s)
		}
		events := f.finish()
		if n, why := lost(events); n != 2*mostLostEvents || !strings.Contains(why, "queue") {
			t.Errorf("window says %d lost (%s)", n, why)
		}
		if n := f.w.lost; len(n.events) != mostLostEvents {
			t.Errorf("%d events kept, want %d", len(n.events), mostLostEvents)
		}
	})
}
