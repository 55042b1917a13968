package analysis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"nodemeter/collector/window"
)

// CSVOptions says how to read the notebook's CSV.
type CSVOptions struct {
	// Name is the file's name in errors.
	Name string
	// From and To keep the rows of [From, To); zero is unbounded.
	From, To time.Time
	// Zone is where timestamps without a zone were taken; nil means UTC.
	Zone *time.Location
	// Workers keeps the rows of these workers; nil keeps all.
	Workers []string
	// MaxRows bounds memory (about 60 bytes a row); 0 means DefaultMaxRows.
	MaxRows int
}

// The bounds of what a CSV may hold. A line or a name beyond them is refused,
// so that no input decides how much memory reading it takes.
const (
	DefaultMaxRows = 4 << 20
	maxCSVLine     = 64 << 10
	maxName        = 1024
	maxWorkers     = 1 << 18
	maxProblems    = 20
)

// CSVError is what makes a CSV unusable, with its position.
type CSVError struct {
	File string
	Line int // 1 is the header
	Err  error
}

func (e *CSVError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns the reason.
func (e *CSVError) Unwrap() error { return e.Err }

// csvReader reads one file into a Frame, line by line.
type csvReader struct {
	o       CSVOptions
	in      *bufio.Reader
	line    int
	fields  []string
	at      csvColumns
	frame   *Frame
	names   map[string]int32
	bad     int
	reports []window.Problem
	stamp   string // the last timestamp read, as text; rows of one tick share it
	stampAt int64
}

// csvColumns are the positions of the columns in use, -1 where there is none.
type csvColumns struct {
	timestamp, offset, worker, interval int
	values                              [4]int
	count                               int
}

// ReadCSV reads the notebook's CSV: a header with timestamp or time_offset,
// worker_id and at least one of the utilization columns, in any order, other
// columns ignored. Missing numbers may be empty or any of pandas' spellings of
// NaN. A row that cannot be read is a Problem and is left out; a file without a
// usable row, a wrong header and percent in place of fractions are errors, a
// *CSVError where they have a line.
func ReadCSV(r io.Reader, o CSVOptions) (*Frame, []window.Problem, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.MaxRows == 0 {
		o.MaxRows = DefaultMaxRows
	}
	c := &csvReader{o: o, in: bufio.NewReaderSize(r, maxCSVLine), frame: &Frame{}, names: map[string]int32{}}
	if err := c.header(); err != nil {
		return nil, nil, err
	}
	for {
		err := c.next()
		if err == io.EOF {
			break
		}
		var bad rowError
		switch {
		case err == nil:
			err = c.row()
		}
		if errors.As(err, &bad) {
			c.report(bad)
		} else if err != nil {
			return nil, nil, c.wrap(err)
		}
	}
	return c.finish()
}

// rowError is a row that is left out.
type rowError struct{ error }

func rowErrorf(format string, args ...any) error { return rowError{fmt.Errorf(format, args...)} }

func (c *csvReader) wrap(err error) error { return &CSVError{c.o.Name, c.line, err} }

func (c *csvReader) report(err error) {
	c.bad++
	if len(c.reports) < maxProblems {
		c.reports = append(c.reports, window.Problem{File: fmt.Sprintf("%s:%d", c.o.Name, c.line), Offset: -1, Err: err, Lost: "the row"})
	}
}

func (c *csvReader) finish() (*Frame, []window.Problem, error) {
	f := c.frame
	if c.bad > len(c.reports) {
		c.reports = append(c.reports, window.Problem{File: c.o.Name, Offset: -1,
			Err: fmt.Errorf("%d more rows like these", c.bad-len(c.reports)), Lost: "the rows"})
	}
	if f.Len() == 0 {
		switch {
		case c.bad > 0:
			return nil, nil, fmt.Errorf("%s: none of %d rows could be read; the first, line %s", c.o.Name, c.bad,
				strings.TrimPrefix(c.reports[0].File, c.o.Name+":")+": "+c.reports[0].Err.Error())
		case !c.o.From.IsZero() || !c.o.To.IsZero() || c.o.Workers != nil:
			return nil, nil, fmt.Errorf("%s: no row of the time and workers asked for", c.o.Name)
		}
		return nil, nil, fmt.Errorf("%s: a header and no rows: nothing was sampled", c.o.Name)
	}
	f.fillOffsets(c.at)
	return f, c.reports, nil
}

// next reads one line, stepping over blank ones, and splits it.
func (c *csvReader) next() error {
	for {
		c.line++
		b, err := c.in.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			for err == bufio.ErrBufferFull {
				_, err = c.in.ReadSlice('\n')
			}
			return rowErrorf("a line of more than %d bytes", maxCSVLine)
		case err != nil && err != io.EOF:
			return fmt.Errorf("read: %w", err)
		case err == io.EOF && len(b) == 0:
			return io.EOF
		}
		line := strings.TrimRight(string(b), "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		c.fields, err = splitCSV(c.fields[:0], line)
		return err
	}
}

// splitCSV splits a line as RFC 4180 has it, except that a quoted field ends on
// its line: worker ids have no line breaks, and an unclosed quote must not
// swallow the file.
func splitCSV(fields []string, line string) ([]string, error) {
	for {
		if !strings.HasPrefix(line, `"`) {
			f, rest, more := strings.Cut(line, ",")
			fields = append(fields, f)
			if !more {
				return fields, nil
			}
			line = rest
			continue
		}
		f, rest, err := quotedField(line[1:])
		if err != nil {
			return fields, err
		}
		fields = append(fields, f)
		if rest == "" {
			return fields, nil
		}
		if rest[0] != ',' {
			return fields, rowErrorf("field %d: text after a closing quote", len(fields))
		}
		line = rest[1:]
	}
}

func quotedField(s string) (field, rest string, err error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, `"`)
		if !ok {
			return "", "", rowErrorf("a quoted field is not closed on its line")
		}
		b.WriteString(before)
		if !strings.HasPrefix(after, `"`) {
			return b.String(), after, nil
		}
		b.WriteByte('"')
		s = after[1:]
	}
}

