package device

import "time"

// Reading collects what the calls of one device answered. It belongs to the
// lane's goroutine.
type Reading struct {
	// Elapsed is the time since the calls of this tier were made before; zero
	// at the first. Rates of the driver are integrated over it.
	Elapsed time.Duration
	// Now is the wall clock when the tier began, the clock of the driver's
	// sample stamps.
	Now time.Time
	// Procs are the device's processes, when a call asked for them.
	Procs []Process

	values   []Value
	rejected int
}

// Reset empties the reading for the next tier and keeps its memory.
func (r *Reading) Reset(now time.Time, elapsed time.Duration) {
	r.Now, r.Elapsed = now, elapsed
	r.values, r.Procs, r.rejected = r.values[:0], nil, 0
}

// Float adds a number; one that cannot be true is rejected and counted.
func (r *Reading) Float(q Quantity, v float64) bool {
	if !q.Possible(v) {
		r.rejected++
		return false
	}
	r.values = append(r.values, FloatValue(q, v))
	return true
}

// Int adds a whole number; one that cannot be true is rejected and counted.
func (r *Reading) Int(q Quantity, v uint64) bool {
	if !q.Possible(float64(v)) {
		r.rejected++
		return false
	}
	r.values = append(r.values, IntValue(q, int64(v)))
	return true
}

// Percent adds a ratio that the driver gives as 0-100.
func (r *Reading) Percent(q Quantity, v float64) bool { return r.Float(q, v/100) }

// Reject counts an answer that the backend itself found impossible.
func (r *Reading) Reject() { r.rejected++ }

// Rejected is the number of values rejected since Reset.
func (r *Reading) Rejected() int { return r.rejected }

// Values is what was added since Reset, valid until then.
func (r *Reading) Values() []Value { return r.values }

// Set is a small map from quantity to value that keeps its memory.
type Set struct{ values []Value }

// Put replaces the value of its quantity, or adds to it where it is a delta.
func (s *Set) Put(v Value) {
	for i := range s.values {
		if s.values[i].Q != v.Q {
			continue
		}
		if v.Q.Delta() {
			v = s.values[i].plus(v)
		}
		s.values[i] = v
		return
	}
	s.values = append(s.values, v)
}

// Values is the content, valid until the next change.
func (s *Set) Values() []Value { return s.values }

// Clear empties the set.
func (s *Set) Clear() { s.values = s.values[:0] }

// Drain appends the content to dst and empties the set.
func (s *Set) Drain(dst []Value) []Value {
	dst = append(dst, s.values...)
	s.Clear()
	return dst
}
