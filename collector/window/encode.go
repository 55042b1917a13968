package window

import (
	"encoding/binary"
	"math"

	"nodemeter/collector/metric"
)

// encoder turns samples into frames. It gives each metric and each entity a
// number and writes its descriptor in the very write that first uses it. It
// belongs to one goroutine and allocates nothing once it has seen everything.
type encoder struct {
	buf []byte
	seq uint64
	// By content, so that a restarted agent goes on with the numbers in the file.
	descNums   map[string]uint32
	entityNums map[string]uint32
	// By pointer, for speed.
	descs    map[*metric.Desc]uint32
	entities map[*metric.Entity]*entityLayout
	layouts  []*entityLayout // of the sample before, by position
	scratch  []byte
	// fresh is what this write is the first to describe: forgotten again when it fails.
	fresh struct {
		descs, entities []string
	}
	refused int64 // points that no window can hold
}

// entityLayout remembers the order of an entity's points, which hardly ever
// changes, so that the usual point costs one comparison and no map.
type entityLayout struct {
	entity *metric.Entity
	num    uint32
	descs  []*metric.Desc
	nums   []uint32
}

// refusedDesc is the number of a metric that no window can hold.
const refusedDesc = math.MaxUint32

// maxKnown bounds the maps by pointer against a source that makes new entities
// all the time.
const maxKnown = 1 << 16

func newEncoder() *encoder {
	return &encoder{
		descNums:   map[string]uint32{},
		entityNums: map[string]uint32{},
		descs:      map[*metric.Desc]uint32{},
		entities:   map[*metric.Entity]*entityLayout{},
	}
}

// sample appends the frames of one sample to e.buf.
func (e *encoder) sample(s *metric.Sample) {
	e.fresh.descs, e.fresh.entities = e.fresh.descs[:0], e.fresh.entities[:0]
	for i := range s.Readings {
		e.describe(i, &s.Readings[i])
	}
	for _, ev := range s.Events {
		e.buf = appendEvent(e.buf, ev)
	}
	b, at := beginFrame(e.buf, frameSample)
	b = binary.AppendUvarint(b, e.seq)
	b = binary.AppendVarint(b, s.Time.UnixNano())
	b = binary.AppendVarint(b, int64(s.Late))
	b = binary.AppendVarint(b, int64(s.Mono))
	b = binary.AppendVarint(b, int64(s.Interval))
	b = binary.AppendUvarint(b, uint64(len(s.Readings)))
	for i := range s.Readings {
		b = e.reading(b, e.layouts[i], s.Readings[i].Points)
	}
	e.buf = endFrame(b, at)
	e.seq++
}

// reading appends an entity's number, the length of its points and the points.
// The length takes four bytes whatever it is, so that it can be filled in afterwards.
func (e *encoder) reading(b []byte, l *entityLayout, points []metric.Point) []byte {
	b = binary.AppendUvarint(b, uint64(l.num))
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	for i, p := range points {
		num := l.nums[i]
		if num == refusedDesc {
			e.refused++
			continue
		}
		b = binary.AppendUvarint(b, uint64(num))
		if p.Desc.Type == metric.TypeFloat {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Float()))
		} else {
			b = binary.AppendVarint(b, p.Int())
		}
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// describe makes e.layouts[i] fit the reading, writing descriptors where needed.
func (e *encoder) describe(i int, r *metric.Reading) {
	if i == len(e.layouts) {
		e.layouts = append(e.layouts, nil)
	}
	l := e.layouts[i]
	if l == nil || l.entity != r.Entity {
		l = e.layout(r.Entity)
		e.layouts[i] = l
	}
	for j := range r.Points {
		d := r.Points[j].Desc
		switch {
		case j == len(l.descs):
			l.descs, l.nums = append(l.descs, d), append(l.nums, e.descNum(d))
		case l.descs[j] != d:
			l.descs[j], l.nums[j] = d, e.descNum(d)
		}
	}
}

func (e *encoder) layout(entity *metric.Entity) *entityLayout {
	if l, ok := e.entities[entity]; ok {
		return l
	}
	if len(e.entities) >= maxKnown {
		clear(e.entities)
	}
	l := &entityLayout{entity: entity}
	e.scratch = entityBody(e.scratch[:0], entity)
	num, ok := e.entityNums[string(e.scratch)]
	if !ok {
		num = uint32(len(e.entityNums))
		body := string(e.scratch)
		e.entityNums[body] = num
		e.fresh.entities = append(e.fresh.entities, body)
		e.buf = appendNumbered(e.buf, frameEntity, num, body)
	}
	l.num = num
	e.entities[entity] = l
	return l
}

func (e *encoder) descNum(d *metric.Desc) uint32 {
	if num, ok := e.descs[d]; ok {
		return num
	}
	if len(e.descs) >= maxKnown {
		clear(e.descs)
	}
	num := uint32(refusedDesc)
	if storable(d.Column) && len(d.States) <= maxStates {
		e.scratch = descBody(e.scratch[:0], d)
		var ok bool
		if num, ok = e.descNums[string(e.scratch)]; !ok {
			num = uint32(len(e.descNums))
			body := string(e.scratch)
			e.descNums[body] = num
			e.fresh.descs = append(e.fresh.descs, body)
			e.buf = appendNumbered(e.buf, frameDesc, num, body)
		}
	}
	e.descs[d] = num
	return num
}

func appendNumbered(b []byte, t frameType, num uint32, body string) []byte {
	b, at := beginFrame(b, t)
	b = binary.AppendUvarint(b, uint64(num))
	b = append(b, body...)
	return endFrame(b, at)
}

// rollback undoes the last sample, which did not reach the file: the numbers it
// was the first to use must be described again.
func (e *encoder) rollback() {
	e.seq--
	if len(e.fresh.descs)+len(e.fresh.entities) == 0 {
		return
	}
	for _, body := range e.fresh.descs {
		delete(e.descNums, body)
	}
	for _, body := range e.fresh.entities {
		delete(e.entityNums, body)
	}
	clear(e.descs)
	clear(e.entities)
	e.layouts = e.layouts[:0]
}
