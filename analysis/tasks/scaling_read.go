package tasks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// ScalingRow is one measured run: a fixed amount of work (strong) or work in
// proportion to the cores (weak).
type ScalingRow struct {
	Kind  string  `json:"kind"` // "strong" or "weak"
	Label string  `json:"label,omitempty"`
	Nodes float64 `json:"nodes"`
	Cores float64 `json:"cores"`
	Tasks float64 `json:"tasks"`
	Time  float64 `json:"time"` // seconds
}

// ReadScaling reads rows of kind,nodes,cores,tasks,time (columns by name, in any
// order; an optional label) in file order. Rows that cannot be read come back as
// rejects; the error is for a file without that header.
func ReadScaling(r io.Reader) ([]ScalingRow, []Reject, error) {
	s := newScanner(skipBOM(r))
	head, err := s.scan()
	if errors.Is(err, io.EOF) {
		err = ErrNoHeader
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read scaling rows: %w", err)
	}
	index := map[string]int{}
	for i, f := range head.fields {
		index[string(bytes.TrimSpace(f))] = i
	}
	for _, name := range []string{"kind", "nodes", "cores", "tasks", "time"} {
		if _, ok := index[name]; !ok {
			return nil, nil, fmt.Errorf("read scaling rows: no column %q; want kind,nodes,cores,tasks,time", name)
		}
	}
	var rows []ScalingRow
	var rejects []Reject
	for width := len(head.fields); ; {
		rec, err := s.scan()
		if errors.Is(err, io.EOF) {
			return rows, rejects, nil
		}
		if err != nil {
			return rows, rejects, fmt.Errorf("read scaling rows: line %d: %w", s.line, err)
		}
		row, err := scalingRow(rec, index, width)
		if err != nil {
			rejects = append(rejects, Reject{Line: rec.line, Lines: max(1, len(rec.lines)), Reason: err.Error()})
			continue
		}
		rows = append(rows, row)
	}
}

func scalingRow(rec record, index map[string]int, width int) (ScalingRow, error) {
	if rec.broken != "" {
		return ScalingRow{}, errors.New(rec.broken)
	}
	if len(rec.fields) != width {
		return ScalingRow{}, fmt.Errorf("%d fields under a header of %d columns", len(rec.fields), width)
	}
	field := func(name string) []byte { return bytes.TrimSpace(rec.fields[index[name]]) }
	row := ScalingRow{Kind: string(field("kind"))}
	if !slices.Contains([]string{"strong", "weak"}, row.Kind) {
		return row, fmt.Errorf("kind %s: want strong or weak", excerpt(field("kind")))
	}
	if i, ok := index["label"]; ok {
		row.Label = string(rec.fields[i])
	}
	for name, to := range map[string]*float64{"nodes": &row.Nodes, "cores": &row.Cores, "tasks": &row.Tasks, "time": &row.Time} {
		v, err := parseNumber(field(name))
		if err != nil {
			return row, fmt.Errorf("%s: %w", name, err)
		}
		if v < 0 || (math.IsNaN(v) && name != "tasks" && name != "cores") {
			return row, fmt.Errorf("%s: want a number that is not negative", name)
		}
		*to = v
	}
	return row, nil
}
