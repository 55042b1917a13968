package collector

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/timer"
)

// TestSeveralHungSourcesHoldUpNobody: each that hangs keeps one goroutine, and
// those behind it in the table are read all the same.
func TestSeveralHungSourcesHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan bool)
		var table []Entry
		for _, name := range []string{"a", "b", "c"} {
			hangs := &source{descs: nil, do: func(n int, b *metric.Batch) error {
				if n == 2 {
					<-release
				}
				return nil
			}}
			table = append(table, Entry{Name: "hangs " + name, Source: hangs})
		}
		well := &source{}
		table = append(table, Entry{Name: "well", Source: well})
		got := run(t, 5*time.Second, Options{Sources: table})
		for i, s := range got {
			for j, st := range s.Sources {
				if late := errors.Is(st.Err, ErrLate); late != (i > 0 && j < 3) {
					t.Errorf("%s: %s: %v", at(s), st.Name, st.Err)
				}
			}
		}
		if len(got) != 6 || well.n != 7 {
			t.Errorf("%d samples, %d reads of the source behind those that hang", len(got), well.n)
		}
		close(release)
	})
}

// TestHungSourcesAreAskedAgain: one that answers too late every other time.
func TestHungSourcesAreAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &source{do: func(n int, b *metric.Batch) error {
			if n%2 == 0 {
				wait(1100 * time.Millisecond)
			}
			return nil
		}}
		got := run(t, 20*time.Second, Options{Sources: []Entry{{Name: "hangs", Source: hangs}, {Name: "well", Source: &source{}}}})
		late, well := 0, 0
		for _, s := range got {
			if s.Sources[0].Err != nil {
				late++
			}
			if s.Sources[1].Err == nil {
				well++
			}
		}
		if late < 8 || late > 14 || well != len(got) {
			t.Errorf("of %d samples %d late, %d well", len(got), late, well)
		}
		wait(2 * time.Second) // for a read that the end did not wait for
	})
}

func TestContextOfASourceEndsWithTheTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs []error
		slow := &source{do: func(n int, b *metric.Batch) error { return nil }}
		watches := watcher{source: slow, read: func(ctx context.Context) {
			if slow.n == 2 {
				<-ctx.Done()
			}
			errs = append(errs, ctx.Err())
		}}
		run(t, 3500*time.Millisecond, Options{Sources: []Entry{{Name: "a", Source: watches}}})
		if len(errs) < 4 || errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], context.DeadlineExceeded) || errs[3] != nil {
			t.Errorf("errors of the contexts: %v", errs)
		}
	})
}

type watcher struct {
	*source
	read func(context.Context)
}

func (w watcher) Read(ctx context.Context, b *metric.Batch) error {
	w.read(ctx)
	return w.source.Read(ctx, b)
}

// TestATickAllocatesNothing holds the whole tick: reading, merging, publishing.
func TestATickAllocatesNothing(t *testing.T) {
	r, err := New(Options{Interval: time.Second, Sources: []Entry{{Name: "a", Source: &source{}}, {Name: "b", Source: &source{do: func(n int, b *metric.Batch) error {
		b.Add(link, metric.Int(received, int64(n)))
		return nil
	}}}}, Sinks: []func(*metric.Sample){func(*metric.Sample) {}}})
	if err != nil {
		t.Fatal(err)
	}
	r.deadlines = timer.New(true)
	defer r.deadlines.Close()
	defer r.stop()
	tick := time.Unix(1e9, 0)
	if n := testing.AllocsPerRun(200, func() {
		tick = tick.Add(time.Second)
		r.sample(tick, instant{wall: tick, mono: time.Since(r.clock.start)}, time.Minute)
	}); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
}

func TestKernelAlarm(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a, err := newKernelAlarm(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	for _, d := range []time.Duration{-time.Second, 0, time.Microsecond, 3 * time.Millisecond} {
		begin := time.Now()
		if !a.wait(d) {
			t.Fatalf("%s: not waited", d)
		}
		if took := time.Since(begin); took < d {
			t.Errorf("woke after %s of %s", took, d)
		}
	}
	go cancel()
	if a.wait(time.Hour) || a.wait(0) {
		t.Error("waited though there is nothing to wait for")
	}
}

// TestKernelAlarmDrivesTheLoop: real ticks on multiples of the interval.
func TestKernelAlarmDrivesTheLoop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	r, err := New(Options{Interval: 10 * time.Millisecond, KernelTimer: true, Sources: []Entry{{Name: "a", Source: &source{}}},
		Sinks: []func(*metric.Sample){func(s *metric.Sample) {
			if n++; n == 5 {
				cancel()
			}
			if n <= 5 && s.Time.UnixNano()%int64(10*time.Millisecond) != 0 {
				t.Errorf("tick %s", s.Time)
			}
		}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(ctx); err != nil || n != 6 {
		t.Errorf("%d samples, %v; want 5 and the last", n, err)
	}
}
