package metric

// recycled is how many samples wait to be used again: as many as can be held
// at once by the exporter and the recorder's queue.
const recycled = 128

// Assembler makes the Sample of each tick out of what the sources read. It
// takes the memory of samples that nobody holds any more, so that a tick
// allocates nothing. It belongs to one goroutine.
type Assembler struct {
	free chan *Sample
	plan []place
	at   map[Key]int
	size int // entities in the plan
}

// place is where the readings of one entity of one batch go. Sources give the
// same entities in the same order tick after tick, so the plan of the tick
// before nearly always holds.
type place struct {
	entity *Entity
	to     int
}

// NewAssembler makes an Assembler.
func NewAssembler() *Assembler {
	return &Assembler{free: make(chan *Sample, recycled), at: map[Key]int{}}
}

// Assemble returns a Sample with the readings of all batches: one entry an
// entity (by Kind and ID), the node first, the others in order of first
// appearance. Its other fields are empty. The caller holds it.
func (a *Assembler) Assemble(batches []*Batch) *Sample {
	s := a.take()
	if !a.fits(batches) {
		a.replan(batches)
	}
	s.room(a.size)
	i := 0
	for _, b := range batches {
		for _, r := range b.Readings() {
			to := &s.Readings[a.plan[i].to]
			if to.Entity == nil {
				to.Entity = r.Entity
			}
			to.Points = append(to.Points, r.Points...)
			i++
		}
	}
	return s
}

// take returns an empty sample, used before if there is one.
func (a *Assembler) take() *Sample {
	var s *Sample
	select {
	case s = <-a.free:
	default:
		s = &Sample{home: a.free}
	}
	s.holds.Store(1)
	return s
}

func (a *Assembler) fits(batches []*Batch) bool {
	i := 0
	for _, b := range batches {
		for _, r := range b.Readings() {
			if i == len(a.plan) || a.plan[i].entity != r.Entity {
				return false
			}
			i++
		}
	}
	return i == len(a.plan)
}

func (a *Assembler) replan(batches []*Batch) {
	a.plan, a.size = a.plan[:0], 0
	clear(a.at)
	for _, b := range batches {
		for _, r := range b.Readings() {
			if r.Entity.Kind == Node && a.size == 0 {
				a.at[r.Entity.Key()] = 0
				a.size = 1
			}
		}
	}
	for _, b := range batches {
		for _, r := range b.Readings() {
			to, ok := a.at[r.Entity.Key()]
			if !ok {
				to = a.size
				a.at[r.Entity.Key()] = to
				a.size++
			}
			a.plan = append(a.plan, place{r.Entity, to})
		}
	}
}

// room makes s.Readings n empty readings, keeping the memory of their points.
func (s *Sample) room(n int) {
	if n > cap(s.Readings) {
		s.Readings = append(s.Readings[:cap(s.Readings)], make([]Reading, n-cap(s.Readings))...)
	}
	s.Readings = s.Readings[:n]
	for i := range s.Readings {
		r := &s.Readings[i]
		r.Entity, r.Points = nil, r.Points[:0]
	}
}

// Hold keeps the sample and everything in it as it is until Release. Whoever
// was handed a sample holds it no longer than the call, unless it says so here.
func (s *Sample) Hold() { s.holds.Add(1) }

// Release ends one Hold. The sample must not be looked at afterwards: its
// memory becomes another's.
func (s *Sample) Release() {
	if s.holds.Add(-1) != 0 || s.home == nil {
		return
	}
	select {
	case s.home <- s:
	default: // enough are waiting
	}
}
