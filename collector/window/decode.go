package window

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// Decoders of Parquet's encodings (apache/parquet-format: Encodings.md). Each
// fills exactly the slice it is given and refuses anything else, so no length
// in a file decides how much memory is used.

var errEncoding = errors.New("encoded values do not decode")

// unpack reads the i-th of a run of little-endian integers of width bits, 0 to 64.
func unpack(b []byte, i int, width uint) uint64 {
	bit := uint(i) * width
	at, shift := int(bit>>3), bit&7
	var v uint64
	if at+8 <= len(b) {
		v = binary.LittleEndian.Uint64(b[at:]) >> shift
		if shift+width > 64 && at+8 < len(b) {
			v |= uint64(b[at+8]) << (64 - shift)
		}
	} else {
		for k := len(b) - 1; k >= at; k-- {
			v = v<<8 | uint64(b[k])
		}
		v >>= shift
	}
	return v & (1<<width - 1)
}

// decodeHybrid decodes the mix of run lengths and packed bits that levels and
// dictionary indexes are in.
func decodeHybrid(dst []uint32, b []byte, width uint) error {
	if width > 32 {
		return errEncoding
	}
	for len(dst) > 0 {
		head, n := binary.Uvarint(b)
		if n <= 0 {
			return errEncoding
		}
		b = b[n:]
		count := int(min(head>>1, math.MaxInt32))
		if head&1 == 0 {
			size := int(width+7) / 8
			if count == 0 || len(b) < size {
				return errEncoding
			}
			v := uint32(unpack(b[:size], 0, width))
			k := min(count, len(dst))
			for i := range dst[:k] {
				dst[i] = v
			}
			dst, b = dst[k:], b[size:]
			continue
		}
		k := min(count*8, len(dst))
		if count == 0 || len(b) < (k*int(width)+7)/8 {
			return errEncoding
		}
		unpackRun(dst[:k], b, width)
		dst, b = dst[k:], b[min(len(b), count*int(width)):]
	}
	return nil
}

// unpackRun unpacks integers of up to 32 bits: one unaligned load each.
func unpackRun(dst []uint32, b []byte, width uint) {
	mask := uint64(1)<<width - 1
	bit, i := uint(0), 0
	for ; i < len(dst); i++ {
		at := int(bit >> 3)
		if at+8 > len(b) {
			break
		}
		dst[i] = uint32(binary.LittleEndian.Uint64(b[at:]) >> (bit & 7) & mask)
		bit += width
	}
	for ; i < len(dst); i++ {
		dst[i] = uint32(unpack(b, i, width))
	}
}

// decodeDelta decodes DELTA_BINARY_PACKED.
func decodeDelta(dst []int64, b []byte) error {
	c := cursor{b: b}
	block, minis, total, value := c.uvarint(), c.uvarint(), c.uvarint(), c.varint()
	if c.bad || total != uint64(len(dst)) || minis == 0 || minis > 64 || block == 0 || block > 1<<16 || block%minis != 0 {
		return errEncoding
	}
	per := int(block / minis)
	if per%32 != 0 {
		return errEncoding
	}
	if len(dst) == 0 {
		return nil
	}
	dst[0] = value
	dst = dst[1:]
	for len(dst) > 0 {
		least := c.varint()
		if c.bad || len(c.b) < int(minis) {
			return errEncoding
		}
		widths := c.b[:minis]
		c.b = c.b[minis:]
		for _, width := range widths {
			if len(dst) == 0 {
				break
			}
			if width > 64 {
				return errEncoding
			}
			n := min(per, len(dst))
			if len(c.b) < (n*int(width)+7)/8 {
				return errEncoding
			}
			value = addDeltas(dst[:n], c.b, uint(width), least, value)
			dst, c.b = dst[n:], c.b[min(len(c.b), per*int(width)/8):]
		}
	}
	return nil
}

// addDeltas decodes one miniblock and returns its last value.
func addDeltas(dst []int64, b []byte, width uint, least, value int64) int64 {
	if width == 0 {
		for i := range dst {
			value += least
			dst[i] = value
		}
		return value
	}
	i, bit := 0, uint(0)
	if width <= 56 {
		mask := uint64(1)<<width - 1
		for ; i < len(dst); i++ {
			at := int(bit >> 3)
			if at+8 > len(b) {
				break
			}
			value += least + int64(binary.LittleEndian.Uint64(b[at:])>>(bit&7)&mask)
			dst[i] = value
			bit += width
		}
	}
	for ; i < len(dst); i++ {
		value += least + int64(unpack(b, i, width))
		dst[i] = value
	}
	return value
}

// decodePlain decodes PLAIN 8-byte values.
func decodePlain[T int64 | float64](dst []T, b []byte, from func(uint64) T) error {
	if len(b) != 8*len(dst) {
		return errEncoding
	}
	for i := range dst {
		dst[i] = from(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return nil
}

// decodeByteStream decodes BYTE_STREAM_SPLIT doubles: all first bytes, all second bytes, and so on.
func decodeByteStream(dst []float64, b []byte) error {
	n := len(dst)
	if len(b) != 8*n {
		return errEncoding
	}
	s0, s1, s2, s3 := b[:n], b[n:2*n], b[2*n:3*n], b[3*n:4*n]
	s4, s5, s6, s7 := b[4*n:5*n], b[5*n:6*n], b[6*n:7*n], b[7*n:]
	for i := range dst {
		u := uint64(s0[i]) | uint64(s1[i])<<8 | uint64(s2[i])<<16 | uint64(s3[i])<<24 |
			uint64(s4[i])<<32 | uint64(s5[i])<<40 | uint64(s6[i])<<48 | uint64(s7[i])<<56
		dst[i] = math.Float64frombits(u)
	}
	return nil
}

// decodeStrings splits PLAIN byte arrays; the results share b's memory.
func decodeStrings(b []byte, n int) ([][]byte, error) {
	if n > len(b)/4 {
		return nil, errEncoding
	}
	out := make([][]byte, 0, n)
	for range n {
		if len(b) < 4 {
			return nil, errEncoding
		}
		size := binary.LittleEndian.Uint32(b)
		if uint64(size) > uint64(len(b)-4) {
			return nil, errEncoding
		}
		out = append(out, b[4:4+size])
		b = b[4+size:]
	}
	return out, nil
}

// decodeLevels decodes the definition levels of an optional column: true is a
// value, false its absence. It returns how many values there are and what
// follows the levels.
func decodeLevels(dst []bool, b []byte, scratch []uint32) (values int, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, errEncoding
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return 0, nil, errEncoding
	}
	levels, rest := b[4:4+n], b[4+n:]
	if head, k := binary.Uvarint(levels); k > 0 && head&1 == 0 && head>>1 == uint64(len(dst)) && k+1 == len(levels) && levels[k] <= 1 {
		present := levels[k] == 1 // one run: all there or all absent
		for i := range dst {
			dst[i] = present
		}
		if present {
			values = len(dst)
		}
		return values, rest, nil
	}
	scratch = slices.Grow(scratch[:0], len(dst))[:len(dst)]
	if err := decodeHybrid(scratch, levels, 1); err != nil {
		return 0, nil, err
	}
	for i, v := range scratch {
		dst[i] = v == 1
		values += int(v)
	}
	return values, rest, nil
}

// spread moves n dense values at the front of s to the places that valid marks.
func spread[T any](s []T, valid []bool, n int) {
	var zero T
	for i := len(valid) - 1; i >= 0; i-- {
		if valid[i] {
			n--
			s[i] = s[n]
		} else {
			s[i] = zero
		}
	}
}
