package prom

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Chunks of a span: long enough that borders do not matter, short enough for a
// server's limits at a thousand nodes scraped every 15 s.
const (
	longestChunk  = 24 * time.Hour
	shortestChunk = 5 * time.Minute
)

// key is what a figure is of: a node, or a device of it.
type key struct{ node, device string }

// amounts are growths of counters by key.
type amounts map[key]float64

// tally asks for growth over the whole span, chunk by chunk.
type tally struct {
	c        *Client
	from, to time.Time
	chunk    time.Duration
	done     func(time.Duration) // called with each part of the span that has been answered
}

// each calls f with the answer for every chunk of the span. expr has %s where
// the range goes. A chunk that the server refuses as too much is halved, and so
// are all that follow.
func (t *tally) each(ctx context.Context, expr string, f func(*model.Sample)) error {
	for from := t.from; from.Before(t.to); {
		to := from.Add(t.chunk)
		if to.After(t.to) {
			to = t.to
		}
		vector, err := t.c.instant(ctx, fmt.Sprintf(expr, promDuration(to.Sub(from))), to)
		if tooMuch(err) && to.Sub(from) > shortestChunk {
			t.chunk = max(to.Sub(from)/2, shortestChunk).Round(time.Second)
			continue
		}
		if err != nil {
			return err
		}
		for _, s := range vector {
			f(s)
		}
		if t.done != nil {
			t.done(to.Sub(from))
		}
		from = to
	}
	return nil
}

// growth adds up a counter's growth over the span.
func (t *tally) growth(ctx context.Context, expr string) (amounts, error) {
	out := amounts{}
	err := t.each(ctx, expr, func(s *model.Sample) { out[keyOf(s.Metric)] += float64(s.Value) })
	return out, err
}

// extreme keeps the greatest of each chunk's answers, or with sign -1 the least.
func (t *tally) extreme(ctx context.Context, expr string, sign float64) (amounts, error) {
	out := amounts{}
	err := t.each(ctx, expr, func(s *model.Sample) {
		k, v := keyOf(s.Metric), float64(s.Value)
		if old, ok := out[k]; !ok || sign*v > sign*old {
			out[k] = v
		}
	})
	return out, err
}

// single keeps the answer of the one chunk that had any: what cannot be combined, as
// percentiles, is NaN where several had.
func (t *tally) single(ctx context.Context, expr string) (amounts, error) {
	out := amounts{}
	err := t.each(ctx, expr, func(s *model.Sample) {
		k := keyOf(s.Metric)
		if _, again := out[k]; again {
			out[k] = math.NaN()
			return
		}
		out[k] = float64(s.Value)
	})
	return out, err
}

// distributions adds up native histograms over the span. Servers without them
// give none.
func (t *tally) distributions(ctx context.Context, expr string) (map[key]*histogram, error) {
	out := map[key]*histogram{}
	err := t.each(ctx, expr, func(s *model.Sample) {
		if s.Histogram == nil {
			return
		}
		k := keyOf(s.Metric)
		if out[k] == nil {
			out[k] = newHistogram()
		}
		out[k].add(s.Histogram)
	})
	return out, err
}

func keyOf(m model.Metric) key {
	k := key{node: string(m["instance"]), device: string(m["uuid"])}
	if k.device == "" {
		k.device = string(m["device"])
	}
	return k
}

// tooMuch recognizes the limits of Prometheus, Thanos, Mimir and VictoriaMetrics
// on samples, time and memory of one query.
func tooMuch(err error) bool {
	var e *v1.Error
	if !errors.As(err, &e) {
		return errors.Is(err, context.DeadlineExceeded)
	}
	if e.Type == v1.ErrTimeout {
		return true
	}
	text := strings.ToLower(e.Msg + e.Detail)
	for _, s := range []string{"too many samples", "query processing would load", "limit", "too large", "exceed", "timed out", "timeout", "-search.max"} {
		if contains(text, s) {
			return true
		}
	}
	return false
}

func contains(text, s string) bool { return strings.Contains(text, s) }

// promDuration is a duration as PromQL writes it; ranges are whole milliseconds.
func promDuration(d time.Duration) string { return fmt.Sprintf("%dms", max(d.Milliseconds(), 1)) }
