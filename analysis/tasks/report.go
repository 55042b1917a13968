package tasks

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// keptRejects bounds how many rejected records a FileReport lists; all are counted.
const keptRejects = 100

// Reject is one record that was not taken, and why.
type Reject struct {
	Line   int    `json:"line"`  // its first line, from 1
	Lines  int    `json:"lines"` // how many lines it spans
	Reason string `json:"reason"`
}

// FileReport says what a file held and what was left out of it.
type FileReport struct {
	Path     string `json:"path"`
	Rows     int    `json:"rows"`
	Rejected int    `json:"rejected"`
	// Rejects lists the first 100 of them, in file order.
	Rejects []Reject `json:"rejects,omitempty"`
	// Partial says that the file ends inside a record: normal while a run is live.
	Partial bool `json:"partial,omitempty"`
	// Headers counts header lines, Layouts names what they are, in order of appearance.
	Headers int      `json:"headers"`
	Layouts []string `json:"layouts"`
	Ignored []string `json:"ignored_columns,omitempty"`
	// NaiveTimes counts times without a zone; Zone is what they were read in.
	NaiveTimes int      `json:"naive_times"`
	Zone       string   `json:"zone,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`

	checked, off  int
	worst         float64
	worstLine     int
	negativeWaits int
	negativeExecs int
	withoutID     int
	missing       map[string]int
	unknownStatus map[string]int
}

// identityTolerance is how far completion may lie from submit + wait + execution:
// the published files keep within 17 us, and 4-decimal rounding adds 50 us.
const identityTolerance = 2 * time.Millisecond

func (f *FileReport) reject(rec record, reason string) {
	f.Rejected++
	if len(f.Rejects) < keptRejects {
		f.Rejects = append(f.Rejects, Reject{Line: rec.line, Lines: max(1, len(rec.lines)), Reason: reason})
	}
}

// keepsIdentity says whether the rows so far hold completion = submit + wait +
// execution well enough to test a doubtful one by it.
func (f *FileReport) keepsIdentity() bool { return f.off*10 <= f.checked }

// note counts what is odd, but not wrong, about an accepted row.
func (f *FileReport) note(r *row) {
	if res, ok := r.residual(); ok {
		f.checked++
		if math.Abs(res) > identityTolerance.Seconds() {
			f.off++
			if math.Abs(res) > math.Abs(f.worst) {
				f.worst, f.worstLine = res, r.line
			}
		}
	}
	if r.wait < 0 {
		f.negativeWaits++
	}
	if r.exec < 0 {
		f.negativeExecs++
	}
	if r.status == StatusOther {
		text := r.statusText
		if _, ok := f.unknownStatus[text]; !ok && len(f.unknownStatus) >= 20 {
			text = "others"
		}
		f.unknownStatus[text]++
	}
	for _, m := range []struct {
		name   string
		absent bool
	}{
		{"execution_secs", math.IsNaN(r.exec)}, {"wait_time_secs", math.IsNaN(r.wait)},
		{"submit_time", r.submit == NoTime}, {"completion_time", r.completion == NoTime},
		{"status", r.status == StatusMissing},
	} {
		if m.absent {
			f.missing[m.name]++
		}
	}
}

// finish turns the counts into warnings.
func (f *FileReport) finish(c *clock) {
	f.NaiveTimes = c.naive
	if c.naive > 0 {
		f.Zone = c.zone.String()
	}
	warn := func(n int, format string, args ...any) {
		if n > 0 {
			f.Warnings = append(f.Warnings, fmt.Sprintf(format, args...))
		}
	}
	warn(f.off, "%d of %d tasks: completion is not submit + wait + execution, by up to %.6g s (line %d): a clock step, a time zone or two clocks", f.off, f.checked, f.worst, f.worstLine)
	warn(f.negativeWaits, "%s began before submission (negative wait): the clocks of driver and worker disagree", countNoun(f.negativeWaits, "task"))
	warn(f.negativeExecs, "%s with a negative execution time: the clock was set back meanwhile", countNoun(f.negativeExecs, "task"))
	warn(c.ambiguous, "%s that occur twice in %s, when clocks are set back (first: %s); the durations decide where they can, otherwise the earlier is taken", countNoun(c.ambiguous, "time"), c.zone, c.firstTwice)
	for _, name := range []string{"execution_secs", "wait_time_secs", "submit_time", "completion_time", "status"} {
		warn(f.missing[name], "%d of %s without %s", f.missing[name], countNoun(f.Rows, "task"), name)
	}
	warn(len(f.unknownStatus), "status other than SUCCESS and FAILED, counted as neither: %s", countsText(f.unknownStatus))
	if f.Rows == 0 && f.Rejected == 0 {
		warn(1, "no tasks: a header and nothing else, as when no task has finished")
	}
}

func countsText(counts map[string]int) string {
	var parts []string
	for _, k := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%q %d", k, counts[k]))
	}
	return strings.Join(parts, ", ")
}
