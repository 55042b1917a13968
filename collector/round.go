package collector

import (
	"context"
	"sync/atomic"
	"time"
)

// round is the sources to be read at one tick, which hands take off it one
// after another. It is also the context that the sources read under: it ends
// when the tick no longer waits. One whose sources have all answered is used
// again, so that a tick allocates nothing.
type round struct {
	readers  []*reader
	next     atomic.Int64
	deadline time.Time
	over     atomic.Bool
	done     chan struct{}
	shared   bool // given to more than one hand, of which one may still look at it
}

func newRound(most int) *round {
	return &round{readers: make([]*reader, 0, most), done: make(chan struct{})}
}

// begin empties a round whose sources have all answered.
func (r *round) begin(deadline time.Time) {
	r.readers = r.readers[:0]
	r.next.Store(0)
	r.deadline = deadline
}

// take returns a source that nobody has taken yet, or nil, and whether there
// are more. Whoever took the last one must not look at the round after its
// answer: it may be another tick's by then.
func (r *round) take() (rd *reader, more bool) {
	i, n := r.next.Add(1)-1, int64(len(r.readers))
	if i >= n {
		return nil, false
	}
	return r.readers[i], i+1 < n
}

// open reports whether a source is left to be taken.
func (r *round) open() bool { return r.next.Load() < int64(len(r.readers)) }

// end lets nobody take any more, ends the context, and returns the sources that
// nobody took.
func (r *round) end() []*reader {
	n := int64(len(r.readers))
	taken := min(r.next.Swap(n), n)
	r.over.Store(true)
	close(r.done)
	return r.readers[taken:]
}

// Deadline implements context.Context.
func (r *round) Deadline() (time.Time, bool) { return r.deadline, true }

// Done implements context.Context.
func (r *round) Done() <-chan struct{} { return r.done }

// Err implements context.Context.
func (r *round) Err() error {
	if r.over.Load() {
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context.
func (r *round) Value(any) any { return nil }

// hands are the goroutines that read. One is enough as long as sources answer;
// each source that does not keeps one, and another takes the rest.
type hands struct {
	work    chan *round
	answers chan *reader
	gone    chan struct{}
	count   int
}

// newHands makes none yet. There are never more than sources and one.
func newHands(sources int) *hands {
	return &hands{
		work:    make(chan *round, sources+1),
		answers: make(chan *reader, sources),
		gone:    make(chan struct{}, sources+1),
	}
}

// put gives the round to a hand that is free. busy is how many are not.
func (h *hands) put(r *round, busy int) {
	if h.count <= busy && h.count < cap(h.gone) {
		h.count++
		go h.serve()
	}
	select {
	case h.work <- r:
	default: // as many as there are hands are waiting for one to get to run
	}
}

// serve reads what is to be read until there is no more work. answers has room
// for one answer of every source, so that sending never blocks, even when the
// loop has gone.
func (h *hands) serve() {
	for r := range h.work {
		begin := thisMoment()
		for more := true; more; {
			var rd *reader
			if rd, more = r.take(); rd != nil {
				begin = rd.read(r, begin) // the end of one is the beginning of the next
				h.answers <- rd
			}
		}
	}
	h.gone <- struct{}{}
}

// stop ends the hands and waits for those that are not busy.
func (h *hands) stop(busy int) {
	close(h.work)
	for range h.count - busy {
		<-h.gone
	}
}
