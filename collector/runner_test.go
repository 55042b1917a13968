package collector

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"nodemeter/collector/metric"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	node     = &metric.Entity{Kind: metric.Node, ID: "n"}
	link     = &metric.Entity{Kind: metric.NIC, ID: "eth0"}
	reads    = &metric.Desc{On: metric.Node, Column: "reads", Help: "h", Unit: metric.Count, Kind: metric.Counter, Type: metric.TypeInt, Absent: "a"}
	received = &metric.Desc{On: metric.NIC, Column: "rx_bytes", Help: "h", Unit: metric.Bytes, Kind: metric.Counter, Type: metric.TypeInt, Absent: "a"}
)

// source is a Source that a test scripts: do is called with the number of the
// read, from 1; 0 is the read that primes the rates.
type source struct {
	n     int
	descs []*metric.Desc
	do    func(n int, b *metric.Batch) error
}

func (s *source) Descs() []*metric.Desc { return s.descs }

func (s *source) Read(_ context.Context, b *metric.Batch) error {
	n := s.n
	s.n++
	if s.do == nil {
		b.Add(node, metric.Int(reads, int64(n)))
		return nil
	}
	return s.do(n, b)
}

// wait passes fake time.
func wait(d time.Duration) { <-time.After(d) }

// run takes samples for d of fake time, beginning 300 ms into a second.
func run(t *testing.T, d time.Duration, o Options) []*metric.Sample {
	t.Helper()
	out, _ := runWith(t, d, o)
	return out
}

// runWith is run, and returns the Runner too.
func runWith(t *testing.T, d time.Duration, o Options) (out []*metric.Sample, r *Runner) {
	t.Helper()
	o.Sinks = append(o.Sinks, func(s *metric.Sample) {
		s.Hold()
		out = append(out, s)
	})
	if o.Interval == 0 {
		o.Interval = time.Second
	}
	wait(300 * time.Millisecond)
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return out, r
}

// at formats a sample's tick, in seconds since the bubble began.
func at(s *metric.Sample) string {
	return s.Time.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).String()
}

// story tells samples in one line each: tick, lateness, interval, events.
func story(samples []*metric.Sample) []string {
	var out []string
	for _, s := range samples {
		line := at(s) + " late " + s.Late.String() + " covers " + s.Interval.String()
		for _, e := range s.Events {
			line += " " + e.Kind.String()
			if e.By != 0 {
				line += " " + e.By.String()
			}
			if e.Detail != "" {
				line += " " + e.Detail
			}
			for range e.Count {
				line += "."
			}
		}
		out = append(out, line)
	}
	return out
}

func expect(t *testing.T, samples []*metric.Sample, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, story(samples)); d != "" {
		t.Errorf("samples (-want +got):\n%s", d)
	}
}

func TestTicksFallOnMultiplesOfTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := run(t, 3*time.Second, Options{Sources: []Entry{{Name: "a", Source: &source{}}}})
		expect(t, got,
			"1s late 0s covers 700ms start",
			"2s late 0s covers 1s",
			"3s late 0s covers 1s",
			"3.3s late 0s covers 300ms stop")
		p, ok := got[3].Node().Get("reads")
		if !ok || p.Int() != 4 {
			t.Errorf("the final sample must read the sources: %v", p)
		}
	})
}

func TestSlowSourceKeepsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &source{do: func(n int, b *metric.Batch) error {
			wait(600 * time.Millisecond)
			b.Add(node, metric.Int(reads, int64(n)))
			return nil
		}}
		got := run(t, 3*time.Second, Options{Sources: []Entry{{Name: "slow", Source: slow}}})
		expect(t, got[:3],
			"1s late 0s covers 700ms start",
			"2s late 0s covers 1s",
			"3s late 0s covers 1s")
		if d := got[1].Sources[0].Duration; d != 600*time.Millisecond {
			t.Errorf("duration %s", d)
		}
		wait(time.Second) // the read that the end did not wait for
	})
}

func TestHungSourceIsLateAndAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := &source{do: func(n int, b *metric.Batch) error {
			b.Add(link, metric.Int(received, 1))
			if n == 2 {
				wait(2500 * time.Millisecond)
			}
			return nil
		}, descs: []*metric.Desc{received}}
		got := run(t, 5*time.Second, Options{Sources: []Entry{
			{Name: "hung", Source: hung}, {Name: "well", Source: &source{}},
		}})
		expect(t, got,
			"1s late 0s covers 700ms start",
			"2s late 0s covers 1s source_failed hung: late: no answer for 750ms",
			"3s late 0s covers 1s",
			"4s late 0s covers 1s",
			"5s late 0s covers 1s source_restored hung",
			"5.3s late 0s covers 300ms stop")
		for i, s := range got {
			stuck := i >= 1 && i <= 3
			if has := len(s.Readings) == 2; has == stuck {
				t.Errorf("sample %d: %d readings", i, len(s.Readings))
			}
			if late := errors.Is(s.Sources[0].Err, ErrLate); late != stuck {
				t.Errorf("sample %d: late %v", i, late)
			}
			if s.Node() == nil || s.Readings[0].Entity != node {
				t.Errorf("sample %d: the node must come first, and be there while another source hangs", i)
			}
		}
		if hung.n != 5 {
			t.Errorf("%d reads, want 5: at most one may be outstanding", hung.n)
		}
		if got[2].Sources[0].LastSuccess != got[0].Time {
			t.Errorf("last success %s", got[2].Sources[0].LastSuccess)
		}
	})
}

func TestSourceStuckForeverDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan bool)
		stuck := &source{do: func(int, *metric.Batch) error { <-release; return nil }}
		begin := time.Now()
		got := run(t, 1500*time.Millisecond, Options{Sources: []Entry{{Name: "stuck", Source: stuck}}})
		expect(t, got,
			"1.8s late 0s covers 1.5s start source_failed stuck: late: no answer for 750ms stop")
		if took := time.Since(begin); took != 1800*time.Millisecond {
			t.Errorf("ended after %s: a source known to hang must not be waited for again", took)
		}
		close(release)
	})
}

func TestEndWaitsLittleForALastRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		hangs := &source{do: func(n int, b *metric.Batch) error {
			if n == 2 {
				wait(time.Minute)
			}
			return nil
		}}
		got := run(t, 1500*time.Millisecond, Options{Sources: []Entry{{Name: "a", Source: hangs}}})
		if took := time.Since(begin); took != 1800*time.Millisecond+finalDeadline {
			t.Errorf("ended after %s", took)
		}
		if len(got) != 2 || !errors.Is(got[1].Sources[0].Err, ErrLate) {
			t.Errorf("samples %v", story(got))
		}
		wait(time.Minute)
	})
}

func TestLateAnswerIsNotTakenForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := &source{do: func(n int, b *metric.Batch) error {
			if n == 1 {
				wait(1200 * time.Millisecond) // answers while the next tick waits for the other
			}
			return nil
		}}
		second := &source{do: func(n int, b *metric.Batch) error {
			wait(400 * time.Millisecond)
			return nil
		}}
		got := run(t, 2*time.Second, Options{Sources: []Entry{{Name: "first", Source: first}, {Name: "second", Source: second}}})
		for _, s := range got {
			if err := s.Sources[1].Err; err != nil {
				t.Errorf("%s: %v", at(s), err)
			}
		}
	})
}

func TestPanicIsTheErrorOfItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := &source{do: func(n int, b *metric.Batch) error {
			b.Add(node, metric.Int(reads, int64(n)))
			if n == 2 {
				panic("index out of range")
			}
			return nil
		}}
		got := run(t, 3*time.Second, Options{Sources: []Entry{{Name: "bad", Source: bad}}})
		expect(t, got,
			"1s late 0s covers 700ms start",
			"2s late 0s covers 1s source_failed bad: panic: index out of range",
			"3s late 0s covers 1s source_restored bad",
			"3.3s late 0s covers 300ms stop")
		if _, ok := got[1].Node().Get("reads"); !ok {
			t.Error("what was read before the failure must be kept")
		}
	})
}

// TestSinkThatBlocksCausesMissedTicks: one is counted like many.
func TestSinkThatBlocksCausesMissedTicks(t *testing.T) {
	for took, next := range map[time.Duration][]string{
		2200 * time.Millisecond: {"4s late 200ms covers 2.2s missed_ticks overrun.", "5s late 0s covers 800ms", "6s late 0s covers 1s"},
		3200 * time.Millisecond: {"5s late 200ms covers 3.2s missed_ticks overrun..", "6s late 0s covers 800ms"},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			block := func(*metric.Sample) {
				if n++; n == 2 {
					wait(took)
				}
			}
			got := run(t, 6*time.Second, Options{Sources: []Entry{{Name: "a", Source: &source{}}}, Sinks: []func(*metric.Sample){block}})
			expect(t, got, slices.Concat([]string{"1s late 0s covers 700ms start", "2s late 0s covers 1s"}, next, []string{"6.3s late 0s covers 300ms stop"})...)
		})
	}
}

func TestStateChangesAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		bad := &source{do: func(n int, b *metric.Batch) error {
			if n >= 2 && n <= 4 {
				return errors.New("open /proc/stat: no such file")
			}
			return nil
		}}
		run(t, 6*time.Second, Options{
			Log:     slog.New(slog.NewTextHandler(&log, nil)),
			Sources: []Entry{{Name: "cpu", Source: bad}},
		})
		if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "no such file") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

func TestFlappingSourceDoesNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		flaps := &source{do: func(n int, b *metric.Batch) error {
			if n%2 == 0 {
				return errors.New("sometimes")
			}
			return nil
		}}
		got := run(t, 150*time.Second, Options{
			Log:     slog.New(slog.NewTextHandler(&log, nil)),
			Sources: []Entry{{Name: "cpu", Source: flaps}},
		})
		events := 0
		for _, s := range got {
			events += len(s.Events)
		}
		if n := strings.Count(log.String(), "\n"); n != 6 || events < 150 {
			t.Errorf("%d events, log:\n%s", events, log.String())
		}
	})
}

func TestNewRefuses(t *testing.T) {
	s := &source{descs: []*metric.Desc{reads}}
	for want, o := range map[string]Options{
		"below the minimum": {Interval: time.Millisecond},
		"there twice":       {Interval: time.Second, Sources: []Entry{{Name: "a", Source: s}, {Name: "a", Source: s}}},
		"declared twice":    {Interval: time.Second, Sources: []Entry{{Name: "a", Source: s}, {Name: "b", Source: s}}},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}
