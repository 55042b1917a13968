package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"nodemeter/gpu/device"
)

// Message is one of the frames' contents.
type Message interface {
	frameType() Type
	append([]byte) ([]byte, error)
}

// Tick asks for one Snapshot.
type Tick struct {
	Seq uint64
	// Deadline is how long the reader may wait for its devices.
	Deadline time.Duration
	// Pace is by how much the times between dear calls and between Details are
	// lengthened, 1 at least.
	Pace uint16
}

// Snapshot answers the Tick with the same Seq.
type Snapshot struct {
	Seq     uint64
	Devices []DeviceValues
}

// DeviceValues is what was read of one device.
type DeviceValues struct {
	// Slot refers to the last Inventory.
	Slot  uint16
	State device.State
	// Why is the call and the reason of a state other than ok.
	Why    string
	Values []device.Value
}

// Hello says what was found at the start; it is sent once a backend has
// opened, or has failed to.
type Hello struct {
	Libraries []device.Library `json:"libraries"`
	// Failures says which backends could not be opened, and why.
	Failures []Failure `json:"failures"`
	// Ready is true when nothing is still being opened.
	Ready bool `json:"ready"`
}

// Failure is a backend that did not open.
type Failure struct {
	Backend string        `json:"backend"`
	Status  device.Status `json:"status"`
	Message string        `json:"message"`
}

// Inventory lists the devices; slots number them in this order.
type Inventory struct {
	Devices []DeviceInfo `json:"devices"`
	// Count is how many GPUs the drivers speak of.
	Count    int      `json:"count"`
	Problems []string `json:"problems"`
}

// DeviceInfo is a device and what it cannot say.
type DeviceInfo struct {
	device.Info
	Unsupported []string `json:"unsupported"` // columns
}

// Detail is what few consumers want and few ticks change.
type Detail struct {
	Calls     []Call        `json:"calls"`
	Processes []ProcessList `json:"processes"`
}

// Call is how one call to one device has fared since the reader started.
type Call struct {
	UUID   string        `json:"uuid"`
	Name   string        `json:"name"`
	Count  uint64        `json:"count"`
	Failed uint64        `json:"failed"`
	Total  time.Duration `json:"total"`
	Max    time.Duration `json:"max"`
	Last   device.Status `json:"last"`
}

// ProcessList is who was on a device at Time.
type ProcessList struct {
	UUID      string           `json:"uuid"`
	Time      time.Time        `json:"time"`
	Processes []device.Process `json:"processes"`
	// Dropped counts processes beyond the limit.
	Dropped int `json:"dropped"`
}

func (*Tick) frameType() Type      { return TypeTick }
func (*Snapshot) frameType() Type  { return TypeSnapshot }
func (*Hello) frameType() Type     { return TypeHello }
func (*Inventory) frameType() Type { return TypeInventory }
func (*Detail) frameType() Type    { return TypeDetail }

var le = binary.LittleEndian

func (m *Tick) append(b []byte) ([]byte, error) {
	b = le.AppendUint64(b, m.Seq)
	b = le.AppendUint64(b, uint64(m.Deadline))
	return le.AppendUint16(b, m.Pace), nil
}

const longestDeadline = time.Hour

func decodeTick(p []byte) (*Tick, error) {
	c := cursor{p: p}
	m := &Tick{Seq: c.u64(), Deadline: time.Duration(c.u64()), Pace: c.u16()}
	if m.Deadline < 0 || m.Deadline > longestDeadline {
		return nil, fmt.Errorf("a deadline of %v is out of range", m.Deadline)
	}
	if m.Pace < 1 && !c.short {
		return nil, errors.New("a pace of 0 is out of range")
	}
	return m, c.end()
}

