package window

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
)

// A sealed window's manifest is text that sha256sum -c reads, with a comment
// line of our own before it:
//
//	# nodemeter manifest 1 bytes=723423 block=4096 crc32c=0a1b2c3d…
//	<sha256>  20260102T150000Z_3600s_001.parquet
//
// The SHA-256 says whether the file is what was written. When it is not, the
// CRC-32C of each block says where the damage is, so that everything else can
// still be read with confidence.
const manifestBlock = 4096

// manifest is a manifest as read back.
type manifest struct {
	bytes  int64
	block  int64
	crcs   []uint32
	sha256 [sha256.Size]byte
	name   string
}

// manifestWriter passes writes on and sums them up.
type manifestWriter struct {
	w     io.Writer
	sum   hash.Hash
	n     int64
	most  int64 // of bytes; 0 does not limit
	crc   uint32
	crcs  []byte
	table *crc32.Table
}

func newManifestWriter(w io.Writer, most int64) *manifestWriter {
	return &manifestWriter{w: w, most: most, sum: sha256.New(), table: crc32.MakeTable(crc32.Castagnoli)}
}

func (m *manifestWriter) Write(p []byte) (int, error) {
	if m.most > 0 && m.n+int64(len(p)) > m.most {
		return 0, fmt.Errorf("the sealed window would take more than the %d bytes kept for it", m.most)
	}
	n, err := m.w.Write(p)
	p = p[:n]
	m.sum.Write(p)
	for len(p) > 0 {
		k := min(len(p), int(manifestBlock-m.n%manifestBlock))
		m.crc = crc32.Update(m.crc, m.table, p[:k])
		m.n += int64(k)
		p = p[k:]
		if m.n%manifestBlock == 0 {
			m.endBlock()
		}
	}
	return n, err
}

func (m *manifestWriter) endBlock() {
	m.crcs = fmt.Appendf(m.crcs, "%08x", m.crc)
	m.crc = 0
}

// manifest is the text for a file of this name; nothing may be written after it.
func (m *manifestWriter) manifest(name string) []byte {
	if m.n%manifestBlock != 0 {
		m.endBlock()
	}
	return fmt.Appendf(nil, "# nodemeter manifest 1 bytes=%d block=%d crc32c=%s\n%x  %s\n", m.n, manifestBlock, m.crcs, m.sum.Sum(nil), name)
}

// parseManifest reads a manifest and refuses one that contradicts itself.
func parseManifest(text []byte) (*manifest, error) {
	head, rest, ok := bytes.Cut(text, []byte("\n"))
	f := strings.Fields(string(head))
	if !ok || len(f) != 7 || f[0] != "#" || f[1] != "nodemeter" || f[2] != "manifest" {
		return nil, fmt.Errorf("manifest: no nodemeter line")
	}
	if f[3] != "1" {
		return nil, fmt.Errorf("manifest: version %q is not known: use a newer nodemeter", f[3])
	}
	m := &manifest{}
	var err1, err2 error
	m.bytes, err1 = strconv.ParseInt(strings.TrimPrefix(f[4], "bytes="), 10, 64)
	m.block, err2 = strconv.ParseInt(strings.TrimPrefix(f[5], "block="), 10, 64)
	crcs, err3 := hex.DecodeString(strings.TrimPrefix(f[6], "crc32c="))
	if err1 != nil || err2 != nil || err3 != nil || m.bytes <= 0 || m.block < 512 || len(crcs)%4 != 0 ||
		int64(len(crcs)/4) != (m.bytes-1)/m.block+1 {
		return nil, fmt.Errorf("manifest: its first line is damaged")
	}
	for ; len(crcs) > 0; crcs = crcs[4:] {
		m.crcs = append(m.crcs, uint32(crcs[0])<<24|uint32(crcs[1])<<16|uint32(crcs[2])<<8|uint32(crcs[3]))
	}
	sum, name, ok := strings.Cut(strings.TrimSuffix(string(rest), "\n"), "  ")
	b, err := hex.DecodeString(sum)
	if !ok || err != nil || len(b) != sha256.Size || strings.ContainsAny(name, "/\n") {
		return nil, fmt.Errorf("manifest: its SHA-256 line is damaged")
	}
	copy(m.sha256[:], b)
	m.name = name
	return m, nil
}
