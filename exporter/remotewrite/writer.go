package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/metric"
)

// Options say what is sent, how often and where.
type Options struct {
	// Step is the time between two sendings, which fall on its multiples of the
	// wall clock.
	Step time.Duration
	// Gatherer is what /metrics shows.
	Gatherer prometheus.Gatherer
	// Labels are put on every series: job, instance, cluster.
	Labels []metric.Label
	// Queue is how many steps are kept in memory; 0 means DefaultQueue.
	Queue int
	// Send sends a batch (Client.Send).
	Send func(context.Context, []Series) error
	// Fill reads what was recorded in a half-open span, one value a series and
	// step, and hands it on in batches; nil leaves gaps open.
	Fill func(ctx context.Context, from, to time.Time, step time.Duration, emit func([]Series) error) error
	Log  *slog.Logger
}

// DefaultQueue is ten minutes of steps of 15 s: about 2 MiB at 200 series. What
// is older comes from the windows.
const DefaultQueue = 40

// MostQueue is far more than anybody wants in memory.
const MostQueue = 10_000

// Writer pushes. Make one with New.
type Writer struct {
	o       Options
	queue   *queue
	metrics *metrics
	known   map[string][]metric.Label // series of the step before
	down    bool                      // the server did not answer last

	refusals int       // values that were refused since that was logged
	logged   time.Time // when it was
}

// New checks the options.
func New(o Options) (*Writer, error) {
	if o.Step < time.Second {
		return nil, fmt.Errorf("a step of %s: at least a second", o.Step)
	}
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	w := &Writer{o: o, queue: newQueue(o.Queue)}
	w.metrics = newMetrics(w.queue)
	return w, nil
}

// Run gathers and sends until ctx is done; then it has until the grace ends to
// send what is left.
func (w *Writer) Run(ctx context.Context, grace time.Duration) {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.deliver(sending)
	}()
	w.steps(ctx)
	w.gather(time.Now()) // the last sample is not lost
	w.queue.close()
	deadline := time.AfterFunc(grace, stop)
	defer deadline.Stop()
	<-ended
}

// steps gathers at every multiple of the step.
func (w *Writer) steps(ctx context.Context) {
	for {
		now := time.Now()
		timer := time.NewTimer(now.Truncate(w.o.Step).Add(w.o.Step).Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			w.gather(time.Now())
		}
	}
}

// gather queues what a scrape would read now. Series that were there a step ago
// and are not any more are marked as ended, so that the server does not go on
// showing their last value.
func (w *Writer) gather(now time.Time) {
	families, err := w.o.Gatherer.Gather()
	if err != nil {
		w.o.Log.Warn("remote write: gather", "err", err)
	}
	now = now.Truncate(time.Millisecond) // as precise as what is sent, so that a gap ends before the entry that follows it
	at := now.UnixMilli()
	series := convert(families, at, w.o.Labels)
	series = append(series, Series{Labels: NewLabels("up", nil, w.o.Labels), Values: []Value{{at, 1}}})
	known := make(map[string][]metric.Label, len(series))
	for i := range series {
		known[series[i].key()] = series[i].Labels
	}
	for k, labels := range w.known {
		if known[k] == nil {
			series = append(series, Series{Labels: labels, Values: []Value{{at, stale}}})
		}
	}
	w.known = known
	w.queue.put(entry{now, series})
}

// Pauses between attempts to reach a server that does not answer.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// deliver sends until the queue is closed and empty, or ctx is done.
func (w *Writer) deliver(ctx context.Context) {
	pause := firstPause
	for w.queue.wait(ctx) {
		gap, e := w.queue.head()
		if w.one(ctx, gap, e) == nil {
			pause = firstPause
			continue
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		case <-ctx.Done():
			return
		}
	}
}

// one sends an entry or fills a piece of the gap.
func (w *Writer) one(ctx context.Context, gap span, e entry) error {
	var err error
	if !gap.empty() {
		err = w.fill(ctx, gap)
	} else if err = w.send(ctx, e.series); err == nil || isRefused(err) {
		w.queue.sent(e)
	}
	if isRefused(err) { // it answers, which does not make it of use
		return nil
	}
	w.noteReach(err)
	return err
}

func isRefused(err error) bool {
	var r refused
	return errors.As(err, &r)
}

// send sends one batch and counts it.
func (w *Writer) send(ctx context.Context, series []Series) error {
	n := 0
	for i := range series {
		n += len(series[i].Values)
	}
	err := w.o.Send(ctx, series)
	switch {
	case err == nil:
		w.metrics.sent.Add(float64(n))
		w.metrics.last.SetToCurrentTime()
	case isRefused(err):
		w.metrics.refused.Add(float64(n))
		w.noteRefusal(n, err)
	default:
		w.metrics.retries.Inc()
	}
	return err
}

// short keeps an answer that lists every value out of the log.
func short(err error) string {
	const most = 300
	s := err.Error()
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " …"
	}
	return s
}

// fillPiece is how much of a gap is read at a time.
const fillPiece = time.Hour

// fill sends a piece of what was recorded while the server could not be reached.
func (w *Writer) fill(ctx context.Context, gap span) error {
	to := gap.from.Truncate(fillPiece).Add(fillPiece)
	if to.After(gap.to) {
		to = gap.to
	}
	if w.o.Fill == nil {
		w.o.Log.Warn("remote write: a gap stays open, because nothing is recorded", "from", gap.from, "to", gap.to)
		w.queue.filled(gap.to)
		return nil
	}
	err := w.o.Fill(ctx, gap.from, to, w.o.Step, func(series []Series) error {
		err := w.send(ctx, series)
		if isRefused(err) {
			return nil
		}
		if err == nil {
			for i := range series {
				w.metrics.filled.Add(float64(len(series[i].Values)))
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("fill the gap: %w", err)
	}
	w.o.Log.Info("remote write: gap filled from windows", "from", gap.from, "to", to)
	w.queue.filled(to)
	return nil
}

// refusalsEvery is how often refusals are logged.
const refusalsEvery = time.Minute

// noteRefusal logs the first refusal, and then what adds up in a while: a wrong
// address refuses every batch.
func (w *Writer) noteRefusal(values int, err error) {
	w.refusals += values
	if !w.logged.IsZero() && time.Since(w.logged) < refusalsEvery {
		return
	}
	w.o.Log.Error("remote write: the server refuses batches, which are lost", "values", w.refusals, "err", short(err))
	w.refusals, w.logged = 0, time.Now()
}

// noteReach logs when the server is lost and found, not each attempt.
func (w *Writer) noteReach(err error) {
	switch {
	case err != nil && !w.down:
		w.down = true
		w.o.Log.Warn("remote write: the server cannot be reached; samples are kept", "err", short(err))
	case err == nil && w.down:
		w.down = false
		w.o.Log.Info("remote write: the server is reached again", "waiting", w.queue.length())
	}
}
