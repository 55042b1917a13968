package tasks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"time"
)

// Options are how files are read.
type Options struct {
	// Zone is what times without a zone are in; nil is the local zone. It is
	// reported, never silent.
	Zone *time.Location
	// Map names the columns of a foreign CSV; the zero map is QTau's names.
	Map ColumnMap
	// Stdin is what a file named "-" is; nil for none.
	Stdin io.Reader
	// Schema names the layout of files that have no header; see Schemas.
	Schema string
}

// ErrNoHeader says that a file does not begin with a header.
var ErrNoHeader = errors.New("no header")

// Load reads the files of a manifest into one Set. Records that cannot be read are
// counted and listed in Set.Files; the error is for files that cannot be opened
// or read, that have no header, or of which no record at all could be read.
func Load(ctx context.Context, m *Manifest, opt Options) (*Set, error) {
	if len(m.Runs) > math.MaxUint16 {
		return nil, fmt.Errorf("read tasks: %d files; at most %d at once", len(m.Runs), math.MaxUint16)
	}
	s := newSet()
	for i := range m.Runs {
		run := &m.Runs[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.loadFile(ctx, run, opt); err != nil {
			return nil, err
		}
	}
	if err := s.useless(); err != nil {
		return nil, err
	}
	s.finish()
	return s, nil
}

// useless says that there are records and none could be read. A live file may have
// only one yet, and that torn.
func (s *Set) useless() error {
	rejected := 0
	var first *FileReport
	for _, f := range s.Files {
		if f.Rows > 0 {
			return nil
		}
		if f.Rejected == 0 || f.Rejected == 1 && f.Partial {
			continue
		}
		if rejected += f.Rejected; first == nil {
			first = f
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("read tasks: none of %s could be read; the first, %s line %d: %s", countNoun(rejected, "record"), first.Path, first.Rejects[0].Line, first.Rejects[0].Reason)
}

// Read reads one file's bytes into a Set of its own.
func Read(ctx context.Context, name string, r io.Reader, run Run, opt Options) (*Set, error) {
	s := newSet()
	if err := s.read(ctx, name, r, 0, &run, opt); err != nil {
		return nil, err
	}
	s.finish()
	return s, nil
}

func newSet() *Set {
	return &Set{
		ErrorTexts: []string{""}, internErrors: map[string]int{"": 0},
		Pilots: []string{""}, internIDs: map[string]int{"": 0}, configIndex: map[string]int{},
		Statuses: []string{"", "SUCCESS", "FAILED"},
	}
}

func (s *Set) loadFile(ctx context.Context, run *Run, opt Options) error {
	if run.File == "-" && opt.Stdin != nil {
		return s.read(ctx, "standard input", opt.Stdin, 0, run, opt)
	}
	f, err := os.Open(run.File)
	if err != nil {
		return fmt.Errorf("read tasks: %w", err)
	}
	defer f.Close()
	size := int64(0) // of a pipe
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return s.read(ctx, run.File, f, size, run, opt)
}

// reading is the state of one file being read.
type reading struct {
	set    *Set
	run    *Run
	opt    Options
	scan   *scanner
	layout *layout
	under  error // what is wrong with the header that rows stand under now
	clock  *clock
	report *FileReport
	groups grouper
}

// read reads one file; size is its length in bytes, 0 where it is not known.
func (s *Set) read(ctx context.Context, name string, r io.Reader, size int64, run *Run, opt Options) error {
	zone := cmp.Or(run.Zone, opt.Zone, time.Local)
	in := &reading{
		set: s, run: run, opt: opt, scan: newScanner(skipBOM(stoppable{ctx, r})), clock: &clock{zone: zone},
		report: &FileReport{Path: name, missing: map[string]int{}, unknownStatus: map[string]int{}},
	}
	in.groups = grouper{set: s, run: run, file: len(s.Files), known: map[string]int32{}}
	s.Files = append(s.Files, in.report)
	if opt.Schema != "" {
		l, err := schema(opt.Schema)
		if err != nil {
			return err
		}
		in.use(l)
	}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if n == 4096 {
			s.grow(float64(size)/float64(in.scan.bytes)*1.03, n)
		}
		rec, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read tasks: %s, line %d: %w", name, in.scan.line, err)
		}
		in.take(rec)
	}
	if in.layout == nil {
		return fmt.Errorf("read tasks: %s: the file is empty: %w", name, ErrNoHeader)
	}
	in.report.finish(in.clock)
	return nil
}

// next returns the next data record, header records taken care of.
func (in *reading) next() (record, error) {
	for {
		rec, err := in.scan.scan()
		if err != nil {
			return rec, err
		}
		if in.layout == nil && in.report.Headers == 0 {
			in.redelimit(&rec)
		}
		if rec.broken == "" && isHeader(rec.fields, in.opt.Map) {
			err := in.header(rec)
			if err != nil && in.isRow(rec) {
				return rec, nil // a task of that name
			}
			if err != nil && in.layout == nil {
				return rec, err
			}
			if in.under = nil; err != nil {
				in.under = err
				in.report.reject(rec, err.Error())
			}
			continue
		}
		if in.layout == nil && rec.broken != "" {
			return rec, fmt.Errorf("%w: the first line cannot be read: %s", ErrNoHeader, rec.broken)
		}
		if in.layout == nil {
			return rec, fmt.Errorf("%w: the first line is %s; name the layout with --schema, or the columns with --map", ErrNoHeader, excerpt(bytes.Join(rec.fields, []byte(","))))
		}
		return rec, nil
	}
}

// redelimit splits a header again where it is not separated by commas.
func (in *reading) redelimit(rec *record) {
	if rec.broken != "" || len(rec.fields) != 1 {
		return
	}
	line := rec.fields[0]
	if d := delimiterOf(line); d != ',' {
		in.scan.delim = d
		rec.fields = in.scan.split(line)
		in.report.Warnings = append(in.report.Warnings, fmt.Sprintf("fields are separated by %q: this file was saved again by another program", string(d)))
	}
}

// isRow says whether a record that names a column is a row of the layout in use.
func (in *reading) isRow(rec record) bool {
	if in.layout == nil || in.under != nil {
		return false
	}
	quiet := *in.clock
	_, err := in.layout.parseRow(rec.fields, &quiet)
	return err == nil
}

// header switches the mapping.
func (in *reading) header(rec record) error {
	l, err := newLayout(rec.fields, in.opt.Map)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	in.report.Headers++
	in.use(l)
	return nil
}

func (in *reading) use(l *layout) {
	in.layout = l
	if !slices.Contains(in.report.Layouts, l.name) {
		in.report.Layouts = append(in.report.Layouts, l.name)
	}
	for _, name := range l.ignored {
		if !slices.Contains(in.report.Ignored, name) {
			in.report.Ignored = append(in.report.Ignored, name)
		}
	}
}

// take accepts or rejects a data record, and after a torn quote goes back to the
// next line that starts one.
func (in *reading) take(rec record) {
	if rec.broken != "" {
		in.resync(rec, rec.broken)
		return
	}
	if in.under != nil {
		in.report.reject(rec, "it stands under a header that cannot be read")
		return
	}
	before := in.clock.counts
	r, err := in.layout.parseRow(rec.fields, in.clock)
	if err != nil {
		in.clock.counts = before // of rows that are taken only
	}
	switch {
	case err != nil && len(rec.lines) > 1:
		in.resync(rec, err.Error())
	case err != nil:
		in.report.reject(rec, err.Error())
	case len(rec.lines) > 1 && in.swallowed(rec):
		in.resync(rec, "a quoted field that holds whole records: its opening quote was torn")
	case rec.cut && in.doubtful(&r) != "":
		in.report.Partial = true
		in.report.reject(rec, in.doubtful(&r))
	default:
		if _, proven := r.residual(); rec.cut && !proven {
			in.report.Warnings = append(in.report.Warnings, fmt.Sprintf("line %d, the last, has no newline: it was taken, but may be cut", rec.line))
		}
		r.line = rec.line
		in.report.note(&r)
		in.report.Rows++
		in.set.add(&r, in.groups.of(&r))
	}
}

// doubtful says why a last line without a newline may have been cut; empty where
// its durations prove it whole.
func (in *reading) doubtful(r *row) string {
	const why = "the last line has no newline and may be cut: "
	if _, ok := r.residual(); ok && in.report.keepsIdentity() {
		if !r.plausibleWithin(identityTolerance) {
			return why + "its durations do not add up to its completion time"
		}
		return ""
	}
	switch last := in.layout.columns[len(in.layout.columns)-1]; {
	case last == colStatus && r.status != StatusSuccess && r.status != StatusFailed:
		return why + "its status is not whole"
	case in.report.checked > 0:
		return why + "a field that proves it whole is missing"
	}
	return ""
}

func (r *row) plausibleWithin(d time.Duration) bool {
	res, ok := r.residual()
	return ok && math.Abs(res) <= d.Seconds()
}

// swallowed says whether a field of a multi-line record holds a line that is a
// record by itself.
func (in *reading) swallowed(rec record) bool {
	return slices.ContainsFunc(rec.lines[1:], in.isWhole)
}

// isWhole says whether a line alone is a header or a plausible record.
func (in *reading) isWhole(line []byte) bool {
	probe := &scanner{delim: in.scan.delim}
	if verdict := probe.parse(line); verdict != "" {
		return false
	}
	if isHeader(probe.fields, in.opt.Map) {
		return len(probe.fields) > 3
	}
	if len(in.layout.columns) < 4 {
		return false
	}
	quiet := *in.clock
	r, err := in.layout.parseRow(probe.fields, &quiet)
	return err == nil && r.plausible()
}

// starts says whether a line begins a record: it is one, or, in the sorted layout, it
// begins with a completion time.
func (in *reading) starts(line []byte) bool {
	if in.isWhole(line) {
		return true
	}
	if in.layout.columns[0] != colCompletion {
		return false
	}
	first, _, ok := bytes.Cut(line, []byte{in.scan.delim})
	_, err := parseStamp(first)
	return ok && err == nil
}

// resync rejects the beginning of a record and returns to its first line that starts
// another.
func (in *reading) resync(rec record, reason string) {
	at := -1
	if len(rec.lines) > 1 {
		at = slices.IndexFunc(rec.lines[1:], in.starts)
	}
	if at < 0 {
		if rec.open {
			in.report.Partial = true
			reason += ": a torn last record, normal while a run is live"
		}
		in.report.reject(rec, reason)
		return
	}
	in.scan.pushBack(rec.lines[at+1:])
	rec.lines = rec.lines[:at+1]
	in.report.reject(rec, reason+fmt.Sprintf("; reading resumed at line %d", rec.line+at+1))
}

// skipBOM drops a byte order mark, which spreadsheets put first, and refuses what is
// not text by its first bytes.
func skipBOM(r io.Reader) io.Reader {
	var head [3]byte
	n, err := io.ReadFull(r, head[:])
	switch {
	case n == 3 && string(head[:]) == "\ufeff":
		return r
	case n >= 2 && string(head[:2]) == "\x1f\x8b":
		return failing{errors.New("the file is compressed: gunzip it first")}
	case n >= 2 && (string(head[:2]) == "\xff\xfe" || string(head[:2]) == "\xfe\xff"):
		return failing{errors.New("the file is UTF-16: save it as UTF-8")}
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return io.MultiReader(bytes.NewReader(head[:n]), failing{err})
	}
	return io.MultiReader(bytes.NewReader(head[:n]), r)
}

// stoppable ends reading when ctx does: one record may take more than its patience.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
