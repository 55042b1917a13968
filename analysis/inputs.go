package analysis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// Inputs says what was read.
type Inputs struct {
	Kind  string   `json:"kind"` // "windows" or "csv"
	Paths []string `json:"paths"`
	Files int      `json:"files"`
	Bytes int64    `json:"bytes"`
}

// The kinds of Inputs.
const (
	KindWindows = "windows"
	KindCSV     = "csv"
)

// errMixed is returned for paths of several kinds: their figures have different meanings.
var errMixed = errors.New("a CSV cannot be analyzed together with anything else: give one CSV, or windows")

// opened is what openInputs found.
type opened struct {
	Inputs
	sources  []source
	problems []window.Problem
	csv      *csvInput // nil for windows
}

// openInputs finds what is at paths.
func openInputs(o *Options) (*opened, error) {
	for _, p := range o.Paths {
		csv, err := isCSV(p)
		switch {
		case err != nil:
			return nil, err
		case csv && len(o.Paths) > 1:
			return nil, fmt.Errorf("%s: %w", Escape(p), errMixed)
		case csv:
			return openCSV(p, o), nil
		}
	}
	sources, problems, err := windowSources(o)
	in := &opened{Inputs{Kind: KindWindows, Paths: o.Paths, Files: len(sources)}, sources, problems, nil}
	for _, s := range sources {
		in.Bytes += s.bytes
	}
	return in, err
}

func openCSV(path string, o *Options) *opened {
	in := &opened{Inputs: Inputs{Kind: KindCSV, Paths: o.Paths, Files: 1}, csv: &csvInput{path: path, o: o}}
	if st, err := os.Stat(path); err == nil && path != "-" {
		in.Bytes = st.Size()
	}
	in.sources = []source{{name: path, bytes: in.Bytes, read: in.csv.read}}
	return in
}

// isCSV tells the notebook's CSV from windows by its name or its first line.
func isCSV(path string) (bool, error) {
	if path == "-" || strings.HasSuffix(strings.ToLower(path), ".csv") {
		return true, nil
	}
	st, err := os.Stat(path)
	if err != nil {
		return false, fmt.Errorf("find the recording: %w", err)
	}
	if !st.Mode().IsRegular() {
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("find the recording: %w", err)
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, fmt.Errorf("find the recording: %w", err)
	}
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	return bytes.Contains(line, []byte("worker_id")) && bytes.Contains(line, []byte(",")) && !bytes.ContainsRune(line, 0), nil
}

// csvInput reads one CSV and keeps its frame.
type csvInput struct {
	path  string
	o     *Options
	frame *Frame
	found *frameChunks
}

func (c *csvInput) read(ctx context.Context, send func(piece) error) error {
	var in io.Reader = c.o.Stdin
	name := c.path
	if c.path == "-" {
		name = "standard input"
		if in == nil {
			return errors.New("no standard input")
		}
	} else {
		f, err := os.Open(c.path)
		if err != nil {
			return fmt.Errorf("open the CSV: %w", err)
		}
		defer f.Close()
		in = f
	}
	frame, problems, err := ReadCSV(contextReader{ctx, in}, CSVOptions{Name: name, From: c.o.From, To: c.o.To, Zone: c.o.Zone, Workers: c.o.Nodes})
	if err != nil {
		return err
	}
	c.frame, c.found = frame, frame.Chunks()
	if err := send(piece{problems: problems}); err != nil {
		return err
	}
	if err := send(piece{meta: &window.Meta{Interval: c.found.interval}}); err != nil {
		return err
	}
	for _, chunk := range c.found.chunks {
		if err := send(piece{chunk: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// notes says what had to be done to the CSV's rows.
func (c *csvInput) notes() []string {
	var notes []string
	f := c.found
	if f.duplicates > 0 {
		notes = append(notes, fmt.Sprintf("%s removed: another row of the same worker and time was the same (the notebook's own figures count them)", countOf(f.duplicates, "duplicate row")))
	}
	if f.conflicts > 0 {
		notes = append(notes, fmt.Sprintf("%s of a worker and time seen before but with other numbers (the first on line %d): their mean is used, as in the notebook's heatmap", countOf(f.conflicts, "row"), f.conflictLine))
	}
	if f.snapped > 0 {
		notes = append(notes, fmt.Sprintf("%s moved onto the common %s grid, by less than half an interval each (the notebook's own figures are not binned)", countOf(f.snapped, "row"), f.interval))
	}
	if c.frame.NoClock {
		notes = append(notes, "no column timestamp: times are offsets from the start")
	} else if c.frame.LocalClock {
		notes = append(notes, fmt.Sprintf("timestamps have no zone: taken as %s", ZoneName(c.o.Zone)))
	}
	for i, name := range FrameColumns {
		if c.frame.Values[i] == nil {
			notes = append(notes, "no column "+name)
		}
	}
	return notes
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// ZoneName names a zone so that times in it cannot be misread: its name, and
// the system's local zone as "local" with its abbreviation now.
func ZoneName(z *time.Location) string {
	if z == nil {
		return "UTC"
	}
	if z.String() == "Local" {
		name, _ := time.Now().In(z).Zone()
		return "local (" + name + ")"
	}
	return z.String()
}

// kindsOf are the entity kinds that a table by kind needs.
func kindsOf(by metric.EntityKind) []metric.EntityKind {
	switch by {
	case metric.CPU, metric.NIC, metric.Disk:
		return []metric.EntityKind{metric.Node, by}
	case metric.GPU, metric.MIG:
		return []metric.EntityKind{metric.Node, metric.GPU, metric.MIG}
	}
	return []metric.EntityKind{metric.Node, metric.GPU, metric.Worker}
}
