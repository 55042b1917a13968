package window

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// pageHeader is a Parquet page's header.
type pageHeader struct {
	typ                  int64
	uncompressed, packed int64 // bytes of the page, as it is when decompressed and in the file
	crc                  uint32
	checked              bool // there is a checksum
	values               int64
	encoding, levels     int64
}

// maxPage bounds a page's memory: a full row group of numbers and its levels take a tenth.
const maxPage = 32 << 20

func readPageHeader(b []byte) (h pageHeader, size int, err error) {
	t := &thriftReader{cursor: cursor{b: b}}
	nested := func(values, encoding, levels int16) {
		t.structure(func(id int16, typ byte) {
			switch id {
			case values:
				h.values = t.int()
			case encoding:
				h.encoding = t.int()
			case levels:
				h.levels = t.int()
			default:
				t.skip(typ)
			}
		})
	}
	t.structure(func(id int16, typ byte) {
		switch id {
		case 1:
			h.typ = t.int()
		case 2:
			h.uncompressed = t.int()
		case 3:
			h.packed = t.int()
		case 4:
			h.crc, h.checked = uint32(t.int()), true
		case 5:
			nested(1, 2, 3)
		case 7:
			nested(1, 2, -1)
		default:
			t.skip(typ)
		}
	})
	if t.bad {
		return h, 0, fmt.Errorf("page header: %w", errThrift)
	}
	size = len(b) - len(t.b)
	if h.packed < 0 || h.packed > int64(len(t.b)) || h.uncompressed < 0 || h.uncompressed > maxPage || h.values < 0 || h.values > maxGroupRows {
		return h, 0, errors.New("page header: its sizes are not possible")
	}
	return h, size, nil
}

// columnData is one column of a row group, decoded. Which of floats, ints and
// indexes is set depends on the column's physical type.
type columnData struct {
	floats  []float64
	ints    []int64
	indexes []uint32 // into dict
	dict    [][]byte
	valid   []bool
	present int // how many are valid
}

// columnDecoder decodes column chunks and keeps its buffers from one to the next.
type columnDecoder struct {
	r       io.ReaderAt
	zstd    *zstd.Decoder
	packed  []byte
	raw     []byte
	dictRaw []byte
	scratch []uint32
	floats  []float64 // of the dictionary
	ints    []int64
}

func newColumnDecoder() (*columnDecoder, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, err
	}
	return &columnDecoder{zstd: z}, nil
}

// chunkDamage is a part of a column that could not be read: rows [from,to) of
// its row group.
type chunkDamage struct {
	offset   int64
	from, to int
	err      error
}

// decode reads rows [from,to) of a column chunk into out, which it makes as
// long as the row group. Rows of a damaged page are absent.
func (d *columnDecoder) decode(out *columnData, col footerColumn, c footerChunk, rows, from, to int) (damage []chunkDamage) {
	out.reset(col.typ, rows)
	d.packed = slices.Grow(d.packed[:0], int(c.size))[:c.size]
	if n, err := d.r.ReadAt(d.packed, c.offset); n < len(d.packed) {
		return []chunkDamage{{c.offset, 0, rows, fmt.Errorf("read: %w", err)}}
	}
	d.floats, d.ints = d.floats[:0], d.ints[:0]
	b := d.packed
	for row := 0; row < rows; {
		at := c.offset + int64(len(d.packed)-len(b))
		h, n, err := readPageHeader(b)
		if err != nil {
			return append(damage, chunkDamage{at, row, rows, err}) // the next page cannot be found
		}
		body := b[n : n+int(h.packed)]
		b = b[n+int(h.packed):]
		if h.typ == pageDict {
			if err := d.dictionary(out, col, c.codec, h, body); err != nil {
				return append(damage, chunkDamage{at, row, rows, fmt.Errorf("dictionary page: %w", err)})
			}
			continue
		}
		if h.typ != pageData || h.values == 0 || int(h.values) > rows-row {
			return append(damage, chunkDamage{at, row, rows, fmt.Errorf("page of type %d with %d values does not belong here", h.typ, h.values)})
		}
		end := row + int(h.values)
		if end > from && row < to {
			if err := d.page(out, col, c.codec, h, body, row, end); err != nil {
				out.clear(row, end)
				damage = append(damage, chunkDamage{at, row, end, err})
			}
		}
		row = end
	}
	return damage
}

func (out *columnData) reset(typ int64, rows int) {
	out.floats, out.ints, out.indexes = out.floats[:0], out.ints[:0], out.indexes[:0]
	out.dict, out.present = nil, 0
	out.valid = slices.Grow(out.valid[:0], rows)[:rows]
	clear(out.valid)
	switch typ {
	case parquetDouble:
		out.floats = slices.Grow(out.floats, rows)[:rows]
	case parquetInt64:
		out.ints = slices.Grow(out.ints, rows)[:rows]
	default:
		out.indexes = slices.Grow(out.indexes, rows)[:rows]
	}
}

// clear makes rows absent again.
func (out *columnData) clear(from, to int) {
	for i := from; i < to; i++ {
		out.valid[i] = false
	}
}

