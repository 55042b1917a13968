package window

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/metrics"
	"testing"

	"nodemeter/collector/metric"
)

// allocated runs f and returns the bytes that it allocated.
func allocated(f func()) uint64 {
	read := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	before := read()
	f()
	return read() - before
}

// checkChunk fails on a chunk that contradicts itself.
func checkChunk(t *testing.T, c *Chunk) {
	if len(c.Interval) != c.Len() || !c.Kind.Valid() && c.Kind == 0 {
		t.Fatalf("chunk of %d rows with %d intervals, kind %d", c.Len(), len(c.Interval), c.Kind)
	}
	for i := range c.Columns {
		col := &c.Columns[i]
		if n := max(len(col.Float), len(col.Int), len(col.State)); n != c.Len() || col.Valid != nil && len(col.Valid) != n {
			t.Fatalf("column %s: %d values in %d rows", col.Field.Column, n, c.Len())
		}
		for k, s := range col.State {
			if (col.Valid == nil || col.Valid[k]) && int(s) >= len(col.Field.States) {
				t.Fatalf("column %s: state %d of %d", col.Field.Column, s, len(col.Field.States))
			}
		}
	}
	for i := 1; i < c.Len(); i++ {
		if c.Time[i] < c.Time[i-1] {
			t.Fatalf("time goes back at row %d", i)
		}
	}
}

// tinyJournal has two samples of three metrics of the node.
func tinyJournal(t testing.TB) []byte {
	t.Helper()
	m := newMaker("n1", 3)
	m.entities = m.entities[:1]
	data, err := os.ReadFile(writeJournal(t, options(t, t.TempDir()), []*metric.Sample{m.sample(), m.sample()}))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzJournal: any bytes at all read as a journal without a panic, without a
// chunk that contradicts itself, in memory that is bounded by their number.
func FuzzJournal(f *testing.F) {
	data := tinyJournal(f)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := allocated(func() {
			j, err := openJournal("_x.journal", bytes.NewReader(data), int64(len(data)))
			if err != nil {
				return
			}
			chunks := newJournalChunks(j, Query{})
			for {
				c, err := chunks.next()
				if err != nil {
					t.Fatal(err)
				}
				if c == nil {
					return
				}
				checkChunk(t, &c.chunk)
			}
		})
		if most := uint64(64<<20 + 200*len(data)); n > most {
			t.Errorf("%d bytes of journal took %d bytes of memory, at most %d", len(data), n, most)
		}
	})
}

// FuzzRecords reaches the decoders of records behind their checksum.
func FuzzRecords(f *testing.F) {
	f.Add(byte(frameSample), []byte{0, 2, 2, 2, 2, 1, 0, 1, 0, 0, 0, 0})
	m := newMaker("n1", 3)
	f.Add(byte(frameDesc), descBody([]byte{9}, m.descs[m.node][0]))
	f.Add(byte(frameEntity), entityBody([]byte{9}, m.node))
	data := tinyJournal(f)
	f.Fuzz(func(t *testing.T, typ byte, payload []byte) {
		b, at := beginFrame(bytes.Clone(data), frameType(typ))
		b = endFrame(append(b, payload...), at)
		j, err := openJournal("_x.journal", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		chunks := newJournalChunks(j, Query{})
		for {
			c, err := chunks.next()
			if err != nil {
				t.Fatal(err)
			}
			if c == nil {
				return
			}
			checkChunk(t, &c.chunk)
		}
	})
}

// FuzzSealed: any bytes at all read as a sealed window.
func FuzzSealed(f *testing.F) {
	path := filepath.Join(f.TempDir(), "_20260102T150000Z_3600s_001.journal")
	overwrite(f, path, tinyJournal(f))
	if err := SealJournal(path); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(sibling(path, extSealed))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-9])
	f.Fuzz(func(t *testing.T, data []byte) {
		n := allocated(func() { readSealedBytes(t, data) })
		if most := uint64(256<<20 + 200*len(data)); n > most {
			t.Errorf("%d bytes took %d bytes of memory, at most %d", len(data), n, most)
		}
	})
}

func readSealedBytes(t *testing.T, data []byte) {
	var buf []byte
	s, err := openSealed("none.parquet", bytes.NewReader(data), int64(len(data)), &buf)
	if err != nil {
		return
	}
	var c sealedChunks
	if err := c.start(s, Query{}); err != nil {
		t.Fatal(err)
	}
	for ch := c.next(); ch != nil; ch = c.next() {
		checkChunk(t, ch)
	}
}

// FuzzPages reaches the decoders of pages behind their checksum: the encodings
// get any bytes, any width and any number of values.
func FuzzPages(f *testing.F) {
	f.Add(byte(0), uint16(100), []byte{3, 1, 2, 3})
	f.Add(byte(1), uint16(3), []byte{128, 1, 4, 3, 2, 0, 0, 0, 0, 0, 0, 0})
	f.Add(byte(2), uint16(8), []byte{2, 0, 0, 0, 16, 1})
	f.Fuzz(func(t *testing.T, kind byte, n uint16, data []byte) {
		most := uint64(1<<20 + 100*len(data) + 64*int(n))
		if got := allocated(func() { decodeAny(kind, int(n), data) }); got > most {
			t.Errorf("decoder %d of %d values took %d bytes for %d", kind, n, got, len(data))
		}
	})
}

func decodeAny(kind byte, n int, data []byte) {
	switch kind % 7 {
	case 0:
		_ = decodeHybrid(make([]uint32, n), data, uint(kind>>3))
	case 1:
		_ = decodeDelta(make([]int64, n), data)
	case 2:
		_, _, _ = decodeLevels(make([]bool, n), data, nil)
	case 3:
		_, _ = decodeStrings(data, n)
	case 4:
		_ = decodeByteStream(make([]float64, n), data)
	case 5:
		_, _, _ = readPageHeader(data)
	case 6:
		_, _ = parseManifest(data)
	}
}
