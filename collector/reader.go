package collector

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"nodemeter/collector/metric"
)

// reader reads one source and keeps its health.
type reader struct {
	name   string
	source Source

	// Of the hand from request to answer, of the loop in between.
	batch metric.Batch
	err   error
	stack []byte // of a panic
	took  time.Duration
	cost  time.Duration // processor time, as far as one thread did it
	pace  int           // of the source's slow tiers
	told  int           // the pace that the source knows

	// Of the loop alone.
	busy   bool          // asked, not answered
	asked  time.Duration // monotonic time of that request
	round  int64         // the round of that request
	status metric.SourceStatus
	logged bool          // the log knows of the failure
	quiet  time.Duration // monotonic time before which the log is not told of another
}

func newReader(e Entry) *reader {
	return &reader{name: e.Name, source: e.Source, told: 1, status: metric.SourceStatus{Name: e.Name}}
}

// read calls the source and returns when it was done. A panic is this source's
// error and nobody else's.
func (r *reader) read(ctx context.Context, begin moment) (end moment) {
	r.batch.Reset()
	r.err, r.stack = nil, nil
	defer func() {
		if p := recover(); p != nil {
			r.err = fmt.Errorf("panic: %v", p)
			r.stack = debug.Stack()
		}
		end = thisMoment()
		r.took, r.cost = end.at.Sub(begin.at), end.thread.since(begin.thread)
	}()
	if r.pace != r.told {
		if p, ok := r.source.(Paced); ok {
			p.SetPace(r.pace)
		}
		r.told = r.pace
	}
	r.err = r.source.Read(ctx, &r.batch)
	return end
}
