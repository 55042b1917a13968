// Package tasks reads what a workload manager wrote about its tasks (QTau's and
// pilot-quantum's metrics.csv, the benchmarking notebook's columns, any CSV by a
// column map) and computes throughput, latency, comparisons and scaling from it:
// first the notebook's own figures to the letter (the Notebook types), then the
// mended ones.
//
// Data flows one way: files and a Manifest become a Set (columns, one slot a
// task), a Set has Configs, and each analysis is a function of a Set that returns
// a plain struct with JSON tags. Nothing here runs concurrently; a loaded Set is
// not changed any more and may be read by several goroutines.
package tasks

import (
	"math"
	"time"
)

// Status is how a task ended. Values from StatusOther on are indices into
// Set.Statuses: texts that are neither SUCCESS nor FAILED (RUNNING, empty).
type Status uint8

// The statuses that QTau writes, and the first of the others.
const (
	StatusMissing Status = iota // the column is not there, or empty
	StatusSuccess
	StatusFailed
	StatusOther
)

// NoTime marks an absent time in Set.Submit and Set.Completion.
const NoTime = math.MinInt64

// Set is the tasks of one analysis, columns apart, in file order. All slices
// have one slot a task, Staging excepted.
type Set struct {
	// Submit and Completion are nanoseconds since the Unix epoch; NoTime where absent.
	Submit, Completion []int64
	// Wait and Exec are seconds; NaN where absent.
	Wait, Exec []float64
	// Staging is seconds; nil while every value is zero or absent, as QTau writes it.
	Staging []float64
	Status  []Status
	Group   []int32 // index into Groups
	File    []uint16
	Line    []int32 // first line of the record

	errors   []int32 // index into ErrorTexts
	ids      []byte
	idEnds   []uint32
	requests []uint16 // index into Pilots

	// InputBytes is the sum of input_staging_data_size_bytes.
	InputBytes int64
	// ErrorTexts are the distinct error messages, the first empty; long ones are cut.
	ErrorTexts []string
	// Pilots are the distinct values of qtau_scheduled: what was asked for, not where
	// the task ran.
	Pilots   []string
	Statuses []string
	Groups   []Group
	Configs  []*Config
	Files    []*FileReport

	numericIDs              bool
	floatNodes, floatCores  bool
	withoutConfig           int
	internErrors, internIDs map[string]int
	configIndex             map[string]int

	// Each analysis is computed once, when it is first asked for.
	throughput func() Throughput
	latency    func() Latency
	comparison func() Comparison
}

// Group is one combination of configuration, engine, nodes and cores: what the
// notebook's summary groups by.
type Group struct {
	Config       int // index into Set.Configs; -1 where config_id is missing
	Engine       string
	Nodes, Cores float64 // NaN where unknown
	GPUs         float64
	Rows         int
}

// Config is one configuration. Engine, nodes, cores and GPUs are its first row's,
// as in the notebook.
type Config struct {
	ID     ConfigID
	Label  string // unique within the Set
	Engine string // empty where unknown
	// Nodes, Cores and GPUs are totals over all nodes; NaN where unknown.
	Nodes, Cores, GPUs float64
	// Rows are indices into the Set's columns, in file order.
	Rows []int32
	// Mixed says that rows of one configuration disagree about engine, nodes or cores.
	Mixed bool
}

// Len is the number of tasks.
func (s *Set) Len() int { return len(s.Exec) }

// ID is the task_id of task i. It is not a key: names are reused and retried.
func (s *Set) ID(i int) string {
	from := uint32(0)
	if i > 0 {
		from = s.idEnds[i-1]
	}
	return string(s.ids[from:s.idEnds[i]])
}

// Error is the error message of task i; empty where there is none.
func (s *Set) Error(i int) string { return s.ErrorTexts[s.errors[i]] }

// Requested is the pilot that was asked for ("ANY" for no wish).
func (s *Set) Requested(i int) string { return s.Pilots[s.requests[i]] }

// Total is wait plus execution in seconds, as the notebook defines it; NaN where
// either is absent.
func (s *Set) Total(i int) float64 { return s.Wait[i] + s.Exec[i] }

// Start is when task i began to run: submit plus wait, which is exact in the
// worker's own clock. ok is false where either is absent.
func (s *Set) Start(i int) (ns int64, ok bool) {
	if s.Submit[i] == NoTime || math.IsNaN(s.Wait[i]) {
		return 0, false
	}
	return s.Submit[i] + seconds(s.Wait[i]), true
}

// End is when task i ended: its completion time, or start plus execution.
func (s *Set) End(i int) (ns int64, ok bool) {
	if s.Completion[i] != NoTime {
		return s.Completion[i], true
	}
	start, ok := s.Start(i)
	if !ok || math.IsNaN(s.Exec[i]) {
		return 0, false
	}
	return start + seconds(s.Exec[i]), true
}

// seconds converts a duration in seconds to nanoseconds, within int64.
func seconds(x float64) int64 {
	return int64(math.Round(min(max(x*1e9, -4e18), 4e18)))
}

// Span is from the first submission to the last completion; ok is false where
// one of them is not known.
func (s *Set) Span(rows []int32) (from, to time.Time, ok bool) {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, r := range rows {
		if t := s.Submit[r]; t != NoTime {
			first = min(first, t)
		}
		if t := s.Completion[r]; t != NoTime {
			last = max(last, t)
		}
	}
	if first == math.MaxInt64 || last == NoTime {
		return time.Time{}, time.Time{}, false
	}
	return time.Unix(0, first).UTC(), time.Unix(0, last).UTC(), true
}

// pick gathers one column for some rows.
func pick(column []float64, rows []int32) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = column[r]
	}
	return out
}

// totals is wait plus execution for some rows.
func (s *Set) totals(rows []int32) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = s.Wait[r] + s.Exec[r]
	}
	return out
}

// where returns the rows that have a status.
func (s *Set) where(rows []int32, status Status) []int32 {
	var out []int32
	for _, r := range rows {
		if s.Status[r] == status {
			out = append(out, r)
		}
	}
	return out
}

// count is how many of the rows have a status.
func (s *Set) count(rows []int32, status Status) int {
	n := 0
	for _, r := range rows {
		if s.Status[r] == status {
			n++
		}
	}
	return n
}
