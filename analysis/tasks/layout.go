package tasks

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nodemeter/analysis"
)

// column is what a field of the file means to us.
type column int

const (
	colIgnored column = iota
	colTaskID
	colSubmit
	colCompletion
	colWait
	colExec
	colStaging
	colInputBytes
	colStatus
	colError
	colRequested
	colConfig
	colEngine
	colNodes
	colCores
	colGPUs
	columnCount
)

// columnNames are the header names we know, every vintage together. execution_ms
// is misnamed: it holds seconds, as submit + wait + value = completion shows on
// every published row.
var columnNames = map[string]column{
	"task_id": colTaskID, "submit_time": colSubmit, "completion_time": colCompletion,
	"wait_time_secs": colWait, "execution_secs": colExec, "execution_ms": colExec,
	"staging_time_secs": colStaging, "input_staging_data_size_bytes": colInputBytes,
	"status": colStatus, "error_msg": colError, "qtau_scheduled": colRequested, "pilot_scheduled": colRequested,
	"config_id": colConfig, "engine": colEngine, "nodes": colNodes, "cores": colCores, "gpus": colGPUs,
}

// vintages are the layouts that QTau and pilot-quantum have written, newest first.
var vintages = []struct{ name, columns string }{
	{"QTau 0.9.5", "completion_time,error_msg,execution_secs,input_staging_data_size_bytes,qtau_scheduled,staging_time_secs,status,submit_time,task_id,wait_time_secs"},
	{"pilot-quantum 2024-12-14 to QTau 0.9.1", "completion_time,error_msg,execution_secs,input_staging_data_size_bytes,pilot_scheduled,staging_time_secs,status,submit_time,task_id,wait_time_secs"},
	{"pilot-quantum 2024-09-29", "completion_time,error_msg,execution_ms,input_staging_data_size_bytes,pilot_scheduled,staging_time_secs,status,submit_time,task_id,wait_time_secs"},
	{"pilot-quantum 2024-09-15", "task_id,pilot_scheduled,submit_time,wait_time_secs,staging_time_secs,completion_time,execution_ms,status,error_msg"},
	{"pilot-quantum 2024-07-15", "task_id,pilot_scheduled,submit_time,wait_time_secs,completion_time,execution_ms,status,error_msg"},
	{"pilot-quantum 2024-06-23", "task_id,submit_time,wait_time_secs,completion_time,execution_ms,status,error_msg"},
	{"pilot-quantum 2024-06-22", "task_id,submit_time,wait_time_secs,completion_time,execution_ms"},
	{"QTau qdreamer branch (12 columns)", "completion_time,error_msg,execution_fidelity,execution_secs,fidelity,input_staging_data_size_bytes,pilot_scheduled,staging_time_secs,status,submit_time,task_id,wait_time_secs"},
	{"benchmarking notebook", "task_id,config_id,nodes,cores,engine,qtau_scheduled,submit_time,wait_time_secs,staging_time_secs,execution_secs,completion_time,input_staging_data_size_bytes,status"},
}

// layout maps the fields of a record by the names in a header.
type layout struct {
	name    string
	columns []column  // one a field
	scale   []float64 // seconds per unit, for times and durations from a column map; 1 otherwise
	epoch   []bool    // a time given as a number since 1970
	names   []string
	ignored []string
	has     [columnCount]bool
}

// ColumnMap names, for each of our columns, the column of a foreign CSV, and its
// unit: see ParseColumnMap.
type ColumnMap struct {
	entries []mapEntry
}

type mapEntry struct {
	column column
	name   string
	scale  float64
	epoch  bool
}

// ParseColumnMap reads "ours=theirs[:unit]" entries separated by commas, such as
// "task_id=job,submit_time=queued:unix,execution_secs=runtime:ms". Units of
// durations are s (the default), ms, us, ns, min and h; a time takes unix or unixms,
// and is a text with date and time otherwise.
func ParseColumnMap(text string) (ColumnMap, error) {
	var m ColumnMap
	for entry := range strings.SplitSeq(text, ",") {
		ours, theirs, ok := strings.Cut(strings.TrimSpace(entry), "=")
		col, known := columnNames[ours]
		if !ok || theirs == "" {
			return m, fmt.Errorf("column map %q: want ours=theirs, such as execution_secs=runtime:ms", entry)
		}
		if !known {
			return m, fmt.Errorf("column map %q: no column %q here; there are %s", entry, ours, strings.Join(ownNames(), ", "))
		}
		e := mapEntry{column: col, name: theirs, scale: 1}
		if name, unit, ok := strings.Cut(theirs, ":"); ok {
			e.name = name
			if err := e.setUnit(unit); err != nil {
				return m, fmt.Errorf("column map %q: %w", entry, err)
			}
		}
		m.entries = append(m.entries, e)
	}
	return m, nil
}