// body checks and decompresses a page.
func (d *columnDecoder) body(dst []byte, codec int64, h pageHeader, b []byte) ([]byte, error) {
	if !h.checked {
		return nil, errors.New("the page has no checksum")
	}
	if crc32.ChecksumIEEE(b) != h.crc {
		return nil, errors.New("page checksum does not match")
	}
	switch codec {
	case codecNone:
		return append(dst[:0], b...), nil
	case codecZstd:
		dst = slices.Grow(dst[:0], int(h.uncompressed))
		out, err := d.zstd.DecodeAll(b, dst[:0:h.uncompressed])
		if err != nil {
			return nil, fmt.Errorf("decompress: %w", err)
		}
		if int64(len(out)) != h.uncompressed {
			return nil, errors.New("decompress: the length is not the declared one")
		}
		return out, nil
	}
	return nil, fmt.Errorf("compression %d is not one that windows use", codec)
}

func (d *columnDecoder) dictionary(out *columnData, col footerColumn, codec int64, h pageHeader, body []byte) (err error) {
	if d.dictRaw, err = d.body(d.dictRaw, codec, h, body); err != nil {
		return err
	}
	if h.encoding != encodingPlain && h.encoding != encodingPlainDict {
		return fmt.Errorf("encoding %d", h.encoding)
	}
	n := int(h.values)
	switch col.typ {
	case parquetDouble:
		d.floats = slices.Grow(d.floats[:0], n)[:n]
		return decodePlain(d.floats, d.dictRaw, math.Float64frombits)
	case parquetInt64:
		d.ints = slices.Grow(d.ints[:0], n)[:n]
		return decodePlain(d.ints, d.dictRaw, func(u uint64) int64 { return int64(u) })
	}
	out.dict, err = decodeStrings(slices.Clone(d.dictRaw), n)
	return err
}

// page decodes one data page into rows [from,to).
func (d *columnDecoder) page(out *columnData, col footerColumn, codec int64, h pageHeader, body []byte, from, to int) (err error) {
	if d.raw, err = d.body(d.raw, codec, h, body); err != nil {
		return err
	}
	b, valid, n := d.raw, out.valid[from:to], to-from
	if col.optional {
		if h.levels != encodingRLE {
			return fmt.Errorf("levels in encoding %d", h.levels)
		}
		d.scratch = slices.Grow(d.scratch[:0], n)
		if n, b, err = decodeLevels(valid, b, d.scratch); err != nil {
			return err
		}
	} else {
		for i := range valid {
			valid[i] = true
		}
	}
	if err := d.values(out, col.typ, h.encoding, b, from, n); err != nil {
		return err
	}
	out.present += n
	if n < to-from && n > 0 {
		switch col.typ {
		case parquetDouble:
			spread(out.floats[from:to], valid, n)
		case parquetInt64:
			spread(out.ints[from:to], valid, n)
		default:
			spread(out.indexes[from:to], valid, n)
		}
	}
	return nil
}

// values decodes n values densely to row from onwards.
func (d *columnDecoder) values(out *columnData, typ, encoding int64, b []byte, from, n int) error {
	switch {
	case encoding == encodingDict || encoding == encodingPlainDict:
		return d.lookup(out, typ, b, from, n)
	case typ == parquetInt64 && encoding == encodingDelta:
		if n == 0 {
			return nil
		}
		return decodeDelta(out.ints[from:from+n], b)
	case typ == parquetInt64 && encoding == encodingPlain:
		return decodePlain(out.ints[from:from+n], b, func(u uint64) int64 { return int64(u) })
	case typ == parquetDouble && encoding == encodingPlain:
		return decodePlain(out.floats[from:from+n], b, math.Float64frombits)
	case typ == parquetDouble && encoding == encodingByteStream:
		return decodeByteStream(out.floats[from:from+n], b)
	}
	return fmt.Errorf("encoding %d is not one that windows use for type %d", encoding, typ)
}

// lookup decodes dictionary indexes and, for numbers, what they stand for.
func (d *columnDecoder) lookup(out *columnData, typ int64, b []byte, from, n int) error {
	if n == 0 {
		return nil
	}
	if len(b) == 0 {
		return errEncoding
	}
	d.scratch = slices.Grow(d.scratch[:0], n)[:n]
	if err := decodeHybrid(d.scratch, b[1:], uint(b[0])); err != nil {
		return err
	}
	size := len(out.dict)
	switch typ {
	case parquetDouble:
		size = len(d.floats)
	case parquetInt64:
		size = len(d.ints)
	}
	if most := slices.Max(d.scratch); int64(most) >= int64(size) {
		return errEncoding
	}
	switch typ {
	case parquetDouble:
		for i, k := range d.scratch {
			out.floats[from+i] = d.floats[k]
		}
	case parquetInt64:
		for i, k := range d.scratch {
			out.ints[from+i] = d.ints[k]
		}
	default:
		copy(out.indexes[from:], d.scratch)
	}
	return nil
}
