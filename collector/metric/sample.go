package metric

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Reading is what one tick read of one entity. A metric that could not be read
// has no point: absent is never 0 and never NaN.
type Reading struct {
	Entity *Entity
	Points []Point
}

// Get returns the reading's point of a column.
func (r *Reading) Get(column string) (Point, bool) {
	for _, p := range r.Points {
		if p.Desc.Column == column {
			return p, true
		}
	}
	return Point{}, false
}

// Sample is everything read at one tick. It is immutable once published, for as
// long as it is held (Hold).
type Sample struct {
	// Time is the tick: the wall-clock instant, a multiple of the interval,
	// that the sample stands for, so that nodes line up. The last sample of a
	// run, taken at shutdown, stands for the moment it was taken.
	Time time.Time
	// Late is how long after Time reading began.
	Late time.Duration
	// Mono is the monotonic clock at reading, since the agent's start.
	Mono time.Duration
	// Interval is the real length of what the sample covers: monotonic time
	// since the sample before it or, for the first, since the sources were
	// first read.
	Interval time.Duration
	// Readings has one entry an entity, node first.
	Readings []Reading
	// Sources says how each source fared, in the order of the source table.
	Sources []SourceStatus
	// Events happened since the sample before.
	Events []Event

	holds atomic.Int32
	home  chan *Sample // takes it back when nobody holds it; nil for one made by hand
}

// Node returns the reading of the node itself, or nil.
func (s *Sample) Node() *Reading {
	for i := range s.Readings {
		if s.Readings[i].Entity.Kind == Node {
			return &s.Readings[i]
		}
	}
	return nil
}

// SourceStatus is the health of one source at one tick; data and health are
// kept apart so that a failing source is never mistaken for a zero.
type SourceStatus struct {
	Name string
	// Err is what failed, or nil. Points read before the failure are kept.
	Err error
	// Duration is how long the read took.
	Duration time.Duration
	// Rejected counts points refused for being out of range.
	Rejected int
	// LastSuccess is the time of the last read without error; zero if none.
	LastSuccess time.Time
}

// EventKind says what happened. Numbers are written to disk and never reused.
type EventKind uint8

// The event kinds.
const (
	EventStart          EventKind = 1  // the agent started (or restarted)
	EventStop           EventKind = 2  // the agent stopped in order; the sample with it is the last
	EventClockStep      EventKind = 3  // the wall clock was set; By is the step, positive forwards
	EventSuspend        EventKind = 4  // the machine slept for By
	EventMissedTicks    EventKind = 5  // Count ticks were not taken; Detail says why
	EventSourceFailed   EventKind = 6  // Detail is "source: error"
	EventSourceRestored EventKind = 7  // Detail is the source
	EventRecovered      EventKind = 8  // a window was recovered; Detail says what was lost
	EventWriteLost      EventKind = 9  // Count samples could not be written; Detail says why
	EventDevice         EventKind = 10 // a device changed state; Detail says which and how
)

var eventKindNames = [...]string{
	EventStart: "start", EventStop: "stop", EventClockStep: "clock_step", EventSuspend: "suspend",
	EventMissedTicks: "missed_ticks", EventSourceFailed: "source_failed", EventSourceRestored: "source_restored",
	EventRecovered: "recovered", EventWriteLost: "write_lost", EventDevice: "device",
}

// String is the name used in metadata and logs.
func (k EventKind) String() string {
	if k == 0 || int(k) >= len(eventKindNames) {
		return fmt.Sprintf("event-%d", uint8(k))
	}
	return eventKindNames[k]
}

// Event is something that happened to the recording itself.
type Event struct {
	Kind   EventKind
	Time   time.Time
	By     time.Duration
	Count  int64
	Detail string
}

// Batch collects what a source reads in one tick. The zero Batch is ready to
// use; Reset keeps its memory.
//
// Sources give the same entities in the same order tick after tick. As long as
// this tick's order is that of the tick before, an entity's place is known
// without looking it up; the map is made when the order changes.
type Batch struct {
	readings []Reading
	used     int
	before   int // readings of the tick before, whose entities are still in place
	rejected int
	moved    bool // this tick's order is another, and at is this tick's
	at       map[*Entity]int
}

// Add adds points to an entity's reading. A point that cannot be true (NaN, a
// ratio outside 0-1, a negative counter, an unknown state) is refused and counted.
func (b *Batch) Add(e *Entity, points ...Point) {
	r := b.reading(e)
	for i := range points {
		if !points[i].plain() {
			b.addEach(r, points)
			return
		}
	}
	r.Points = append(r.Points, points...)
}

// addEach adds the points that can be true.
func (b *Batch) addEach(r *Reading, points []Point) {
	for _, p := range points {
		if p.valid() != "" {
			b.rejected++
			continue
		}
		r.Points = append(r.Points, p)
	}
}

// reading finds the entity's reading; sources mostly add to one entity many
// times in a row, or go back to the node, which they began with.
func (b *Batch) reading(e *Entity) *Reading {
	switch {
	case b.used > 0 && b.readings[b.used-1].Entity == e:
		return &b.readings[b.used-1]
	case b.used > 0 && b.readings[0].Entity == e:
		return &b.readings[0]
	case !b.moved && b.used < b.before && b.readings[b.used].Entity == e:
		// Entities of the tick before are there once each, and those before
		// this one are the same: it is not among them.
		return b.next(e)
	}
	return b.find(e)
}

// find looks e up among this tick's readings.
func (b *Batch) find(e *Entity) *Reading {
	if !b.moved {
		b.moved = true
		if b.at == nil {
			b.at = make(map[*Entity]int)
		}
		clear(b.at)
		for i := range b.used {
			b.at[b.readings[i].Entity] = i
		}
	}
	if i, ok := b.at[e]; ok {
		return &b.readings[i]
	}
	b.at[e] = b.used
	return b.next(e)
}

// next begins the reading of an entity that this tick has not seen.
func (b *Batch) next(e *Entity) *Reading {
	if b.used == len(b.readings) {
		b.readings = append(b.readings, Reading{})
	}
	r := &b.readings[b.used]
	r.Entity, r.Points = e, r.Points[:0]
	b.used++
	return r
}

// Reject counts a value that a source itself found impossible.
func (b *Batch) Reject() { b.rejected++ }

// Rejected is the number of points refused since Reset.
func (b *Batch) Rejected() int { return b.rejected }

// Readings returns what was added since Reset. It is valid until Reset.
func (b *Batch) Readings() []Reading { return b.readings[:b.used] }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.before, b.used, b.rejected, b.moved = b.used, 0, 0, false
}

// Merge copies the readings of batches as Assembler does.
func Merge(batches ...*Batch) []Reading { return NewAssembler().Assemble(batches).Readings }