func (e *mapEntry) setUnit(unit string) error {
	units := map[string]float64{"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60, "h": 3600}
	isTime := e.column == colSubmit || e.column == colCompletion
	if isTime {
		units = map[string]float64{"unix": 1, "unixms": 1e-3}
	} else if e.column != colWait && e.column != colExec && e.column != colStaging {
		return errors.New("only times and durations have a unit")
	}
	scale, ok := units[unit]
	if !ok {
		return fmt.Errorf("unknown unit %q", unit)
	}
	e.scale, e.epoch = scale, isTime
	return nil
}

func ownNames() []string {
	var names []string
	for n := range columnNames {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Schemas are the names that Options.Schema takes, for files without a header.
func Schemas() []string {
	out := make([]string, len(vintages))
	for i, v := range vintages {
		out[i] = v.name
	}
	return out
}

func schema(name string) (*layout, error) {
	for _, v := range vintages {
		if strings.EqualFold(v.name, name) {
			return newLayout(splitNames([]byte(v.columns), ','), ColumnMap{})
		}
	}
	return nil, fmt.Errorf("unknown schema %q; there are: %s", name, strings.Join(Schemas(), "; "))
}

func splitNames(line []byte, delim byte) [][]byte { return bytes.Split(line, []byte{delim}) }

// newLayout reads a header. It fails where a column occurs twice or the execution
// time is missing.
func newLayout(fields [][]byte, m ColumnMap) (*layout, error) {
	l := &layout{columns: make([]column, len(fields)), scale: make([]float64, len(fields)), epoch: make([]bool, len(fields))}
	l.names = make([]string, len(fields))
	for i, f := range fields {
		l.names[i] = string(bytes.TrimSpace(f))
		e := m.find(l.names[i])
		l.columns[i], l.scale[i], l.epoch[i] = e.column, e.scale, e.epoch
		if e.column == colIgnored {
			l.ignored = append(l.ignored, l.names[i])
			continue
		}
		if l.has[e.column] {
			return nil, fmt.Errorf("column %q stands for something that another column of the header already is", l.names[i])
		}
		l.has[e.column] = true
	}
	for _, e := range m.entries {
		if !slices.Contains(l.names, e.name) {
			return nil, fmt.Errorf("no column %q, which --map names; there are %s", e.name, analysis.Escape(strings.Join(l.names, ", ")))
		}
	}
	if !l.has[colExec] {
		return nil, errors.New("no column execution_secs (or execution_ms); name one with --map execution_secs=COLUMN")
	}
	l.name = vintageOf(strings.Join(l.names, ","), m)
	return l, nil
}

// find looks a header name up, in the column map first.
func (m ColumnMap) find(name string) mapEntry {
	for _, e := range m.entries {
		if e.name == name {
			return e
		}
	}
	c := columnNames[name]
	for _, e := range m.entries {
		if e.column == c {
			return mapEntry{} // the map takes this column from elsewhere
		}
	}
	return mapEntry{column: c, scale: 1}
}

func vintageOf(header string, m ColumnMap) string {
	for _, v := range vintages {
		if header == v.columns {
			return v.name
		}
	}
	if len(m.entries) > 0 {
		return "CSV by column map"
	}
	return fmt.Sprintf("unknown layout of %d columns", strings.Count(header, ",")+1)
}

// isHeader says whether a record is a header: a field is task_id itself, or, under
// a column map, the first column the map names.
func isHeader(fields [][]byte, m ColumnMap) bool {
	for _, f := range fields {
		f = bytes.TrimSpace(f)
		if string(f) == "task_id" {
			return true
		}
		for _, e := range m.entries {
			if string(f) == e.name && len(fields) >= len(m.entries) {
				return true
			}
		}
	}
	return false
}

// delimiterOf finds what separates the names of a header line; spreadsheets save with
// semicolons and tabs.
func delimiterOf(line []byte) byte {
	best, most := byte(','), 0
	for _, d := range []byte{',', ';', '\t'} {
		if n := bytes.Count(line, []byte{d}); n > most {
			best, most = d, n
		}
	}
	return best
}
