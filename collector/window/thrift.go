package window

import "errors"

// thriftReader walks Thrift's compact protocol, in which Parquet's footer and
// page headers are written (apache/thrift: doc/specs/thrift-compact-protocol.md).
// It takes out what is asked for and steps over the rest, allocates nothing of its
// own, and never believes a length that the bytes at hand cannot hold: that,
// and speed, is why windows are not read by a general library.
type thriftReader struct {
	cursor
	depth int
}

var errThrift = errors.New("malformed Thrift structure")

// The wire types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

const thriftMaxDepth = 16

// int reads an i16, i32 or i64.
func (r *thriftReader) int() int64 {
	return r.varint()
}

// binary returns the bytes of a string, not copied.
func (r *thriftReader) binary() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// list returns the element type and the number of elements, each of which
// takes a byte at least.
func (r *thriftReader) list() (elem byte, n int) {
	head := r.byte()
	elem, size := head&15, uint64(head>>4)
	if size == 15 {
		size = r.uvarint()
	}
	if size > uint64(len(r.b)) {
		r.fail()
		return 0, 0
	}
	return elem, int(size)
}

// structure calls field for each field of a struct; field must read or skip it.
func (r *thriftReader) structure(field func(id int16, typ byte)) {
	if r.depth++; r.depth > thriftMaxDepth {
		r.fail()
	}
	id := int16(0)
	for !r.bad {
		head := r.byte()
		if head == 0 {
			break
		}
		if delta := head >> 4; delta != 0 {
			id += int16(delta)
		} else {
			id = int16(r.int())
		}
		field(id, head&15)
	}
	r.depth--
}

// each calls f once for each element of a list of structs.
func (r *thriftReader) each(f func()) {
	elem, n := r.list()
	if elem != thriftStruct && n > 0 {
		r.fail()
	}
	for ; n > 0 && !r.bad; n-- {
		f()
	}
}

// skip steps over a value.
func (r *thriftReader) skip(typ byte) {
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		r.byte()
	case thriftI16, thriftI32, thriftI64:
		r.uvarint()
	case thriftDouble:
		for range 8 {
			r.byte()
		}
	case thriftBinary:
		r.binary()
	case thriftList, thriftSet:
		elem, n := r.list()
		for ; n > 0 && !r.bad; n-- {
			r.element(elem)
		}
	case thriftMap:
		n := r.uvarint()
		if n > uint64(len(r.b)) {
			r.fail()
		}
		if n == 0 || r.bad {
			return
		}
		types := r.byte()
		for ; n > 0 && !r.bad; n-- {
			r.element(types >> 4)
			r.element(types & 15)
		}
	case thriftStruct:
		r.structure(func(_ int16, typ byte) { r.skip(typ) })
	default:
		r.fail()
	}
}

// element steps over a list's element: there a bool takes a byte.
func (r *thriftReader) element(typ byte) {
	if typ == thriftTrue || typ == thriftFalse {
		typ = thriftByte
	}
	if r.depth++; r.depth > thriftMaxDepth {
		r.fail()
	}
	r.skip(typ)
	r.depth--
}