// header finds the columns.
func (c *csvReader) header() error {
	switch err := c.next(); {
	case err == io.EOF:
		return fmt.Errorf("%s: the file is empty: want the header timestamp,time_offset,worker_id,cpu_util,memory_util,gpu_util,network_mbps", c.o.Name)
	case err != nil:
		return c.wrap(fmt.Errorf("header: %w", err))
	}
	c.fields[0] = strings.TrimPrefix(c.fields[0], "\ufeff")
	at := map[string]int{}
	for i, name := range c.fields {
		name = strings.TrimSpace(name)
		if _, twice := at[name]; twice && name != "" {
			return c.wrap(fmt.Errorf("header: column %s stands twice", Escape(name)))
		}
		at[name] = i
	}
	find := func(name string) int {
		if i, ok := at[name]; ok {
			return i
		}
		return -1
	}
	c.at = csvColumns{find("timestamp"), find("time_offset"), find("worker_id"), find("interval_seconds"), [4]int{}, len(c.fields)}
	some := false
	for i, name := range FrameColumns {
		c.at.values[i] = find(name)
		some = some || c.at.values[i] >= 0
	}
	switch {
	case c.at.worker < 0:
		return c.wrap(fmt.Errorf("header: no column worker_id among %s", Escape(strings.Join(c.fields, ","))))
	case c.at.timestamp < 0 && c.at.offset < 0:
		return c.wrap(errors.New("header: neither a column timestamp nor time_offset: rows have no time"))
	case !some:
		return c.wrap(fmt.Errorf("header: none of the columns %s", strings.Join(FrameColumns[:], ", ")))
	case c.at.timestamp < 0 && !(c.o.From.IsZero() && c.o.To.IsZero()):
		return c.wrap(errors.New("header: no column timestamp, so a range of time cannot be cut out"))
	}
	c.frame.NoClock = c.at.timestamp < 0
	return nil
}

