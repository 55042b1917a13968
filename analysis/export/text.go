package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// Options choose what a row says beside the notebook's columns.
type Options struct {
	// Identity adds node, kind, id and interval_seconds.
	Identity bool
	// GPUAbsent is what a missing gpu_util is written as: "" leaves the cell
	// empty; "0" does as the notebook's generator does for workers without a GPU.
	GPUAbsent string
}

// names is the header: the notebook's order, identity after it.
func (o Options) names(columns []window.Field) []string {
	out := []string{"timestamp", "time_offset", "worker_id"}
	for _, c := range columns {
		out = append(out, c.Column)
	}
	if o.Identity {
		out = append(out, "node", "kind", "id", "interval_seconds")
	}
	return out
}

// fill applies GPUAbsent to a cell.
func (o Options) fill(column string, v Value) Value {
	if !v.OK && column == "gpu_util" && o.GPUAbsent == "0" {
		return Value{Type: metric.TypeFloat, OK: true}
	}
	return v
}

func timestamp(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000Z")
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func (v Value) text() string {
	switch {
	case !v.OK:
		return ""
	case v.Type == metric.TypeInt:
		return strconv.FormatInt(v.Int, 10)
	case v.Type == metric.TypeState:
		return v.Text
	}
	return number(v.Float)
}

// CSV writes the frame with a header line; cells without a value are empty.
func CSV(w io.Writer, f *Frame, o Options) (rows int, err error) {
	cw := csv.NewWriter(w)
	if err := cw.Write(o.names(f.Columns())); err != nil {
		return 0, err
	}
	record := make([]string, 0, 16)
	for f.Next() {
		r := f.Row()
		record = append(record[:0], timestamp(r.Time), number(r.Offset), formulaSafe(r.Worker))
		for i, c := range f.Columns() {
			record = append(record, o.fill(c.Column, r.Values[i]).text())
		}
		if o.Identity {
			record = append(record, formulaSafe(r.Node), r.Kind.String(), formulaSafe(r.ID), number(r.Interval))
		}
		if err := cw.Write(record); err != nil {
			return rows, err
		}
		rows++
	}
	cw.Flush()
	if err := f.Err(); err != nil {
		return rows, err
	}
	return rows, cw.Error()
}

// formulaSafe keeps a spreadsheet from running a name as a formula.
func formulaSafe(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@') {
		return "'" + s
	}
	return s
}

// JSONLines writes one object a row; a cell without a value is null.
func JSONLines(w io.Writer, f *Frame, o Options) (rows int, err error) {
	bw := bufio.NewWriter(w)
	names := o.names(f.Columns())
	var line []byte
	for f.Next() {
		r := f.Row()
		line = append(line[:0], '{')
		line = appendField(line, names[0], strconv.Quote(timestamp(r.Time)))
		line = appendField(line, names[1], number(r.Offset))
		line = appendField(line, names[2], quote(r.Worker))
		for i, c := range f.Columns() {
			line = appendField(line, c.Column, o.fill(c.Column, r.Values[i]).json())
		}
		if o.Identity {
			line = appendField(line, "node", quote(r.Node))
			line = appendField(line, "kind", quote(r.Kind.String()))
			line = appendField(line, "id", quote(r.ID))
			line = appendField(line, "interval_seconds", number(r.Interval))
		}
		line = append(line, '}', '\n')
		if _, err := bw.Write(line); err != nil {
			return rows, err
		}
		rows++
	}
	if err := f.Err(); err != nil {
		return rows, err
	}
	return rows, bw.Flush()
}

func appendField(line []byte, name, value string) []byte {
	if line[len(line)-1] != '{' {
		line = append(line, ',')
	}
	return fmt.Appendf(line, "%q:%s", name, value)
}

func (v Value) json() string {
	switch {
	case !v.OK:
		return "null"
	case v.Type == metric.TypeState:
		return quote(v.Text)
	}
	return v.text()
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}
