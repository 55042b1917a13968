// Package wire is the protocol between the agent and its GPU reader, over the
// reader's standard input and output.
//
// A frame is a length (4 bytes, little endian, of what follows it), a version,
// a type and the payload. Everything is bounded; a reader that breaks a rule is
// replaced, not argued with. Both ends are the same binary, so there is one
// version and no negotiation: it only catches an agent that was upgraded on
// disk while running.
//
// The agent asks (Tick) and the reader answers with one Snapshot. Before it,
// when they have changed, come a Hello, an Inventory and a Detail.
//
// A Conn may be read by one goroutine and written by another.
package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Version of the protocol; it changes with any change to a frame.
const Version = 2

// Limits of what a frame may hold.
const (
	MaxFrame   = 1 << 20 // bytes after the length
	MaxSlots   = 1024    // devices and MIG instances
	MaxValues  = 256     // of one device
	MaxText    = 512     // bytes of a message
	MaxProcess = 1024    // of one device
)

// Type is the type of a frame.
type Type uint8

// The frame types.
const (
	TypeTick      Type = 1
	TypeSnapshot  Type = 2
	TypeHello     Type = 3
	TypeInventory Type = 4
	TypeDetail    Type = 5
)

const header = 2 // version and type

// Writer writes frames, each with one Write, and keeps its buffer.
type Writer struct {
	w   io.Writer
	buf []byte
}

// NewWriter writes frames to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes one message.
func (w *Writer) Write(m Message) error {
	buf := append(w.buf[:0], 0, 0, 0, 0, Version, byte(m.frameType()))
	buf, err := m.append(buf)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	w.buf = buf
	if len(buf)-4 > MaxFrame {
		return fmt.Errorf("frame of type %d has %d bytes, limit %d", m.frameType(), len(buf)-4, MaxFrame)
	}
	binary.LittleEndian.PutUint32(buf, uint32(len(buf)-4))
	if _, err := w.w.Write(buf); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// Reader reads frames and keeps its buffer.
type Reader struct {
	r   *bufio.Reader
	buf []byte
}

// ahead is how much a Reader takes at once: a tick of eight GPUs is 4 KiB, and
// comes with one system call.
const ahead = 8 << 10

// NewReader reads frames from r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, ahead)} }

// Read reads and decodes one message. It returns io.EOF at an end between frames.
// The message shares no memory with the Reader.
func (r *Reader) Read() (Message, error) {
	var head [4 + header]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		if err == io.EOF {
			return nil, err
		}
		return nil, fmt.Errorf("read frame header: %w", err)
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size < header || size > MaxFrame {
		return nil, fmt.Errorf("frame length %d is not within %d and %d", size, header, MaxFrame)
	}
	if head[4] != Version {
		return nil, fmt.Errorf("frame version %d, this binary speaks %d", head[4], Version)
	}
	n := int(size) - header
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	payload := r.buf[:n]
	if _, err := io.ReadFull(r.r, payload); err != nil {
		return nil, fmt.Errorf("read frame of %d bytes: %w", n, err)
	}
	m, err := decode(Type(head[5]), payload)
	if err != nil {
		return nil, fmt.Errorf("frame of type %d: %w", head[5], err)
	}
	return m, nil
}

func decode(t Type, payload []byte) (Message, error) {
	switch t {
	case TypeTick:
		return decodeTick(payload)
	case TypeSnapshot:
		return decodeSnapshot(payload)
	case TypeHello:
		return decodeJSON[*Hello](payload)
	case TypeInventory:
		return decodeJSON[*Inventory](payload)
	case TypeDetail:
		return decodeJSON[*Detail](payload)
	}
	return nil, fmt.Errorf("unknown type")
}
