package window

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nodemeter/collector/metric"
)

// journal is an open window's file as its readers see it: an index made in one
// pass, and then chunks made in as many passes as bounded memory asks for.
// Reading a journal and sealing one are the same walk.
type journal struct {
	path     string
	r        io.ReaderAt
	size     int64
	header   header
	descs    map[uint64]*metric.Desc
	entities map[uint64]int // entity number to its group
	groups   []*group
	fields   []Field
	fieldAt  map[string]int
	families []Family
	infos    []metric.Entity // the latest of each entity
	events   []metric.Event
	ticks    []journalTick
	disorder bool
	problems []Problem
	good     int64 // end of the last intact frame
	nextSeq  uint64
	hurt     bool // damage was met since the last sample
	torn     bool // the last problem is an incomplete end
	// Facts for the metadata, in seconds.
	lateMax, lateSum, covered float64
}

// journalTick is one sample of the index.
type journalTick struct {
	time, offset int64
	rank         int32 // place in time order
}

// group is what becomes a run of chunks: one entity under one worker_id.
type group struct {
	entity  metric.Entity
	columns []int // indexes of journal.fields, ascending once indexed
	seen    map[int]bool
	rows    int
}

// openJournal indexes a journal. Damage becomes problems; an error is a file
// that cannot be read or that is of a newer major version.
func openJournal(path string, r io.ReaderAt, size int64) (*journal, error) {
	j := &journal{
		path: path, r: r, size: size,
		descs: map[uint64]*metric.Desc{}, entities: map[uint64]int{}, fieldAt: map[string]int{},
	}
	if err := j.index(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if j.header.major == 0 {
		j.nameless()
	}
	j.order()
	return j, nil
}

// nameless makes do for a damaged header with what the path says.
func (j *journal) nameless() {
	if len(j.problems) == 0 {
		j.problem(0, errors.New("no header"), "boot id, agent version and interval")
	}
	path, err := filepath.Abs(j.path)
	if err != nil {
		path = j.path
	}
	j.header.node = nodeOf(path)
	if s, _, ok := parseName(filepath.Base(path)); ok {
		j.header.from, j.header.to = s.from, s.to()
	}
}

func (j *journal) index() error {
	magic := make([]byte, len(journalMagic))
	if n, err := j.r.ReadAt(magic, 0); err != nil && err != io.EOF {
		return err
	} else if string(magic[:n]) != journalMagic {
		j.problem(0, errors.New("no journal magic"), "the first bytes")
	} else {
		j.good = int64(len(journalMagic))
	}
	s := newFrameScanner(j.r, j.size, min(j.size, int64(len(journalMagic))))
	for {
		f, d, ok := s.next()
		if d != nil {
			j.problem(d.from, errors.New("checksum or length does not match"), d.String())
			j.hurt, j.torn = true, d.tail
		}
		if !ok {
			break
		}
		j.good = f.end()
		if err := j.record(f); err != nil {
			if v := (*NewerVersionError)(nil); errors.As(err, &v) {
				return v
			}
			j.problem(f.offset, fmt.Errorf("record of type %d: %w", f.typ, err), "the record")
		}
	}
	return s.err
}

// maxProblems bounds what a file of nothing but damage can say.
const maxProblems = 1000

func (j *journal) problem(offset int64, err error, lost string) {
	if len(j.problems) < maxProblems {
		j.problems = append(j.problems, Problem{File: j.path, Offset: offset, Err: err, Lost: lost})
	}
}

// record takes one intact frame into the index.
func (j *journal) record(f frame) error {
	switch f.typ {
	case frameHeader:
		h, err := decodeHeader(f.payload)
		if err == nil {
			j.header = h
		}
		return err
	case frameDesc:
		num, d, err := decodeDesc(f.payload)
		if err != nil {
			return err
		}
		return j.desc(num, &d)
	case frameEntity:
		num, e, err := decodeEntity(f.payload)
		if err != nil {
			return err
		}
		return j.entity(num, e)
	case frameSample:
		return j.sample(f)
	case frameEvent:
		e, err := decodeEvent(f.payload)
		if err == nil {
			j.events = append(j.events, e)
		}
		return err
	}
	return nil // of a newer minor version
}

func (j *journal) desc(num uint64, d *metric.Desc) error {
	if j.descs[num] != nil {
		return fmt.Errorf("metric number %d described twice", num)
	}
	at, ok := j.fieldAt[d.Column]
	if !ok {
		at = len(j.fields)
		j.fieldAt[d.Column] = at
		j.fields = append(j.fields, Field{
			Column: d.Column, Unit: d.Unit, Kind: d.Kind, Type: d.Type, Step: d.Step,
			States: d.States, Help: d.Help, Absent: d.Absent,
		})
	}
	if f := &j.fields[at]; f.Type != d.Type {
		return fmt.Errorf("column %q is of two types", d.Column)
	} else if len(d.States) > len(f.States) {
		f.States = d.States // states are only ever appended
	}
	j.descs[num] = d
	if d.Metric != "" {
		j.families = append(j.families, Family{Kind: d.On, Column: d.Column, Metric: d.Metric, Labels: d.Labels})
	}
	return nil
}

func (j *journal) entity(num uint64, e metric.Entity) error {
	if _, ok := j.entities[num]; ok {
		return fmt.Errorf("entity number %d described twice", num)
	}
	at := slices.IndexFunc(j.groups, func(g *group) bool { return g.entity.Key() == e.Key() && g.entity.Worker == e.Worker })
	if at < 0 {
		at = len(j.groups)
		j.groups = append(j.groups, &group{entity: e, seen: map[int]bool{}})
	}
	j.entities[num] = at
	if i := slices.IndexFunc(j.infos, func(o metric.Entity) bool { return o.Key() == e.Key() }); i >= 0 {
		j.infos[i] = e
	} else {
		j.infos = append(j.infos, e)
	}
	return nil
}

// sample indexes one sample: which groups it has, with which columns.
func (j *journal) sample(f frame) error {
	c := cursor{b: f.payload}
	t := decodeTick(&c)
	unknown := 0
	for n := c.count(5); n > 0 && !c.bad; n-- {
		g, points := j.reading(&c)
		if g < 0 {
			unknown++
			continue
		}
		unknown += j.eachPoint(points, func(field int, _ uint64) {
			if gr := j.groups[g]; !gr.seen[field] {
				gr.seen[field] = true
				gr.columns = append(gr.columns, field)
			}
		})
		j.groups[g].rows++
	}
	if c.bad {
		return errMalformed
	}
	if n := len(j.ticks); n > 0 && j.ticks[n-1].time > t.time {
		j.disorder = true
	}
	if missing := t.seq - j.nextSeq; j.hurt && t.seq > j.nextSeq {
		p := &j.problems[len(j.problems)-1]
		p.Lost = fmt.Sprintf("%s, with %d sample%s", p.Lost, missing, strings.Repeat("s", int(min(1, missing-1))))
	}
	j.nextSeq, j.hurt = t.seq+1, false
	j.ticks = append(j.ticks, journalTick{time: t.time, offset: f.offset})
	late := float64(t.late) / 1e9
	j.lateMax, j.lateSum, j.covered = max(j.lateMax, late), j.lateSum+late, j.covered+float64(t.interval)/1e9
	if unknown > 0 {
		return fmt.Errorf("%d of its values belong to a metric or an entity whose description is damaged", unknown)
	}
	return nil
}

// reading takes the next reading off a sample: its group, or -1 when its
// entity is unknown, and its points.
func (j *journal) reading(c *cursor) (g int, points []byte) {
	num := c.uvarint()
	points = c.sized()
	if at, ok := j.entities[num]; ok && !c.bad {
		return at, points
	}
	return -1, nil
}

// eachPoint calls f with each point's field and bits, and returns how many
// points it had to leave out.
func (j *journal) eachPoint(points []byte, f func(field int, bits uint64)) (left int) {
	c := cursor{b: points}
	for len(c.b) > 0 {
		d := j.descs[c.uvarint()]
		if d == nil {
			return left + 1 // the rest cannot be told apart
		}
		var bits uint64
		if d.Type == metric.TypeFloat {
			bits = c.float64bits()
		} else {
			bits = uint64(c.varint())
		}
		if c.bad || d.Type == metric.TypeState && bits >= uint64(len(d.States)) {
			left++
			continue
		}
		f(j.fieldAt[d.Column], bits)
	}
	return left
}

// order sorts groups as windows have them and ranks the samples by time.
func (j *journal) order() {
	for _, g := range j.groups {
		slices.Sort(g.columns)
		if g.entity.Worker == "" {
			g.entity.Worker = j.header.node
		}
	}
	perm := make([]int, len(j.groups))
	for i := range perm {
		perm[i] = i
	}
	slices.SortStableFunc(perm, func(a, b int) int { return compareEntities(&j.groups[a].entity, &j.groups[b].entity) })
	sorted, place := make([]*group, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		sorted[i], place[p] = j.groups[p], i
	}
	j.groups = sorted
	for num, at := range j.entities {
		j.entities[num] = place[at]
	}
	slices.SortStableFunc(j.infos, func(a, b metric.Entity) int { return compareEntities(&a, &b) })
	j.rank()
}

func (j *journal) rank() {
	byTime := make([]int32, len(j.ticks))
	for i := range byTime {
		byTime[i] = int32(i)
	}
	if j.disorder {
		slices.SortStableFunc(byTime, func(a, b int32) int { return cmp.Compare(j.ticks[a].time, j.ticks[b].time) })
	}
	for rank, i := range byTime {
		j.ticks[i].rank = int32(rank)
	}
}

// compareEntities is the order of rows: kind (node first), id, worker_id.
// Ids that are numbers compare as numbers.
func compareEntities(a, b *metric.Entity) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), compareIDs(a.ID, b.ID), strings.Compare(a.Worker, b.Worker))
}

func compareIDs(a, b string) int {
	if isNumber(a) && isNumber(b) {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	}
	return strings.Compare(a, b)
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// meta is what the journal says about its window.
func (j *journal) meta() Meta {
	h := j.header
	return Meta{
		Node: h.node, BootID: h.boot, Agent: h.agent, Format: fmt.Sprintf("%d.%d", h.major, h.minor),
		Interval: h.interval, From: h.from, To: h.to,
		Entities: j.infos, Fields: j.fields, Families: j.families, Events: j.events,
	}
}

// span is the time of the first and the last sample.
func (j *journal) span() (first, last time.Time) {
	for i, t := range j.ticks {
		at := unixNano(t.time)
		if i == 0 || at.Before(first) {
			first = at
		}
		if i == 0 || at.After(last) {
			last = at
		}
	}
	return first, last
}
