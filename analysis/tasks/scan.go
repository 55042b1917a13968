package tasks

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxRecord bounds a record in bytes. Error messages of 40 KB are real; a quote that
// was torn open must not swallow a whole file.
const maxRecord = 4 << 20

// maxParse bounds the bytes looked at for one record, which is parsed again after
// each line that brings a quote.
const maxParse = 64 << 20

// record is one CSV record, or what could not be read as one.
type record struct {
	line   int      // number of its first line, from 1
	fields [][]byte // valid until the next call of scan
	lines  [][]byte // its physical lines, kept only where there are several or broken is set
	broken string   // why it is not a record; empty otherwise
	open   bool     // broken because a quote was still open at the end of the file
	cut    bool     // its last line has no newline
}

// scanner splits a CSV file into records by RFC 4180. It is strict about quotes,
// because a lax reader shifts fields, and it can be told to go back: after
// a torn quote, reading resumes at the next line that starts a record.
type scanner struct {
	r       *bufio.Reader
	delim   byte
	line    int   // lines handed out so far
	bytes   int64 // read so far
	pending [][]byte
	long    []byte
	buf     []byte
	text    []byte
	fields  [][]byte
	ended   bool // the line handed out last had no newline
	cutoff  bool // the line read last was longer than maxRecord: only its beginning is kept
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, 1<<16), delim: ','}
}

// readLine returns the next line without its terminator; the bytes are valid
// until the next call. io.EOF comes with no line.
func (s *scanner) readLine() ([]byte, error) {
	if len(s.pending) > 0 {
		line := s.pending[0]
		s.pending = s.pending[1:]
		s.line++
		s.cutoff = false
		return line, nil
	}
	line, err := s.r.ReadSlice('\n')
	s.bytes += int64(len(line))
	if errors.Is(err, bufio.ErrBufferFull) {
		s.long = append(s.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = s.r.ReadSlice('\n')
			s.bytes += int64(len(line))
			if len(s.long) <= maxRecord {
				s.long = append(s.long, line...)
			}
		}
		line = s.long
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(line) == 0 {
		return nil, io.EOF
	}
	s.line++
	s.ended, s.cutoff = err != nil, len(line) > maxRecord
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
}

// pushBack makes lines the next ones to be read again.
func (s *scanner) pushBack(lines [][]byte) {
	s.pending = append(append([][]byte(nil), lines...), s.pending...)
	s.line -= len(lines)
}

// scan returns the next record that is not blank. Its error is io.EOF or the
// reader's.
func (s *scanner) scan() (record, error) {
	for {
		line, err := s.readLine()
		if err != nil {
			return record{}, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		rec := record{line: s.line}
		if s.cutoff {
			rec.broken = "a line of more than 4 MiB"
			return rec, nil
		}
		if bytes.IndexByte(line, '"') < 0 {
			rec.fields, rec.cut = s.split(line), s.atEnd()
			return rec, nil
		}
		return s.quoted(rec, line)
	}
}

// atEnd says whether the line read last was the file's last and lacked its newline.
func (s *scanner) atEnd() bool { return s.ended && len(s.pending) == 0 }

func (s *scanner) split(line []byte) [][]byte {
	s.fields = s.fields[:0]
	for {
		i := bytes.IndexByte(line, s.delim)
		if i < 0 {
			s.fields = append(s.fields, line)
			return s.fields
		}
		s.fields = append(s.fields, line[:i])
		line = line[i+1:]
	}
}

// quoted reads a record that has quotes, over as many lines as it takes.
func (s *scanner) quoted(rec record, line []byte) (record, error) {
	s.buf = append(s.buf[:0], line...)
	ends := []int{len(s.buf)}
	for work := len(s.buf); ; work += len(s.buf) {
		verdict := s.parse(s.buf)
		if verdict != stillOpen {
			rec.broken = verdict
			break
		}
		next, err := s.readUntilQuote(&ends)
		if errors.Is(err, io.EOF) {
			rec.broken, rec.open = "the file ends inside a quoted field", true
			break
		}
		if err != nil {
			return rec, err
		}
		if !next || work > maxParse {
			rec.broken = "a quoted field that does not end within 4 MiB"
			break
		}
	}
	rec.cut = s.atEnd()
	rec.fields = s.fields
	if rec.broken != "" || len(ends) > 1 {
		from := 0
		for _, end := range ends {
			rec.lines = append(rec.lines, bytes.Clone(s.buf[from:end]))
			from = end + 1
		}
	}
	return rec, nil
}

// readUntilQuote appends lines up to and with the next one that holds a quote;
// false when the record has grown too long.
func (s *scanner) readUntilQuote(ends *[]int) (bool, error) {
	for {
		line, err := s.readLine()
		if err != nil {
			return false, err
		}
		s.buf = append(append(s.buf, '\n'), line...)
		*ends = append(*ends, len(s.buf))
		switch {
		case s.cutoff:
			return false, nil
		case bytes.IndexByte(line, '"') >= 0:
			return true, nil
		case len(s.buf) > maxRecord:
			return false, nil
		}
	}
}

// stillOpen is parse's verdict on a record whose last quote has not closed.
const stillOpen = "open"

// parse splits a record with quotes into s.fields. It returns "" when that went
// well, stillOpen, or what is wrong.
func (s *scanner) parse(b []byte) string {
	s.fields, s.text = s.fields[:0], s.text[:0]
	if cap(s.text) < len(b) {
		s.text = make([]byte, 0, 2*len(b)) // fields point into it: it must not move
	}
	for {
		if len(b) == 0 || b[0] != '"' {
			i := bytes.IndexByte(b, s.delim)
			field := b
			if i >= 0 {
				field = b[:i]
			}
			if bytes.IndexByte(field, '"') >= 0 {
				return "a quote inside a field that is not quoted"
			}
			s.fields = append(s.fields, field)
			if i < 0 {
				return ""
			}
			b = b[i+1:]
			continue
		}
		rest, verdict := s.parseQuoted(b[1:])
		if verdict != "" {
			return verdict
		}
		if rest == nil {
			return ""
		}
		b = rest
	}
}

// parseQuoted reads one field after its opening quote. rest is what follows the
// delimiter, nil at the end of the record.
func (s *scanner) parseQuoted(b []byte) (rest []byte, verdict string) {
	start := len(s.text)
	for {
		i := bytes.IndexByte(b, '"')
		if i < 0 {
			return nil, stillOpen
		}
		s.text = append(s.text, b[:i]...)
		b = b[i+1:]
		if len(b) > 0 && b[0] == '"' {
			s.text = append(s.text, '"')
			b = b[1:]
			continue
		}
		s.fields = append(s.fields, s.text[start:len(s.text):len(s.text)])
		if len(b) == 0 {
			return nil, ""
		}
		if b[0] != s.delim {
			return nil, "text after a closing quote"
		}
		return b[1:], ""
	}
}
