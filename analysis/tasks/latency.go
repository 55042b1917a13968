package tasks

import (
	"fmt"
	"math"
	"slices"

	"nodemeter/analysis/stat"
)

// Latency is how long tasks waited and ran, successful and failed apart.
type Latency struct {
	Configs []ConfigLatency `json:"configurations"`
	Notes   []string        `json:"notes,omitempty"`
}

// ConfigLatency is one configuration; all durations are seconds.
type ConfigLatency struct {
	Shape
	// Successful tasks, or all of them where the file has no status.
	Tasks int          `json:"tasks"`
	Exec  Distribution `json:"execution"`
	Wait  Distribution `json:"wait"`
	Total Distribution `json:"total"` // wait plus execution, of each task
	// Staging is null where it was never measured, as in every file of QTau.
	Staging *Distribution `json:"staging,omitempty"`
	// Failed describes the execution of failed tasks.
	Failed *Distribution `json:"failed_execution,omitempty"`
	// WaitShare is mean wait over mean total: means add up, medians do not.
	WaitShare Number `json:"wait_share"`
	// StackedMedians is median wait plus median execution, which the notebook draws as
	// if it were the median total.
	StackedMedians Number    `json:"stacked_medians"`
	Slowest        []TaskRef `json:"slowest"`
}

// TaskRef points at one task of a file.
type TaskRef struct {
	Task string `json:"task_id"`
	File string `json:"file"`
	Line int    `json:"line"`
	Exec Number `json:"execution_seconds"`
	Wait Number `json:"wait_seconds"`
}

// Distribution describes durations in seconds. Missing counts tasks without one.
type Distribution struct {
	N           int               `json:"n"`
	Missing     int               `json:"missing,omitempty"`
	Mean        Number            `json:"mean"`
	Std         Number            `json:"std"`
	Min         Number            `json:"min"`
	Max         Number            `json:"max"`
	Percentiles []PercentileValue `json:"percentiles"`
	Box         NotebookBox       `json:"box"`
}

// PercentileValue is a percentile with its 95 % interval by order statistics. Where
// the sample is too small to have an interval, the value is still the notebook's, and
// Unsure says that it rests on a handful of the largest tasks.
type PercentileValue struct {
	P      float64 `json:"p"`
	Value  Number  `json:"value"`
	Low    Number  `json:"low"`
	High   Number  `json:"high"`
	Unsure bool    `json:"unsure,omitempty"`
}

// At is the value of the p-th percentile, null where it is not among them.
func (d *Distribution) At(p float64) Number {
	for _, v := range d.Percentiles {
		if v.P == p {
			return v.Value
		}
	}
	return none()
}

// NewLatency measures every configuration.
func NewLatency(s *Set) Latency { return s.latency() }

func (s *Set) newLatency() Latency {
	var l Latency
	unsure := map[float64]bool{}
	for _, c := range s.Configs {
		cl := s.configLatency(c)
		for _, p := range cl.Exec.Percentiles {
			unsure[p.P] = unsure[p.P] || p.Unsure && known(p.Value)
		}
		l.Configs = append(l.Configs, cl)
	}
	for _, p := range Percentiles() {
		if unsure[p] {
			l.Notes = append(l.Notes, fmt.Sprintf("~ marks a percentile without an interval: it rests on too few tasks (P%g needs at least %d)", p, leastFor(p)))
			break
		}
	}
	return l
}

// leastFor is the fewest numbers with which the p-th percentile has a 95 % interval:
// both 1-q^n and 1-(1-q)^n must reach 97.5 %.
func leastFor(p float64) int {
	q := max(p, 100-p) / 100
	return int(math.Ceil(math.Log(0.025) / math.Log(q)))
}

func (s *Set) configLatency(c *Config) ConfigLatency {
	ok := s.where(c.Rows, StatusSuccess)
	failed := s.where(c.Rows, StatusFailed)
	if len(ok) == 0 && len(failed) == 0 {
		ok = c.Rows
	}
	l := ConfigLatency{
		Shape: c.shape(), Tasks: len(ok),
		Exec: newDistribution(pick(s.Exec, ok)), Wait: newDistribution(pick(s.Wait, ok)), Total: newDistribution(s.totals(ok)),
		Slowest: s.slowest(ok, 5),
	}
	l.WaitShare = l.Wait.Mean / l.Total.Mean
	l.StackedMedians = l.Wait.At(50) + l.Exec.At(50)
	if s.Staging != nil {
		d := newDistribution(pick(s.Staging, ok))
		l.Staging = &d
	}
	if len(failed) > 0 {
		d := newDistribution(pick(s.Exec, failed))
		l.Failed = &d
	}
	return l
}

func newDistribution(xs []float64) Distribution {
	sample, missing := stat.Finite(xs)
	d := Distribution{
		N: sample.N(), Missing: missing, Mean: Number(sample.Mean()), Std: Number(sample.Std()),
		Min: Number(sample.Min()), Max: Number(sample.Max()),
	}
	for _, p := range Percentiles() {
		i, ok := sample.PercentileInterval(p)
		d.Percentiles = append(d.Percentiles, PercentileValue{P: p, Value: Number(sample.Percentile(p)), Low: Number(i.Low), High: Number(i.High), Unsure: !ok})
	}
	b := sample.Box()
	d.Box = NotebookBox{
		N: b.N, Low: Number(b.WhiskerLow), Q1: Number(b.Q1), Median: Number(b.Median), Q3: Number(b.Q3), High: Number(b.WhiskerHigh),
		IQR: Number(b.Interquartile), Mean: Number(b.Mean), Count: len(b.Outliers), Outliers: numbers(farthest(b.Outliers)), NaN: missing,
	}
	return d
}

// farthest keeps the 200 outliers at the ends: more cannot be drawn apart.
func farthest(outliers []float64) []float64 {
	const keep = 100
	if len(outliers) <= 2*keep {
		return outliers
	}
	return slices.Concat(outliers[:keep], outliers[len(outliers)-keep:])
}

// slowest are the n tasks with the longest execution.
func (s *Set) slowest(rows []int32, n int) []TaskRef {
	var top []int32
	for _, r := range rows {
		if math.IsNaN(s.Exec[r]) || len(top) == n && s.Exec[r] <= s.Exec[top[n-1]] {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, s.Exec[r], func(a int32, x float64) int { return compareFloats(x, s.Exec[a]) })
		top = slices.Insert(top, at, r)
		top = top[:min(len(top), n)]
	}
	var out []TaskRef
	for _, r := range top {
		out = append(out, TaskRef{Task: s.ID(int(r)), File: s.Files[s.File[r]].Path, Line: int(s.Line[r]), Exec: Number(s.Exec[r]), Wait: Number(s.Wait[r])})
	}
	return out
}