// row adds the fields just split to the frame.
func (c *csvReader) row() error {
	if len(c.fields) != c.at.count {
		return rowErrorf("%d fields under a header of %d", len(c.fields), c.at.count)
	}
	at, offset, err := c.times()
	if err != nil {
		return err
	}
	if t := time.Unix(0, at); !c.o.From.IsZero() && t.Before(c.o.From) || !c.o.To.IsZero() && !t.Before(c.o.To) {
		return nil
	}
	name := c.fields[c.at.worker]
	if c.o.Workers != nil && !slices.Contains(c.o.Workers, name) {
		return nil
	}
	var values [4]float64
	for i, pos := range c.at.values {
		if pos < 0 {
			continue
		}
		if values[i], err = utilization(i, c.fields[pos]); err != nil {
			return err
		}
	}
	interval, err := c.interval()
	if err != nil {
		return err
	}
	worker, err := c.worker(name)
	if err != nil {
		return err
	}
	f := c.frame
	if f.Len() >= c.o.MaxRows {
		return fmt.Errorf("more than %d rows, which is what is kept in memory: cut with --from and --to, or record windows, which are read in pieces", c.o.MaxRows)
	}
	f.Worker, f.Time, f.Offset, f.Line = append(f.Worker, worker), append(f.Time, at), append(f.Offset, offset), append(f.Line, int32(c.line))
	for i, pos := range c.at.values {
		if pos >= 0 {
			f.Values[i] = append(f.Values[i], values[i])
		}
	}
	if c.at.interval >= 0 {
		f.Interval = append(f.Interval, interval)
	}
	return nil
}

// interval returns how many seconds the row covers, NaN where it does not say.
func (c *csvReader) interval() (float64, error) {
	if c.at.interval < 0 {
		return math.NaN(), nil
	}
	v, err := number(c.fields[c.at.interval])
	if err != nil || v < 0 || math.IsInf(v, 0) {
		return 0, rowErrorf("interval_seconds %s: want seconds", Escape(c.fields[c.at.interval]))
	}
	return v, nil
}

// worker returns the number of a worker id.
func (c *csvReader) worker(name string) (int32, error) {
	switch {
	case name == "":
		return 0, rowErrorf("worker_id is empty")
	case len(name) > maxName:
		return 0, rowErrorf("worker_id has %d bytes, more than %d", len(name), maxName)
	}
	if i, ok := c.names[name]; ok {
		return i, nil
	}
	if len(c.names) >= maxWorkers {
		return 0, fmt.Errorf("more than %d different worker_id", maxWorkers)
	}
	name = strings.Clone(strings.ToValidUTF8(name, string(utf8.RuneError)))
	i := int32(len(c.frame.Names))
	c.names[name] = i
	c.frame.Names = append(c.frame.Names, name)
	return i, nil
}

// times returns a row's instant (nanoseconds since the epoch) and its offset
// (seconds, NaN where there is none).
func (c *csvReader) times() (int64, float64, error) {
	offset := math.NaN()
	if c.at.offset >= 0 {
		var err error
		if offset, err = number(c.fields[c.at.offset]); err != nil || math.IsInf(offset, 0) {
			return 0, 0, rowErrorf("time_offset %s: want seconds", Escape(c.fields[c.at.offset]))
		}
	}
	if c.at.timestamp < 0 {
		if math.IsNaN(offset) || math.Abs(offset) > 9e9 {
			return 0, 0, rowErrorf("time_offset %s: want seconds", Escape(c.fields[c.at.offset]))
		}
		return int64(math.Round(offset * 1e9)), offset, nil
	}
	s := c.fields[c.at.timestamp]
	if s == c.stamp && s != "" {
		return c.stampAt, offset, nil
	}
	t, local, err := parseTimestamp(s, c.o.Zone)
	if err != nil {
		return 0, 0, err
	}
	c.frame.LocalClock = c.frame.LocalClock || local
	c.stamp, c.stampAt = strings.Clone(s), t.UnixNano()
	return c.stampAt, offset, nil
}
