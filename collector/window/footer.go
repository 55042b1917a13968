package window

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// footer is the part of a Parquet file's metadata that reading a window needs
// (apache/parquet-format: src/main/thrift/parquet.thrift).
type footer struct {
	rows    int64
	columns []footerColumn
	groups  []footerGroup
	meta    map[string]string
	offset  int64 // where it begins in the file
}

// footerColumn is a leaf of the schema.
type footerColumn struct {
	name     string
	typ      int64 // Parquet's physical type
	optional bool
}

// footerGroup is a row group; chunks are in the order of the columns.
type footerGroup struct {
	rows   int64
	chunks []footerChunk
}

// footerChunk is one column of a row group.
type footerChunk struct {
	offset, size int64 // of all its pages, the dictionary's included
	values       int64 // rows, absent ones included
	nulls        int64 // -1 where not stated
	codec        int64
	min, max     []byte // of the statistics, nil where not stated
}

// Parquet's numbers of types, codecs, encodings and page types.
const (
	parquetInt64     = 2
	parquetDouble    = 5
	parquetByteArray = 6

	codecNone = 0
	codecZstd = 6

	encodingPlain      = 0
	encodingPlainDict  = 2
	encodingRLE        = 3
	encodingDelta      = 5
	encodingDict       = 8
	encodingByteStream = 9

	pageData = 0
	pageDict = 2
)

// Limits of what a window may declare; this package writes far less.
const (
	maxFooter  = 64 << 20
	maxColumns = 4096
	maxGroups  = 1 << 15
	// maxGroupRows bounds a row group, and through it a chunk.
	maxGroupRows = 1 << 18
)

const parquetMagic = "PAR1"

// readFooter reads a Parquet file's metadata and checks that everything it
// points at lies within the file.
func readFooter(r io.ReaderAt, size int64) (*footer, error) {
	if size < 12 {
		return nil, errors.New("too short for a Parquet file")
	}
	var tail [8]byte
	if _, err := r.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
		return nil, err
	}
	if string(tail[4:]) != parquetMagic {
		return nil, errors.New("no Parquet magic at the end: not a Parquet file, or cut short")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-12 || n > maxFooter {
		return nil, fmt.Errorf("footer length %d is not possible", n)
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, size-8-n); err != nil && err != io.EOF {
		return nil, err
	}
	f := &footer{meta: map[string]string{}, offset: size - 8 - n}
	t := &thriftReader{cursor: cursor{b: b}}
	f.decode(t)
	if t.bad {
		return nil, fmt.Errorf("footer at byte %d: %w", f.offset, errThrift)
	}
	return f, f.check()
}

func (f *footer) decode(t *thriftReader) {
	t.structure(func(id int16, typ byte) {
		switch id {
		case 2:
			first := true
			t.each(func() { f.schemaElement(t, first); first = false })
		case 3:
			f.rows = t.int()
		case 4:
			t.each(func() { f.rowGroup(t) })
		case 5:
			t.each(func() { f.keyValue(t) })
		default:
			t.skip(typ)
		}
	})
}

func (f *footer) schemaElement(t *thriftReader, root bool) {
	var c footerColumn
	children := int64(0)
	t.structure(func(id int16, typ byte) {
		switch id {
		case 1:
			c.typ = t.int()
		case 3:
			c.optional = t.int() == 1
		case 4:
			c.name = string(t.binary())
		case 5:
			children = t.int()
		default:
			t.skip(typ)
		}
	})
	if root {
		return
	}
	if children != 0 || len(f.columns) >= maxColumns {
		t.fail() // windows are flat tables
		return
	}
	f.columns = append(f.columns, c)
}

func (f *footer) rowGroup(t *thriftReader) {
	if len(f.groups) >= maxGroups {
		t.fail()
		return
	}
	g := footerGroup{chunks: make([]footerChunk, 0, len(f.columns))}
	t.structure(func(id int16, typ byte) {
		switch id {
		case 1:
			t.each(func() { g.chunk(t) })
		case 3:
			g.rows = t.int()
		default:
			t.skip(typ)
		}
	})
	f.groups = append(f.groups, g)
}

func (g *footerGroup) chunk(t *thriftReader) {
	if len(g.chunks) >= maxColumns {
		t.fail()
		return
	}
	c := footerChunk{nulls: -1}
	t.structure(func(id int16, typ byte) {
		if id == 3 {
			c.decode(t)
		} else {
			t.skip(typ)
		}
	})
	g.chunks = append(g.chunks, c)
}

func (c *footerChunk) decode(t *thriftReader) {
	var data, dict int64
	t.structure(func(id int16, typ byte) {
		switch id {
		case 4:
			c.codec = t.int()
		case 5:
			c.values = t.int()
		case 7:
			c.size = t.int()
		case 9:
			data = t.int()
		case 11:
			dict = t.int()
		case 12:
			c.statistics(t)
		default:
			t.skip(typ)
		}
	})
	c.offset = data
	if dict > 0 && dict < data {
		c.offset = dict
	}
}

func (c *footerChunk) statistics(t *thriftReader) {
	t.structure(func(id int16, typ byte) {
		switch id {
		case 3:
			c.nulls = t.int()
		case 5:
			c.max = t.binary()
		case 6:
			c.min = t.binary()
		default:
			t.skip(typ)
		}
	})
}

func (f *footer) keyValue(t *thriftReader) {
	var key, value []byte
	t.structure(func(id int16, typ byte) {
		switch id {
		case 1:
			key = t.binary()
		case 2:
			value = t.binary()
		default:
			t.skip(typ)
		}
	})
	f.meta[string(key)] = string(value)
}

// check refuses a footer that contradicts itself or points outside the file.
func (f *footer) check() error {
	total := int64(0)
	for i, g := range f.groups {
		if g.rows < 0 || g.rows > maxGroupRows {
			return fmt.Errorf("row group %d: %d rows is not possible", i, g.rows)
		}
		if len(g.chunks) != len(f.columns) {
			return fmt.Errorf("row group %d: %d columns, the schema has %d", i, len(g.chunks), len(f.columns))
		}
		for k, c := range g.chunks {
			if c.offset < 4 || c.size < 0 || c.size > f.offset || c.offset > f.offset-c.size || c.values != g.rows {
				return fmt.Errorf("row group %d, column %s: points outside the file or miscounts its rows", i, f.columns[k].name)
			}
		}
		total += g.rows
	}
	if total != f.rows {
		return fmt.Errorf("%d rows in the row groups, %d declared", total, f.rows)
	}
	return nil
}
