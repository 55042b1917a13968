package exporter

import (
	"sync"
	"time"

	"nodemeter/collector/metric"
)

// latest keeps the sample published last, held, and when it came on the
// monotonic clock. Its lock is only ever held for a few instructions.
type latest struct {
	mu     sync.Mutex
	sample *metric.Sample
	at     time.Time
	seq    uint64 // of samples
}

// put takes the place of the sample before.
func (l *latest) put(s *metric.Sample, at time.Time) {
	s.Hold()
	l.mu.Lock()
	before := l.sample
	l.sample, l.at, l.seq = s, at, l.seq+1
	l.mu.Unlock()
	if before != nil {
		before.Release()
	}
}

// get returns the sample, held for the caller, its number and its age. It is
// nil before the first.
func (l *latest) get() (s *metric.Sample, seq uint64, age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sample == nil {
		return nil, 0, 0
	}
	l.sample.Hold()
	return l.sample, l.seq, time.Since(l.at)
}

// Latest returns the sample that a scrape shows now, or nil when there is none
// or it is stale. It is held for the caller, who releases it. It is for
// collectors that show the same sample in another way.
func (e *Exporter) Latest() *metric.Sample {
	s, _ := e.current()
	return s
}

// current is Latest with the sample's number.
func (e *Exporter) current() (*metric.Sample, uint64) {
	s, seq, age := e.latest.get()
	if s != nil && age > e.staleAfter() {
		s.Release()
		return nil, 0
	}
	return s, seq
}

// shows is the number of the sample that a scrape shows now; 0 is none.
func (e *Exporter) shows() uint64 {
	s, seq := e.current()
	if s != nil {
		s.Release()
	}
	return seq
}
