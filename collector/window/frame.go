package window

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A journal is magic and then frames; docs/format.md is the specification.
const (
	journalMagic = "NODEMTRJ"
	frameSync    = 0xF5
	frameHead    = 10 // sync, type, length (4), CRC-32C (4)
	maxPayload   = 16 << 20
)

// frameType says what a frame's payload is. Numbers are never reused; a reader
// steps over a type it does not know.
type frameType uint8

const (
	frameHeader frameType = 1
	frameDesc   frameType = 2
	frameEntity frameType = 3
	frameSample frameType = 4
	frameEvent  frameType = 5
)

// beginFrame reserves a frame's head; what is appended until endFrame is its payload.
func beginFrame(b []byte, t frameType) (out []byte, start int) {
	start = len(b)
	return append(b, frameSync, byte(t), 0, 0, 0, 0, 0, 0, 0, 0), start
}

// endFrame fills in the head of the frame that began at start.
func endFrame(b []byte, start int) []byte {
	f := b[start:]
	binary.LittleEndian.PutUint32(f[2:], uint32(len(f)-frameHead))
	binary.LittleEndian.PutUint32(f[6:], frameCRC(f))
	return b
}

// frameCRC covers type, length and payload.
func frameCRC(f []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(f[1:6], table), table, f[frameHead:])
}

// frame is one intact record of a journal. Its payload is valid until the next
// call of the scanner.
type frame struct {
	offset  int64
	typ     frameType
	payload []byte
}

// end is the offset of what follows the frame.
func (f frame) end() int64 { return f.offset + frameHead + int64(len(f.payload)) }

// frameScanner walks the frames of a journal, steps past damage and tells
// about it. It holds at most one frame and one buffer in memory, whatever the
// file says about its own lengths.
type frameScanner struct {
	r    io.ReaderAt
	size int64
	off  int64 // of the next frame
	buf  []byte
	base int64 // file offset of buf[0]
	err  error // of the file itself
	// budget bounds how many bytes searching for the next intact frame may
	// check, so that a hostile file cannot cost more than a few times its size.
	budget int64
}

func newFrameScanner(r io.ReaderAt, size, from int64) *frameScanner {
	return &frameScanner{r: r, size: size, off: from, budget: 4*size + 64<<10}
}

// damage is a stretch of a journal that holds no intact frame.
type damage struct {
	from, to int64
	tail     bool // it reaches the end of the file
}

func (d damage) String() string {
	if d.tail {
		return fmt.Sprintf("%d bytes of an incomplete or damaged record at the end", d.to-d.from)
	}
	return fmt.Sprintf("%d damaged bytes", d.to-d.from)
}

// next returns the next intact frame, and before it the damage stepped over, if
// any. ok is false at the end of the file or when the file cannot be read (err).
func (s *frameScanner) next() (f frame, d *damage, ok bool) {
	if s.off >= s.size || s.err != nil {
		return frame{}, nil, false
	}
	start := s.off
	if f, ok = s.at(start); ok {
		s.off = f.end()
		return f, nil, true
	}
	for at := s.resume(start); at < s.size && s.err == nil; at++ {
		if f, ok = s.at(at); ok {
			s.off = f.end()
			return f, &damage{from: start, to: at}, true
		}
		if s.budget <= 0 {
			break
		}
	}
	s.off = s.size
	if s.err != nil {
		return frame{}, nil, false
	}
	return frame{}, &damage{from: start, to: s.size, tail: true}, false
}

// resume is where to look for the frame after a damaged one: at its declared
// end when an intact frame is there (then only this one was damaged, and
// nothing inside its payload can pose as a frame), else byte by byte.
func (s *frameScanner) resume(start int64) int64 {
	if head, ok := s.view(start, frameHead); ok && head[0] == frameSync {
		end := start + frameHead + int64(binary.LittleEndian.Uint32(head[2:]))
		if end > start && end < s.size {
			if _, ok := s.at(end); ok {
				return end
			}
		}
	}
	return start + 1
}

// at returns the frame at off when it is intact.
func (s *frameScanner) at(off int64) (frame, bool) {
	head, ok := s.view(off, frameHead)
	if !ok || head[0] != frameSync {
		return frame{}, false
	}
	n := int64(binary.LittleEndian.Uint32(head[2:]))
	if n > maxPayload || off+frameHead+n > s.size {
		return frame{}, false
	}
	want := binary.LittleEndian.Uint32(head[6:])
	b, ok := s.view(off, frameHead+int(n))
	if !ok {
		return frame{}, false
	}
	if frameCRC(b) != want {
		s.budget -= n + frameHead
		return frame{}, false
	}
	return frame{offset: off, typ: frameType(b[1]), payload: b[frameHead:]}, true
}

// view returns n bytes of the file at off, or false past its end.
func (s *frameScanner) view(off int64, n int) ([]byte, bool) {
	if off < 0 || off+int64(n) > s.size {
		return nil, false
	}
	if off < s.base || off+int64(n) > s.base+int64(len(s.buf)) {
		if !s.fill(off, n) {
			return nil, false
		}
	}
	at := off - s.base
	return s.buf[at : at+int64(n) : at+int64(n)], true
}

func (s *frameScanner) fill(off int64, n int) bool {
	const least = 64 << 10
	want := int(min(int64(max(n, least)), s.size-off))
	if cap(s.buf) < want {
		s.buf = make([]byte, want)
	}
	s.buf = s.buf[:want]
	s.base = off
	got, err := s.r.ReadAt(s.buf, off)
	if err != nil && err != io.EOF {
		s.err, s.buf = err, s.buf[:0]
		return false
	}
	s.buf = s.buf[:got] // the file may have been cut since its size was taken
	return got >= n
}