func (m *Snapshot) append(b []byte) ([]byte, error) {
	if len(m.Devices) > MaxSlots {
		return nil, fmt.Errorf("%d devices, limit %d", len(m.Devices), MaxSlots)
	}
	b = le.AppendUint64(b, m.Seq)
	b = le.AppendUint16(b, uint16(len(m.Devices)))
	for i := range m.Devices {
		d := &m.Devices[i]
		if len(d.Values) > MaxValues {
			return nil, fmt.Errorf("%d values of one device, limit %d", len(d.Values), MaxValues)
		}
		why := Clip(d.Why)
		b = le.AppendUint16(b, d.Slot)
		b = append(b, byte(d.State))
		b = le.AppendUint16(b, uint16(len(why)))
		b = append(b, why...)
		b = le.AppendUint16(b, uint16(len(d.Values)))
		for _, v := range d.Values {
			b = le.AppendUint16(b, uint16(v.Q))
			b = le.AppendUint64(b, v.Bits)
		}
	}
	return b, nil
}

func decodeSnapshot(p []byte) (*Snapshot, error) {
	c := cursor{p: p}
	m := &Snapshot{Seq: c.u64()}
	n := int(c.u16())
	if n > MaxSlots {
		return nil, fmt.Errorf("%d devices, limit %d", n, MaxSlots)
	}
	m.Devices = make([]DeviceValues, 0, min(n, len(c.p)/7))
	room := make([]device.Value, 0, len(c.p)/valueSize) // for all devices
	for range n {
		d, err := decodeDevice(&c, &room)
		if err != nil {
			return nil, fmt.Errorf("device %d of %d: %w", len(m.Devices)+1, n, err)
		}
		m.Devices = append(m.Devices, d)
	}
	return m, c.end()
}

// valueSize is a value in a frame: quantity and bits.
const valueSize = 2 + 8

func decodeDevice(c *cursor, room *[]device.Value) (DeviceValues, error) {
	d := DeviceValues{Slot: c.u16(), State: device.State(c.u8())}
	text := int(c.u16())
	if text > MaxText {
		return d, fmt.Errorf("a text of %d bytes, limit %d", text, MaxText)
	}
	d.Why = string(c.bytes(text))
	n := int(c.u16())
	switch {
	case c.short:
		return d, io.ErrUnexpectedEOF
	case d.Slot >= MaxSlots:
		return d, fmt.Errorf("slot %d, limit %d", d.Slot, MaxSlots)
	case !d.State.Valid():
		return d, fmt.Errorf("unknown %s", d.State)
	case n > MaxValues || n > len(c.p)/valueSize:
		return d, fmt.Errorf("%d values do not fit", n)
	}
	values := c.bytes(n * valueSize)
	for ; len(values) > 0; values = values[valueSize:] {
		v := device.Value{Q: device.Quantity(le.Uint16(values)), Bits: le.Uint64(values[2:])}
		if !v.Possible() {
			return d, fmt.Errorf("quantity %d has an impossible value", v.Q)
		}
		*room = append(*room, v)
	}
	all := len(*room)
	d.Values = (*room)[all-n : all : all]
	return d, nil
}

func (m *Hello) append(b []byte) ([]byte, error)     { return appendJSON(b, m) }
func (m *Inventory) append(b []byte) ([]byte, error) { return appendJSON(b, m) }
func (m *Detail) append(b []byte) ([]byte, error)    { return appendJSON(b, m) }

func appendJSON(b []byte, m any) ([]byte, error) {
	js, err := json.Marshal(m)
	return append(b, js...), err
}

// bounded is a message that can check its own limits.
type bounded interface {
	Message
	check() error
}

func decodeJSON[M bounded](p []byte) (Message, error) {
	var m M
	d := json.NewDecoder(bytes.NewReader(p))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	if any(m) == any(*new(M)) {
		return nil, errors.New("null is no message")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("bytes after the message")
	}
	return m, m.check()
}

// Clip shortens a text to what a frame may carry.
func Clip(s string) string {
	if len(s) > MaxText {
		return s[:MaxText]
	}
	return s
}
