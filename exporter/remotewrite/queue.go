package remotewrite

import (
	"context"
	"sync"
	"time"
)

// entry is what one step gathered.
type entry struct {
	at     time.Time
	series []Series
}

// span is a half-open piece of time; the zero span is none.
type span struct{ from, to time.Time }

func (s span) empty() bool { return !s.from.Before(s.to) }

// queue holds what has not been sent, oldest first, and knows what it had to
// let go.
type queue struct {
	mu      sync.Mutex
	limit   int
	entries []entry
	gap     span
	dropped int64         // entries let go
	closed  bool          // nothing is put any more
	ready   chan struct{} // has a token when something has changed
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, ready: make(chan struct{}, 1)}
}

// put adds an entry. When the queue is full the oldest one gives way, and its
// time becomes part of the gap, which ends where the queue now begins.
func (q *queue) put(e entry) {
	q.mu.Lock()
	q.entries = append(q.entries, e)
	if len(q.entries) > q.limit {
		q.drop()
	}
	q.mu.Unlock()
	q.wake()
}

// close says that nothing more will be put.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// wait returns true when there is something to send, and false when there will
// not be any more or ctx is done.
func (q *queue) wait(ctx context.Context) bool {
	for ctx.Err() == nil {
		q.mu.Lock()
		some, closed := len(q.entries) > 0 || !q.gap.empty(), q.closed
		q.mu.Unlock()
		if some || closed {
			return some
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
		}
	}
	return false
}

// drop lets the oldest entry go.
func (q *queue) drop() {
	if q.gap.empty() {
		q.gap.from = q.entries[0].at
	}
	q.entries[0] = entry{} // for the collector
	q.entries = q.entries[1:]
	q.gap.to = q.entries[0].at
	q.dropped++
}

// head returns what to send next: the gap if there is one, else the oldest
// entry. It is for the one that waited.
func (q *queue) head() (gap span, e entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gap.empty() {
		e = q.entries[0]
	}
	return q.gap, e
}

// sent removes an entry that head returned. If it gave way to a newer one while
// it was on its way, the gap need not begin with it.
func (q *queue) sent(e entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.entries) > 0 && q.entries[0].at.Equal(e.at):
		q.entries[0] = entry{}
		q.entries = q.entries[1:]
	case q.gap.from.Equal(e.at):
		q.gap.from = e.at.Add(time.Millisecond)
	}
}

// filled shortens the gap: everything before to has been dealt with.
func (q *queue) filled(to time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gap.from = to
	if q.gap.empty() {
		q.gap = span{}
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries)
}
