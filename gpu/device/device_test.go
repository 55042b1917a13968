package device

import (
	"math"
	"testing"
	"time"
)

func TestSeries(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	at := func(seconds float64) time.Duration {
		return time.Duration(start.UnixNano()) + time.Duration(seconds*float64(time.Second))
	}
	points := func(v ...float64) []Point {
		var p []Point
		for i := 0; i < len(v); i += 2 {
			p = append(p, Point{at(v[i]), v[i+1]})
		}
		return p
	}
	for name, c := range map[string]struct {
		points []Point
		want   Span
	}{
		"none":                      {nil, Span{}},
		"one":                       {points(0.5, 1), Span{Mean: 1, Min: 1, Max: 1, Covered: 500 * time.Millisecond, Samples: 1}},
		"weighted by time":          {points(0.25, 1, 1, 0), Span{Mean: 0.25, Min: 0, Max: 1, Covered: time.Second, Samples: 2}},
		"a 200 ms burst is seen":    {points(0.2, 0, 0.4, 1, 0.6, 0, 0.8, 0, 1, 0), Span{Mean: 0.2, Min: 0, Max: 1, Covered: time.Second, Samples: 5}},
		"old ones are not repeated": {points(-1, 1, 0, 1, 1, 0.5), Span{Mean: 0.5, Min: 0.5, Max: 0.5, Covered: time.Second, Samples: 1}},
		"repeated stamps":           {points(1, 0.5, 1, 0.9), Span{Mean: 0.5, Min: 0.5, Max: 0.5, Covered: time.Second, Samples: 1}},
		"the future":                {points(1, 0.5, 100, 1), Span{Mean: 0.5, Min: 0.5, Max: 0.5, Covered: time.Second, Samples: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var s Series
			s.Since(start.Add(time.Second), time.Second)
			got := s.Take(c.points, false, start.Add(time.Second))
			if math.Abs(got.Mean-c.want.Mean) > 1e-9 || got.Min != c.want.Min || got.Max != c.want.Max || got.Covered != c.want.Covered || got.Samples != c.want.Samples {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// TestSeriesCountsTimeOnce: over many ticks of any length, samples and gaps
// together account for the whole time, once.
func TestSeriesCountsTimeOnce(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for _, tick := range []time.Duration{100 * time.Millisecond, time.Second, 7 * time.Second} {
		var s Series
		var covered time.Duration
		now := start
		for i := range 200 {
			now = now.Add(tick)
			since := s.Since(now, tick)
			var p []Point
			if i%100 < 80 { // then the buffer is dry for a fifth of the time
				step := 166 * time.Millisecond
				first := (since/step + 1) * step
				for at := first; at <= time.Duration(now.UnixNano()); at += step {
					p = append(p, Point{at, 1})
				}
			}
			span := s.Take(p, false, now)
			covered += span.Covered
			if span.Samples == 0 {
				covered += s.Gap(now, tick)
			}
		}
		if total := now.Sub(start); covered < total-3*time.Second || covered > total {
			t.Errorf("ticks of %v: %v of %v accounted for", tick, covered, total)
		}
	}
}

// TestSeriesLongerThanTheBuffer: the driver keeps 20 s and is asked every minute.
func TestSeriesLongerThanTheBuffer(t *testing.T) {
	const tick, kept, step = time.Minute, 20 * time.Second, 166 * time.Millisecond
	var s Series
	now := time.Unix(1_700_000_000, 0)
	sum := 0.0
	for range 10 {
		now = now.Add(tick)
		s.Since(now, tick)
		var p []Point
		for at := time.Duration(now.UnixNano()) - kept; at <= time.Duration(now.UnixNano()); at += step {
			p = append(p, Point{at, 0.5})
		}
		sum += s.Take(p, true, now).Integral(tick)
	}
	if want := 0.5 * (10 * tick).Seconds(); math.Abs(sum-want) > 1 {
		t.Errorf("%v busy seconds, want %v", sum, want)
	}
	// A device that was away for an hour is not credited with it.
	now = now.Add(time.Hour)
	s.Since(now, tick)
	if got := s.Take([]Point{{time.Duration(now.UnixNano()), 1}}, true, now).Integral(tick); got > tick.Seconds() {
		t.Errorf("%v s of a tick of %v", got, tick)
	}
	// A buffer that was empty for most of a tick has lost nothing: the GPU was idle.
	now = now.Add(tick)
	if got := s.Take([]Point{{time.Duration(now.UnixNano()), 1}}, false, now).Integral(tick); got > longestStep.Seconds() {
		t.Errorf("%v s of a burst at the end of an idle tick", got)
	}
}

func TestSeriesWithoutBuffer(t *testing.T) {
	var s Series
	if got := s.Gap(time.Unix(1_700_000_000, 0), time.Second); got != time.Second {
		t.Errorf("%v, want the time elapsed", got)
	}
}

// TestSeriesAfterClockStep: a clock set back by an hour must not silence the
// buffer for an hour.
func TestSeriesAfterClockStep(t *testing.T) {
	var s Series
	now := time.Unix(1_700_000_000, 0)
	s.Since(now, time.Second)
	now = now.Add(-time.Hour)
	since := s.Since(now, time.Second)
	if want := time.Duration(now.UnixNano()) - time.Second; since != want {
		t.Errorf("asks for samples since %v, want %v", since, want)
	}
}

func TestPossible(t *testing.T) {
	for _, c := range []struct {
		q  Quantity
		v  float64
		ok bool
	}{
		{Util, 0, true}, {Util, 1, true}, {Util, 2183220.32, false}, {Util, -0.1, false}, {Util, math.NaN(), false},
		{Temperature, 40, true}, {Temperature, 60000, false}, {Temperature, -61, false},
		{Power, 700, true}, {Power, 4e6, false},
		{MemoryUsed, 80 << 30, true}, {MemoryUsed, math.MaxUint64, false},
		{RemappedPending, 2, false}, {0, 0, false}, {quantities, 0, false},
	} {
		if got := c.q.Possible(c.v); got != c.ok {
			t.Errorf("quantity %d of %v: possible %v, want %v", c.q, c.v, got, c.ok)
		}
	}
}

// TestEveryQuantityIsBounded: one without bounds could only be zero.
func TestEveryQuantityIsBounded(t *testing.T) {
	for q := Quantity(1); q < quantities; q++ {
		if limits[q].max == 0 {
			t.Errorf("quantity %d has no bounds", q)
		}
	}
}

func TestReadingRejects(t *testing.T) {
	var r Reading
	r.Reset(time.Unix(1, 0), time.Second)
	r.Percent(Util, 50)
	r.Percent(UtilMax, 101)
	r.Int(MemoryUsed, math.MaxUint64)
	r.Reject()
	if len(r.Values()) != 1 || r.Values()[0].Float() != 0.5 || r.Rejected() != 3 {
		t.Errorf("values %v, rejected %d", r.Values(), r.Rejected())
	}
	r.Reset(time.Unix(2, 0), time.Second)
	if len(r.Values()) != 0 || r.Rejected() != 0 {
		t.Error("a reset reading must be empty")
	}
}

func TestSetAddsDeltasAndReplacesTheRest(t *testing.T) {
	var s Set
	s.Put(FloatValue(Util, 0.5))
	s.Put(FloatValue(Util, 0.7))
	s.Put(FloatValue(BusyDelta, 0.5))
	s.Put(FloatValue(BusyDelta, 0.25))
	s.Put(IntValue(XIDDelta, 1))
	s.Put(IntValue(XIDDelta, 2))
	got := s.Drain(nil)
	if len(got) != 3 || got[0].Float() != 0.7 || got[1].Float() != 0.75 || got[2].Int() != 3 {
		t.Errorf("%v", got)
	}
	if len(s.Values()) != 0 {
		t.Error("a drained set must be empty")
	}
}

func TestStatusWords(t *testing.T) {
	for s := OK; s <= Failed; s++ {
		if s.String() == "" {
			t.Errorf("status %d has no name", s)
		}
	}
	for s := StateOK; s < states; s++ {
		if s.String() == "" || !s.Valid() {
			t.Errorf("state %d has no name", s)
		}
	}
	if Status(99).String() != "status-99" || State(99).String() != "state-99" || State(99).Valid() {
		t.Error("unknown numbers must say so")
	}
	err := &Error{Call: "nvmlInit", Status: DriverNotLoaded, Code: 9, Detail: "no device"}
	if err.Error() != "nvmlInit: driver not loaded (code 9): no device" {
		t.Error(err)
	}
}

// TestCondition: which answers speak of the device, and which of the call alone.
func TestCondition(t *testing.T) {
	for s, want := range map[Status]State{Lost: StateLost, ResetRequired: StateResetting, InUse: StateResetting, Failed: StateFailed, Uninitialized: StateFailed, TimedOut: StateFailed} {
		if got, bad := s.Condition(); got != want || !bad {
			t.Errorf("%s: %s", s, got)
		}
	}
	for _, s := range []Status{OK, NotSupported, FunctionMissing, NoData, NoPermission, Garbage} {
		if _, bad := s.Condition(); bad {
			t.Errorf("%s says nothing of the device", s)
		}
	}
}
