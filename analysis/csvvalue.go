package analysis

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The instants that nanoseconds in an int64 can tell apart, with room to spare.
var (
	firstInstant = time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(2250, 1, 1, 0, 0, 0, 0, time.UTC)
)

// parseTimestamp reads what pandas writes: ISO 8601 with T or a space, with or
// without a zone. Without one, the time is in zone, and local is true.
func parseTimestamp(s string, zone *time.Location) (t time.Time, local bool, err error) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02 15:04:05Z07:00"} {
		if t, err = time.Parse(layout, s); err == nil {
			break
		}
	}
	for _, layout := range [...]string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
		if err == nil {
			break
		}
		t, err = time.ParseInLocation(layout, s, zone)
		local = err == nil
	}
	if err != nil {
		return t, false, rowErrorf("timestamp %s: want 2026-01-31T12:00:00Z, or the same without a zone", Escape(s))
	}
	if t.Before(firstInstant) || t.After(lastInstant) {
		return t, false, rowErrorf("timestamp %s: out of range", Escape(s))
	}
	return t, local, nil
}

// utilization reads one number of a utilization column. Percent is refused:
// every figure would be a hundred times too large.
func utilization(column int, s string) (float64, error) {
	v, err := number(s)
	name := FrameColumns[column]
	switch {
	case err != nil || math.IsInf(v, 0):
		return 0, rowErrorf("%s %s: want a number", name, Escape(s))
	case v < 0:
		return 0, rowErrorf("%s %s: a negative utilization", name, Escape(s))
	case column != networkColumn && v > 1+1e-9:
		return 0, fmt.Errorf("%s is %s: want a fraction of 1; this looks like percent: divide the utilization columns by 100", name, Escape(s))
	}
	return v, nil
}

// number reads a number; pandas' spellings of a missing one give NaN.
func number(s string) (float64, error) {
	switch s = strings.TrimSpace(s); s {
	case "", "NaN", "nan", "-NaN", "-nan", "NA", "N/A", "n/a", "<NA>", "#NA", "#N/A", "#N/A N/A", "null", "NULL", "None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN":
		return math.NaN(), nil
	}
	if strings.ContainsAny(s, "_xX") { // Go's own spellings of numbers, which no CSV means
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}
