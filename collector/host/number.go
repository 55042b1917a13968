package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// maxCounter is the largest integer a sample can hold. Only garbage is larger.
const maxCounter = math.MaxInt64

// number parses an unsigned decimal of 64 bits: no sign, no exponent, no blank.
func number(b []byte) (uint64, error) {
	v, end := digits(b, 0)
	if end == len(b) && end > 0 && end <= safeDigits {
		return v, nil
	}
	return longNumber(b)
}

// longNumber is number for what is too long to be safe, or no number.
func longNumber(b []byte) (uint64, error) {
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%.40q is not a number", b)
		}
		d := uint64(c - '0')
		if v > (math.MaxUint64-d)/10 {
			return 0, fmt.Errorf("%.40q is too large to be a counter", b)
		}
		v = v*10 + d
	}
	if len(b) == 0 {
		return 0, errors.New("a number is missing")
	}
	return v, nil
}

// safeDigits is how many decimal digits any 64 bits hold.
const safeDigits = 19

// digits parses the digits of b from i on and says where they end. The value
// means nothing where there are more than safeDigits of them.
func digits(b []byte, i int) (v uint64, end int) {
	for i+8 <= len(b) {
		part, n := eightDigits(binary.LittleEndian.Uint64(b[i:]))
		if n < 8 {
			return v*powers[n] + part, i + n
		}
		v, i = v*1e8+part, i+8 // not i+n, which the next load would wait for
	}
	for ; i < len(b); i++ {
		d := b[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + uint64(d)
	}
	return v, i
}

// powers are those of ten.
var powers = [8]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7}

// eightDigits parses the digits that eight bytes of text begin with, the first
// in the lowest byte, and counts them.
func eightDigits(w uint64) (v uint64, n int) {
	w ^= 0x3030303030303030 // a digit's byte is now its value
	// Adding 0x76 to a byte sets its highest bit from ten on. A carry disturbs
	// only bytes behind the first that is no digit.
	other := (w + 0x7676767676767676 | w) & 0x8080808080808080
	n = bits.TrailingZeros64(other) / 8     // 64 of none at all make 8
	return joinDigits(w << uint(64-8*n)), n // as if zeros stood before them
}

// joinDigits makes a number of eight digits, the first in the lowest byte: of
// pairs, then of all four pairs at once.
func joinDigits(w uint64) uint64 {
	w = w*10 + w>>8
	const pairs = 0x000000ff000000ff
	return (w&pairs*(100+1000000<<32) + w>>16&pairs*(1+10000<<32)) >> 32
}

// digitsBefore parses the width digits, at most eight, that end before i, which
// is at least 8. It is digits for where it is known what to expect.
func digitsBefore(b []byte, i, width int) (v uint64, ok bool) {
	w := binary.LittleEndian.Uint64(b[i-8:]) ^ 0x3030303030303030
	w = w >> uint(64-8*width) << uint(64-8*width)
	if (w+0x7676767676767676|w)&0x8080808080808080 != 0 {
		return 0, false
	}
	return joinDigits(w), true
}

// numbers reads blank-separated numbers, each at most most, from b at i to the
// end of the line, the first len(to) of them into to. It says how many there
// were and where the line ends: at its '\n', or at len(b).
func numbers(b []byte, i int, to []uint64, most uint64) (count, end int, err error) {
	for i < len(b) && b[i] != '\n' {
		if b[i] == ' ' {
			i++
			continue
		}
		v, stop := uint64(b[i]-'0'), i+1
		if v > 9 || !endsWord(b, stop) { // more than one digit
			v, stop = digits(b, i)
			if n := stop - i; n == 0 || n > safeDigits || v > most || !endsWord(b, stop) {
				if v, stop, err = oddNumber(b, i, most); err != nil {
					return count, stop, fmt.Errorf("number %d: %w", count+1, err)
				}
			}
		}
		if count < len(to) {
			to[count] = v
		}
		count++
		i = stop
	}
	return count, i, nil
}

// endsWord reports whether a word before i ends there.
func endsWord(b []byte, i int) bool {
	return i >= len(b) || b[i] == ' ' || b[i] == '\n'
}

// oddNumber says what is wrong with the word at i, if anything: a number of 20
// digits may still fit.
func oddNumber(b []byte, i int, most uint64) (v uint64, end int, err error) {
	word := wordAt(b, i)
	v, err = number(word)
	if err == nil && v > most {
		err = fmt.Errorf("%d is too large to be a counter", v)
	}
	return v, i + len(word), err
}

// wordAt is what stands at i, up to a blank or the end of the line.
func wordAt(b []byte, i int) []byte {
	end := i
	for end < len(b) && b[end] != ' ' && b[end] != '\n' {
		end++
	}
	return b[i:end]
}

// lineEnd is where the line that i is in ends: at its '\n', or at len(b).
func lineEnd(b []byte, i int) int {
	if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(b)
}
