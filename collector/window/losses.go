package window

import (
	"errors"
	"sync"
	"time"

	"nodemeter/collector/metric"
)

// losses are samples that did not reach a window. What happened meanwhile is kept
// for the next record, so that the gap says why it is there.
type losses struct {
	samples int64
	last    time.Time // of them
	why     error
	events  []metric.Event // theirs
}

// mostLostEvents bounds what is kept of an outage of any length; the first are kept.
const mostLostEvents = 256

// lose is the loss of one sample.
func lose(s *metric.Sample, why error) losses {
	return losses{samples: 1, last: s.Time, why: why, events: s.Events}
}

func (l *losses) join(more losses) {
	l.samples += more.samples
	l.why = more.why
	if more.last.After(l.last) {
		l.last = more.last
	}
	l.events = append(l.events, more.events[:min(len(more.events), mostLostEvents-len(l.events))]...)
}

// encode appends what is to be told of them, at a time; nothing if there are none.
func (l *losses) encode(b []byte, at time.Time) []byte {
	if l.samples == 0 {
		return b
	}
	b = appendEvent(b, metric.Event{Kind: metric.EventWriteLost, Time: at, Count: l.samples, Detail: l.why.Error()})
	for _, e := range l.events {
		b = appendEvent(b, e)
	}
	return b
}

// drops are the losses of a full queue, noted by who publishes.
type drops struct {
	mu sync.Mutex // held for a few instructions
	losses
}

var errQueueFull = errors.New("the disk was too slow: the queue was full")

func (d *drops) add(s *metric.Sample) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.join(lose(s, errQueueFull))
}

// take hands over what was noted since the last time.
func (d *drops) take() losses {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.losses
	d.losses = losses{}
	return l
}
