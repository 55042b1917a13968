package collector

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/collector/metric"
)

// paced is a source that costs processor time: a part at every read and a part
// at its slow tier.
type paced struct {
	*source
	factor int
}

func (p *paced) SetPace(factor int) { p.factor = factor }

// costs runs for d with a budget of a hundredth of a core and returns the
// samples, the pace at the end, the log, and the source.
func costs(t *testing.T, d time.Duration, cost func(at time.Duration, p *paced) time.Duration) ([]*metric.Sample, Pace, string, *paced) {
	var log bytes.Buffer
	used, begin := time.Duration(0), time.Now()
	p := &paced{factor: 1}
	p.source = &source{do: func(int, *metric.Batch) error {
		used += cost(time.Since(begin), p)
		return nil
	}}
	o := Options{
		Budget: Budget{Cores: 0.01, Beside: func() time.Duration { return used }}, Interval: time.Second,
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
		Sources: []Entry{{Name: "a", Source: p}},
	}
	samples, r := runWith(t, d, o)
	return samples, r.Pace(), log.String(), p
}

// left counts the ticks that samples say were left out, by reason.
func left(samples []*metric.Sample) map[string]int64 {
	out := map[string]int64{}
	for _, s := range samples {
		for _, e := range s.Events {
			if e.Kind == metric.EventMissedTicks {
				out[e.Detail] += e.Count
			}
		}
	}
	return out
}

func TestWithinTheBudgetNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		samples, pace, log, _ := costs(t, 5*time.Minute, func(time.Duration, *paced) time.Duration { return 8 * time.Millisecond })
		if len(samples) != 301 || pace.Slow != 1 || pace.Stretch != 1 || log != "" {
			t.Errorf("%d samples, %+v\n%s", len(samples), pace, log)
		}
	})
}

// TestOverTheBudgetSlowTiersGoFirst: when they are what costs too much, no tick
// is left out, and going back is tried ever more rarely.
func TestOverTheBudgetSlowTiersGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := 0
		samples, _, log, _ := costs(t, 4*time.Hour, func(_ time.Duration, p *paced) time.Duration {
			if p.factor == 4 {
				slow++
			}
			return 2*time.Millisecond + 20*time.Millisecond/time.Duration(p.factor)
		})
		if len(samples) != 4*3600+1 || len(left(samples)) != 0 {
			t.Errorf("%d samples, left out %v", len(samples), left(samples))
		}
		if n := strings.Count(log, "slowing down"); n < 2 || n > 14 || slow < len(samples)*8/10 {
			t.Errorf("slowed down %d times, slow in %d of %d samples; log:\n%s", n, slow, len(samples), log)
		}
	})
}

// TestOneDearSpanIsForgotten: what stays below the budget, if not far, is no
// reason to stay slow.
func TestOneDearSpanIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, pace, log, _ := costs(t, 10*time.Minute, func(at time.Duration, _ *paced) time.Duration {
			if at > time.Minute && at < 90*time.Second {
				return 40 * time.Millisecond
			}
			return 8 * time.Millisecond
		})
		if pace.Slow != 1 || pace.Stretch != 1 || strings.Count(log, "slowing down") == 0 {
			t.Errorf("%+v, log:\n%s", pace, log)
		}
	})
}

// TestTicksLeftOutForTheBudget: every tick left out is told, every sample falls
// on the grid, and the agent recovers when the cost is gone.
func TestTicksLeftOutForTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const dear = 10 * time.Minute
		samples, pace, log, _ := costs(t, 30*time.Minute, func(at time.Duration, _ *paced) time.Duration {
			if at < dear {
				return 40 * time.Millisecond // 0.04 of a core at 1 Hz: a fifth of that is within the budget
			}
			return time.Millisecond
		})
		if pace.Stretch != 1 || pace.Slow != 1 {
			t.Errorf("not recovered: %+v", pace)
		}
		widest := time.Duration(0)
		for i, s := range samples[:len(samples)-1] {
			if s.Time.Nanosecond() != 0 {
				t.Errorf("tick %s", s.Time)
			}
			if i > 0 {
				widest = max(widest, s.Interval)
			}
		}
		if widest != 5*time.Second {
			t.Errorf("the widest interval is %s", widest)
		}
		missed := left(samples)
		if n := missed[MissedBudget]; n == 0 || len(missed) != 1 || int(n)+len(samples) != 1801 {
			t.Errorf("%d samples and left out %v: together they must be every tick", len(samples), missed)
		}
		if strings.Count(log, "speeding up") != 3 {
			t.Errorf("log:\n%s", log)
		}
	})
}

func TestPacesStayWithinWhatAWatchdogWaits(t *testing.T) {
	for _, interval := range []time.Duration{MinInterval, 100 * time.Millisecond, time.Second, 2 * time.Second, time.Minute} {
		list := paces(interval)
		if list[0] != (Pace{Slow: 1, Stretch: 1}) || list[1].Slow <= 1 {
			t.Errorf("%s: %+v", interval, list)
		}
		for _, p := range list {
			if step := interval * time.Duration(p.Stretch); step > LongestStep(interval) {
				t.Errorf("%s: samples %s apart", interval, step)
			}
		}
	}
	if n := len(paces(MinInterval)); n < 6 {
		t.Errorf("%d paces at the shortest interval", n)
	}
}
