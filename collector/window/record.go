package window

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"nodemeter/collector/metric"
)

// The format of what this package writes: the journal's header and the Parquet
// file's metadata say it. A reader refuses a newer major version and reads any
// minor one.
const (
	formatMajor = 1
	formatMinor = 0
)

// errMalformed is an intact frame whose payload does not decode: written by
// something else, or by a writer with a fault.
var errMalformed = errors.New("payload does not decode")

// NewerVersionError is a file of a major version that this program does not know.
type NewerVersionError struct{ Major, Minor uint64 }

func (e *NewerVersionError) Error() string {
	return fmt.Sprintf("written in format %d.%d; this program reads up to %d.x: use a newer nodemeter", e.Major, e.Minor, formatMajor)
}

// header opens a journal. The node, boot, agent and interval are the same for
// everything in it: an agent that differs in one of them opens another part.
type header struct {
	major, minor      uint64
	node, boot, agent string
	interval          time.Duration
	from, to          time.Time // the window's span
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendHeader(b []byte, h header) []byte {
	b, at := beginFrame(b, frameHeader)
	b = binary.AppendUvarint(b, formatMajor)
	b = binary.AppendUvarint(b, formatMinor)
	b = appendString(b, h.node)
	b = appendString(b, h.boot)
	b = appendString(b, h.agent)
	b = binary.AppendVarint(b, int64(h.interval))
	b = binary.AppendVarint(b, h.from.UnixNano())
	b = binary.AppendVarint(b, h.to.UnixNano())
	return endFrame(b, at)
}

func decodeHeader(p []byte) (header, error) {
	c := cursor{b: p}
	h := header{major: c.uvarint(), minor: c.uvarint()}
	if !c.bad && h.major > formatMajor {
		return h, &NewerVersionError{h.major, h.minor}
	}
	h.node, h.boot, h.agent = c.str(), c.str(), c.str()
	h.interval = time.Duration(c.varint())
	h.from, h.to = unixNano(c.varint()), unixNano(c.varint())
	if c.bad || h.major == 0 || h.interval < 0 || h.to.Before(h.from) {
		return h, errMalformed
	}
	return h, nil
}

func unixNano(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// descBody is a desc frame's payload after its number: equal bodies are the same metric.
func descBody(b []byte, d *metric.Desc) []byte {
	b = append(b, byte(d.On), byte(d.Type), byte(d.Kind))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(d.Step))
	for _, s := range []string{d.Column, string(d.Unit), d.Help, d.Absent, d.Metric} {
		b = appendString(b, s)
	}
	b = appendLabels(b, d.Labels)
	b = binary.AppendUvarint(b, uint64(len(d.States)))
	for _, s := range d.States {
		b = appendString(b, s)
	}
	return b
}

func appendLabels(b []byte, labels []metric.Label) []byte {
	b = binary.AppendUvarint(b, uint64(len(labels)))
	for _, l := range labels {
		b = appendString(b, l.Name)
		b = appendString(b, l.Value)
	}
	return b
}

// decodeDesc returns a desc frame's number and metric.
func decodeDesc(p []byte) (num uint64, d metric.Desc, err error) {
	c := cursor{b: p}
	num = c.uvarint()
	d.On, d.Type, d.Kind = metric.EntityKind(c.byte()), metric.Type(c.byte()), metric.Kind(c.byte())
	d.Step = c.float()
	d.Column, d.Unit, d.Help, d.Absent, d.Metric = c.str(), metric.Unit(c.str()), c.str(), c.str(), c.str()
	d.Labels = c.labels()
	for n := c.count(1); n > 0; n-- {
		d.States = append(d.States, c.str())
	}
	if c.bad || d.Type < metric.TypeFloat || d.Type > metric.TypeState || d.Step < 0 || math.IsNaN(d.Step) ||
		len(d.States) > maxStates || (d.Type == metric.TypeState) != (len(d.States) > 0) || !storable(d.Column) {
		return num, d, errMalformed
	}
	return num, d, nil
}

// maxStates is what Column.State, a uint8, can tell apart.
const maxStates = 256

// storable reports whether a column can be a metric's: the names that every
// row has are taken.
func storable(column string) bool {
	switch column {
	case "", colTime, colWorker, colNode, colKind, colID, colInterval, "date", "time_offset":
		return false
	}
	return len(column) <= 255
}

// entityBody is an entity frame's payload after its number.
func entityBody(b []byte, e *metric.Entity) []byte {
	b = append(b, byte(e.Kind))
	b = appendString(b, e.ID)
	b = appendString(b, e.Worker)
	return appendLabels(b, e.Info)
}

func decodeEntity(p []byte) (num uint64, e metric.Entity, err error) {
	c := cursor{b: p}
	num = c.uvarint()
	e.Kind, e.ID, e.Worker, e.Info = metric.EntityKind(c.byte()), c.str(), c.str(), c.labels()
	if c.bad || e.Kind == 0 {
		return num, e, errMalformed
	}
	return num, e, nil
}

func appendEvent(b []byte, e metric.Event) []byte {
	b, at := beginFrame(b, frameEvent)
	return endFrame(appendEventBody(b, e), at)
}

func appendEventBody(b []byte, e metric.Event) []byte {
	b = append(b, byte(e.Kind))
	b = binary.AppendVarint(b, e.Time.UnixNano())
	b = binary.AppendVarint(b, int64(e.By))
	b = binary.AppendVarint(b, e.Count)
	return appendString(b, e.Detail[:min(len(e.Detail), maxDetail)])
}

// maxDetail keeps an event's text to what people read.
const maxDetail = 4 << 10

func decodeEvent(p []byte) (metric.Event, error) {
	c := cursor{b: p}
	e := metric.Event{Kind: metric.EventKind(c.byte()), Time: unixNano(c.varint()), By: time.Duration(c.varint()), Count: c.varint(), Detail: c.str()}
	if c.bad {
		return e, errMalformed
	}
	return e, nil
}

// tick is what a sample frame says before its readings.
type tick struct {
	seq                        uint64
	time, late, mono, interval int64 // nanoseconds
}

func decodeTick(c *cursor) tick {
	return tick{seq: c.uvarint(), time: c.varint(), late: c.varint(), mono: c.varint(), interval: c.varint()}
}

// cursor reads a payload. After the first fault everything reads as zero and
// bad is set, so decoders check once, at the end.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) fail() { c.bad, c.b = true, nil }

func (c *cursor) byte() byte {
	if len(c.b) == 0 {
		c.fail()
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	u := c.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (c *cursor) float() float64 { return math.Float64frombits(c.float64bits()) }

func (c *cursor) float64bits() uint64 {
	if len(c.b) < 8 {
		c.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(c.b)
	c.b = c.b[8:]
	return v
}

// sized reads a four-byte length and that many bytes.
func (c *cursor) sized() []byte {
	if len(c.b) < 4 {
		c.fail()
		return nil
	}
	n := binary.LittleEndian.Uint32(c.b)
	if uint64(n) > uint64(len(c.b)-4) {
		c.fail()
		return nil
	}
	v := c.b[4 : 4+n]
	c.b = c.b[4+n:]
	return v
}

func (c *cursor) bytes() []byte {
	n := c.uvarint()
	if n > uint64(len(c.b)) {
		c.fail()
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) str() string { return string(c.bytes()) }

// count reads a number of items of at least size bytes each, and refuses one
// that the rest of the payload cannot hold.
func (c *cursor) count(size int) int {
	n := c.uvarint()
	if n > uint64(len(c.b)/size) {
		c.fail()
		return 0
	}
	return int(n)
}

func (c *cursor) labels() []metric.Label {
	n := c.count(2)
	if n == 0 {
		return nil
	}
	labels := make([]metric.Label, 0, n)
	for ; n > 0 && !c.bad; n-- {
		labels = append(labels, metric.Label{Name: c.str(), Value: c.str()})
	}
	return labels
}
