package remotewrite

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"nodemeter/collector/metric"
)

// server keeps what it is sent, and can be away.
type server struct {
	mu     sync.Mutex
	away   error
	values []Value // of family "x"
	ups    int
}

func (s *server) send(_ context.Context, series []Series) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return s.away
	}
	for _, x := range series {
		switch x.Labels[0].Value {
		case "x":
			s.values = append(s.values, x.Values...)
		case "up":
			s.ups++
		}
	}
	return nil
}

func (s *server) set(away error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// x gathers one gauge x whose value is the seconds since start; nothing when hidden.
func x(start time.Time, hidden *bool) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		if hidden != nil && *hidden {
			return nil, nil
		}
		name, typ, v := "x", dto.MetricType_GAUGE, time.Since(start).Seconds()
		return []*dto.MetricFamily{{Name: &name, Type: &typ, Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &v}}}}}, nil
	})
}

// recorded fills a gap with 1000 + seconds since start.
func recorded(start time.Time, asked *[]span) func(context.Context, time.Time, time.Time, time.Duration, func([]Series) error) error {
	return func(_ context.Context, from, to time.Time, step time.Duration, emit func([]Series) error) error {
		*asked = append(*asked, span{from, to})
		s := Series{Labels: []metric.Label{{Name: "__name__", Value: "x"}}}
		for t := from.Truncate(step); t.Before(to); t = t.Add(step) {
			if !t.Before(from) {
				s.Values = append(s.Values, Value{t.UnixMilli(), 1000 + t.Sub(start).Seconds()})
			}
		}
		return emit([]Series{s})
	}
}

// TestOutageIsFilledInOrder takes the server away for longer than the queue
// holds: every step arrives once, in ascending time, the middle of it from windows.
func TestOutageIsFilledInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := &server{}
		var asked []span
		w, err := New(Options{Step: 10 * time.Second, Queue: 3, Gatherer: x(start, nil), Send: s.send, Fill: recorded(start, &asked), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx, time.Second); close(done) }()
		wait := func(d time.Duration) {
			<-time.After(d)
			synctest.Wait()
		}
		wait(25 * time.Second) // steps at 10 and 20
		s.set(errors.New("connection refused"))
		wait(80 * time.Second) // 30 … 100: five of the eight do not fit
		if n := w.queue.length(); n != 3 {
			t.Errorf("%d steps in memory, want 3", n)
		}
		s.set(nil)
		wait(40 * time.Second) // 110 … 140
		cancel()
		<-done
		var times []float64
		windows := 0
		for _, v := range s.values {
			times = append(times, float64(v.Time-start.UnixMilli())/1000)
			if v.V >= 1000 {
				windows++
			}
		}
		want := []float64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 145}
		if !slices.Equal(times, want) {
			t.Errorf("times %v, want %v", times, want)
		}
		if int64(windows) != w.queue.dropped || windows < 5 {
			t.Errorf("%d values from windows, want one for each of the %d steps that did not fit", windows, w.queue.dropped)
		}
		if len(asked) == 0 || asked[0].from.Sub(start) != 30*time.Second {
			t.Errorf("gap %v, want one from 30 s", asked)
		}
	})
}

// TestVanishedSeriesAreMarked wants a stale marker once, not the last value for ever.
func TestVanishedSeriesAreMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hidden := &server{}, false
		w, err := New(Options{Step: 10 * time.Second, Gatherer: x(time.Now(), &hidden), Send: s.send, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w.gather(time.Now())
		hidden = true
		w.gather(time.Now().Add(10 * time.Second))
		w.gather(time.Now().Add(20 * time.Second))
		w.queue.close()
		w.deliver(t.Context())
		if len(s.values) != 2 || math.Float64bits(s.values[1].V) != math.Float64bits(stale) {
			t.Errorf("values %v, want one and a stale marker", s.values)
		}
		if s.ups != 3 {
			t.Errorf("up was sent %d times, want 3", s.ups)
		}
	})
}

// TestRefusedBatchesAreNotSentAgain: an answer of 400 must not block what follows.
func TestRefusedBatchesAreNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		send := func(context.Context, []Series) error {
			calls++
			if calls == 1 {
				return refused{errors.New("400")}
			}
			return nil
		}
		w, err := New(Options{Step: time.Second, Gatherer: x(time.Now(), nil), Send: send, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w.gather(time.Now())
		w.gather(time.Now().Add(time.Second))
		w.queue.close()
		w.deliver(t.Context())
		if calls != 2 {
			t.Errorf("%d sendings, want 2", calls)
		}
	})
}

// TestRefusalsAreLoggedOnceAMinute, and are no sign that the server is of use again.
func TestRefusalsAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		send := func(context.Context, []Series) error { return refused{errors.New("404")} }
		w, err := New(Options{Step: time.Second, Gatherer: x(time.Now(), nil), Send: send, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		w.down = true
		for range 121 {
			w.send(t.Context(), one)
			<-time.After(time.Second)
		}
		w.gather(time.Now())
		w.queue.close()
		w.deliver(t.Context())
		if n := strings.Count(log.String(), "refuses batches"); n != 3 || !strings.Contains(log.String(), "values=60") || strings.Contains(log.String(), "reached again") {
			t.Errorf("%d times:\n%s", n, log.String())
		}
	})
}

// TestShutdownDoesNotWaitForAServerThatIsAway ends exactly with the grace.
func TestShutdownDoesNotWaitForAServerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{away: errors.New("no route to host")}
		w, err := New(Options{Step: 10 * time.Second, Gatherer: x(time.Now(), nil), Send: s.send, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
		defer cancel()
		start := time.Now()
		w.Run(ctx, 2*time.Second)
		if took := time.Since(start); took != 37*time.Second {
			t.Errorf("ended after %s, want 37s", took)
		}
	})
}
