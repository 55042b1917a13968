package window

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
)

// maxCorrected is how many blocks are tried: more damage than that is no
// longer single bytes.
const maxCorrected = 64

// correct puts single damaged bytes right, at most one a block: the block's
// CRC-32C says which byte it must have been, and the file's SHA-256 then
// proves it. It reports false, and leaves b as it was, when that is not what
// happened to the file.
func correct(b []byte, m *manifest, bad []span) (fixed []int64, ok bool) {
	if len(bad) > maxCorrected {
		return nil, false
	}
	var was []byte
	for _, s := range bad {
		block := b[s.from:s.to]
		at, flip, found := singleByte(block, m.crcs[s.from/m.block])
		if !found {
			break
		}
		fixed, was = append(fixed, s.from+int64(at)), append(was, block[at])
		block[at] ^= flip
	}
	if len(fixed) == len(bad) && sha256.Sum256(b) == m.sha256 {
		return fixed, true
	}
	for i, at := range fixed {
		b[at] = was[i]
	}
	return nil, false
}

// singleByte finds the one byte of a block that has to be changed, and by
// what, for its CRC-32C to become want. CRCs are linear: the difference of two
// is the CRC of the difference, here one byte followed by zeros, so it is
// enough to take the zeros off again one by one until a table entry is left.
func singleByte(block []byte, want uint32) (at int, flip byte, ok bool) {
	table := crc32.MakeTable(crc32.Castagnoli)
	var byTop [256]byte // the table index by an entry's top byte, which is unique
	for i, v := range table {
		byTop[v>>24] = byte(i)
	}
	diff := crc32.Checksum(block, table) ^ want
	for at = len(block) - 1; at >= 0; at-- {
		i := byTop[diff>>24]
		if table[i] == diff && i != 0 {
			return at, i, true
		}
		diff = (diff^table[i])<<8 | uint32(i)
	}
	return 0, 0, false
}

// corrected is the problem of a byte that could be put right.
func corrected(path string, at int64) Problem {
	return Problem{File: path, Offset: at, Err: fmt.Errorf("one byte was damaged; it is put right from the manifest's checksums, which the SHA-256 proves")}
}
