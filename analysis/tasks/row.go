package tasks

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// row is one task as it stands in the file, before it goes into the columns of a
// Set. Its byte slices are valid until the next record.
type row struct {
	line               int
	submit, completion int64
	wait, exec         float64
	staging            float64
	inputBytes         int64
	status             Status
	statusText         string
	id, err, requested []byte
	config, engine     []byte
	hasConfig          bool // the layout has the column
	nodes, cores, gpus float64
	decimalNodes       bool
	decimalCores       bool

	submitLate, completionLate int64 // the other reading of a time that occurs twice
}

// maxID bounds a task_id in bytes.
const maxID = 4096

// absent says whether pandas reads a field as missing.
func absent(b []byte) bool {
	switch len(b) {
	case 0:
		return true
	case 2, 3, 4, 5, 7, 8, 9:
		switch string(b) {
		case "NA", "NaN", "nan", "NULL", "null", "None", "N/A", "n/a", "NaT", "#NA", "#N/A", "<NA>", "-nan", "-NaN", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN", "#N/A N/A":
			return true
		}
	}
	return false
}

// parseRow reads the fields of a record by a layout. Its error names the column;
// whatever it says, nothing was taken from the record.
func (l *layout) parseRow(fields [][]byte, c *clock) (row, error) {
	nan := math.NaN()
	r := row{submit: NoTime, submitLate: NoTime, completion: NoTime, completionLate: NoTime, wait: nan, exec: nan, nodes: nan, cores: nan, gpus: nan}
	if len(fields) != len(l.columns) {
		return r, fmt.Errorf("%d fields under a header of %d columns", len(fields), len(l.columns))
	}
	r.hasConfig = l.has[colConfig]
	for i, col := range l.columns {
		b := fields[i]
		if col == colIgnored {
			continue
		}
		switch col {
		case colError, colTaskID, colStatus, colEngine, colRequested: // texts count as they stand
		default:
			b = bytes.TrimSpace(b)
		}
		if err := r.set(l, i, b, c); err != nil {
			return r, fmt.Errorf("%s: %w", l.names[i], err)
		}
	}
	r.settle()
	return r, nil
}

func (r *row) set(l *layout, i int, b []byte, c *clock) (err error) {
	switch l.columns[i] {
	case colTaskID:
		r.id = b[:min(len(b), maxID)]
	case colSubmit:
		r.submit, r.submitLate, err = parseTime(b, l.epoch[i], l.scale[i], c)
	case colCompletion:
		r.completion, r.completionLate, err = parseTime(b, l.epoch[i], l.scale[i], c)
	case colWait:
		r.wait, err = parseSeconds(b, l.scale[i])
	case colExec:
		r.exec, err = parseSeconds(b, l.scale[i])
	case colStaging:
		r.staging, err = parseSeconds(b, l.scale[i])
	case colInputBytes:
		var f float64
		if f, err = parseNumber(b); err == nil && f > 0 {
			r.inputBytes = int64(min(f, 1<<62))
		}
	case colStatus:
		return r.setStatus(b)
	case colError:
		r.err = b
	case colRequested:
		r.requested = b
	case colConfig:
		r.config = b
	case colEngine:
		r.engine = b
	case colNodes:
		r.nodes, err = parseNumber(b)
		r.decimalNodes = bytes.IndexByte(b, '.') >= 0
	case colCores:
		r.cores, err = parseNumber(b)
		r.decimalCores = bytes.IndexByte(b, '.') >= 0
	case colGPUs:
		r.gpus, err = parseNumber(b)
	}
	return err
}

func (r *row) setStatus(b []byte) error {
	switch {
	case string(b) == "SUCCESS":
		r.status = StatusSuccess
	case string(b) == "FAILED":
		r.status = StatusFailed
	case absent(b):
		r.status = StatusMissing
	case len(b) > 40 || !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0:
		return errors.New("not a status")
	default:
		r.status, r.statusText = StatusOther, string(b)
	}
	return nil
}

func parseTime(b []byte, epoch bool, scale float64, c *clock) (first, second int64, err error) {
	if absent(b) {
		return NoTime, NoTime, nil
	}
	if epoch {
		f, err := parseNumber(b)
		if err != nil || math.IsNaN(f) || math.Abs(f*scale) > 9e9 {
			return NoTime, NoTime, errors.New("not a number of seconds since 1970")
		}
		whole, part := math.Modf(f * scale) // apart, for the digits after the point
		t := int64(whole)*1e9 + seconds(part)
		return t, t, nil
	}
	s, err := parseStamp(b)
	if err != nil {
		return NoTime, NoTime, fmt.Errorf("%s: %w", excerpt(b), err)
	}
	return c.instants(s)
}

func parseSeconds(b []byte, scale float64) (float64, error) {
	f, err := parseNumber(b)
	if scale != 1 {
		f *= scale
	}
	return f, err
}

// parseNumber reads a decimal number; NaN where the field is missing. Infinities,
// hexadecimal and decimal commas are not numbers here.
func parseNumber(b []byte) (float64, error) {
	if absent(b) {
		return math.NaN(), nil
	}
	for _, ch := range b {
		if (ch < '0' || ch > '9') && ch != '.' && ch != '-' && ch != '+' && ch != 'e' && ch != 'E' {
			return math.NaN(), fmt.Errorf("%s is not a number", excerpt(b))
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return math.NaN(), fmt.Errorf("%s is not a number", excerpt(b))
	}
	return f, nil
}

// excerpt quotes the beginning of a field for a message.
func excerpt(b []byte) string {
	if len(b) > 40 {
		return strconv.Quote(string(b[:40])) + "..."
	}
	return strconv.Quote(string(b))
}

// residual is completion - (submit + wait + execution) in seconds.
func (r *row) residual() (float64, bool) { return r.residualOf(r.submit, r.completion) }

func (r *row) residualOf(submit, completion int64) (float64, bool) {
	if submit == NoTime || completion == NoTime || math.IsNaN(r.wait) || math.IsNaN(r.exec) {
		return 0, false
	}
	return float64(completion-submit)/1e9 - r.wait - r.exec, true
}

// settle chooses between two readings of a time when clocks are set back: the pair
// that the durations fit best, the earlier where they cannot tell.
func (r *row) settle() {
	if r.submitLate == r.submit && r.completionLate == r.completion {
		return
	}
	best, found := math.Inf(1), false
	submit, completion := r.submit, r.completion
	for _, s := range slices.Compact([]int64{r.submit, r.submitLate}) {
		for _, e := range slices.Compact([]int64{r.completion, r.completionLate}) {
			if res, ok := r.residualOf(s, e); ok && math.Abs(res) < best-identityTolerance.Seconds() {
				best, submit, completion, found = math.Abs(res), s, e, true
			}
		}
	}
	if found {
		r.submit, r.completion = submit, completion
	}
}

// plausible says whether a row on its own looks like a whole record: both times
// and the execution are there, and the durations add up.
func (r *row) plausible() bool {
	res, ok := r.residual()
	return ok && math.Abs(res) <= time.Minute.Seconds()
}
