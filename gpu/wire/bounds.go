package wire

import (
	"errors"
	"fmt"
	"io"
)

// cursor walks a payload; reading past its end sets short and gives zeros.
type cursor struct {
	p     []byte
	short bool
}

func (c *cursor) bytes(n int) []byte {
	if n > len(c.p) {
		c.short, c.p = true, nil
		return nil
	}
	b := c.p[:n]
	c.p = c.p[n:]
	return b
}

func (c *cursor) u8() uint8 {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.bytes(2); b != nil {
		return le.Uint16(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.bytes(8); b != nil {
		return le.Uint64(b)
	}
	return 0
}

// end reports a payload that is too short or too long.
func (c *cursor) end() error {
	switch {
	case c.short:
		return io.ErrUnexpectedEOF
	case len(c.p) > 0:
		return fmt.Errorf("%d bytes after the message", len(c.p))
	}
	return nil
}

func (m *Hello) check() error {
	if len(m.Libraries) > 8 || len(m.Failures) > 8 {
		return errors.New("too many backends")
	}
	for _, f := range m.Failures {
		if len(f.Message) > 4*MaxText {
			return fmt.Errorf("a text of %d bytes", len(f.Message))
		}
	}
	return nil
}

func (m *Inventory) check() error {
	if len(m.Devices) > MaxSlots || m.Count < 0 || m.Count > MaxSlots || len(m.Problems) > MaxSlots {
		return fmt.Errorf("%d devices, %d counted, %d problems; limit %d", len(m.Devices), m.Count, len(m.Problems), MaxSlots)
	}
	seen := map[string]bool{}
	for _, d := range m.Devices {
		if d.UUID == "" || len(d.UUID) > 128 || seen[d.UUID] {
			return fmt.Errorf("device identity %.130q is empty, too long or repeated", d.UUID)
		}
		seen[d.UUID] = true
	}
	return nil
}

func (m *Detail) check() error {
	if len(m.Processes) > MaxSlots {
		return fmt.Errorf("processes of %d devices, limit %d", len(m.Processes), MaxSlots)
	}
	for _, l := range m.Processes {
		if len(l.Processes) > MaxProcess {
			return fmt.Errorf("%d processes on one device, limit %d", len(l.Processes), MaxProcess)
		}
	}
	return nil
}
