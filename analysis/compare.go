package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"nodemeter/analysis/stat"
	"nodemeter/collector/metric"
)

// Comparison is two recordings side by side.
type Comparison struct {
	A, B        *Result
	Differences []Difference
	Totals      []Total
	// OnlyA and OnlyB are findings that one has and the other has not; NotJudged
	// those that one of them withheld or has no input for.
	OnlyA, OnlyB, NotJudged []string
}

// Difference is how one metric differs: B less A, of the means over time of the
// average over workers (or GPUs).
type Difference struct {
	Column string      `json:"metric"`
	Label  string      `json:"label"`
	Unit   metric.Unit `json:"unit"`
	A      Number      `json:"mean_a"`
	B      Number      `json:"mean_b"`
	Diff   Number      `json:"difference"`
	Low    Number      `json:"low"` // 95 % interval, block bootstrap
	High   Number      `json:"high"`
	// Effect is Vargha and Delaney's A: how probable it is that a sample of B is
	// above one of A; Magnitude its name. HedgesG is in standard deviations.
	Effect    Number  `json:"effect_a"`
	Magnitude string  `json:"magnitude"`
	HedgesG   Number  `json:"hedges_g"`
	BinsA     int     `json:"bins_a"`
	BinsB     int     `json:"bins_b"`
	Stretches float64 `json:"independent_stretches"` // the fewer of both
	// Verdict is "higher", "lower", "none shown" or "withheld", Reason says why or how sure.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
}

// Total is a figure that has no interval: there is one of each.
type Total struct {
	Label string      `json:"label"`
	Unit  metric.Unit `json:"unit"`
	A     Number      `json:"a"`
	B     Number      `json:"b"`
}

// bootstrapDraws and bootstrapSeed make intervals that are the same each time.
const (
	bootstrapDraws = 2000
	bootstrapSeed  = 20260101
)

// Compare sets two recordings side by side. Metrics that one of them lacks are left out.
func Compare(a, b *Result, needs Requires) *Comparison {
	c := &Comparison{A: a, B: b}
	for _, m := range []metricRow{
		{"cpu_util", "CPU"}, {"memory_util", "memory"}, {"gpu_util", "GPU"}, {"network_mbps", "network"},
		{"disk_read_bytes", "disk read"}, {"disk_written_bytes", "disk written"}, {"gpu_power_watts", "GPU power"}, {"pressure_io_some_ratio", "I/O pressure"},
	} {
		if d, ok := compareColumn(a, b, m, needs); ok {
			c.Differences = append(c.Differences, d)
		}
	}
	c.totals()
	c.findings()
	return c
}

// overTime is the average over the entities that carry a column, gaps left
// out, and the lowest coverage among them.
func (r *Result) overTime(column string) (values []float64, unit metric.Unit, coverage float64) {
	var series []*Series
	coverage = math.NaN()
	kind := metric.Node
	if column == "gpu_power_watts" {
		kind = metric.GPU
	}
	for _, e := range r.Entities {
		s, stats := e.Series[column], e.Stats[column]
		if e.Entity.Kind != kind || s == nil || stats == nil {
			continue
		}
		if column == "gpu_util" && r.Inputs.Kind == KindCSV && stats.Max == 0 {
			continue // a CSV writes 0 for no GPU
		}
		series = append(series, s)
		if c := stats.Coverage(); !(coverage <= c) {
			coverage = c
		}
	}
	average := Average(series)
	if average == nil {
		return nil, "", coverage
	}
	for _, v := range average.Mean {
		if !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values, average.Unit, coverage
}

func compareColumn(a, b *Result, m metricRow, needs Requires) (Difference, bool) {
	x, unit, coverA := a.overTime(m.column)
	y, _, coverB := b.overTime(m.column)
	if len(x) == 0 || len(y) == 0 {
		return Difference{}, false
	}
	boot := stat.BlockBootstrap(x, y, bootstrapDraws, bootstrapSeed)
	effect := stat.Effects(y, x)
	d := Difference{
		Column: m.column, Label: m.label, Unit: unit, A: Number(stat.Mean(x)), B: Number(stat.Mean(y)),
		Diff: Number(boot.Difference), Low: Number(boot.Low), High: Number(boot.High),
		Effect: Number(effect.A), Magnitude: stat.Magnitude(effect.A), HedgesG: Number(effect.HedgesG),
		BinsA: len(x), BinsB: len(y), Stretches: min(boot.StretchesX, boot.StretchesY),
	}
	switch {
	case int64(min(len(x), len(y))) < needs.Samples:
		d.Verdict, d.Reason = "withheld", fmt.Sprintf("only %d and %d points in time", len(x), len(y))
	case min(coverA, coverB) < needs.Coverage:
		d.Verdict, d.Reason = "withheld", fmt.Sprintf("coverage only %.1f%% and %.1f%%", 100*coverA, 100*coverB)
	case boot.Low > 0:
		d.Verdict = "higher"
	case boot.High < 0:
		d.Verdict = "lower"
	default:
		d.Verdict = "none shown"
	}
	if d.Verdict != "withheld" && d.Stretches < 10 {
		d.Reason = fmt.Sprintf("rough: about %.0f independent stretches", d.Stretches)
	}
	return d, true
}

func (c *Comparison) totals() {
	add := func(label string, unit metric.Unit, of func(*Result) Number) {
		if a, b := of(c.A), of(c.B); !a.IsNaN() || !b.IsNaN() {
			c.Totals = append(c.Totals, Total{label, unit, a, b})
		}
	}
	add("duration", metric.Seconds, func(r *Result) Number { return Number(r.To.Sub(r.From).Seconds()) })
	add("nodes or workers", metric.Count, func(r *Result) Number { return Number(len(r.Nodes())) })
	add("core-hours used", metric.Count, func(r *Result) Number { return r.Use.CoreHoursUsed })
	add("core-hours", metric.Count, func(r *Result) Number { return r.Use.CoreHours })
	add("GPU-hours used", metric.Count, func(r *Result) Number { return r.Use.GPUHoursUsed })
	add("GPU-hours idle", metric.Count, func(r *Result) Number { return r.Use.GPUHoursIdle })
	add("GPU energy", metric.Joules, func(r *Result) Number { return r.Use.GPUJoules })
	add("memory peak of a node", metric.Bytes, func(r *Result) Number { return r.Use.MemoryPeak })
}

// findings tells which findings one recording has and the other, which was judged too, has not.
func (c *Comparison) findings() {
	verdicts := func(r *Result) map[string]Verdict {
		m := map[string]Verdict{}
		for _, f := range r.Findings {
			m[f.ID] = f.Verdict
		}
		return m
	}
	a, b := verdicts(c.A), verdicts(c.B)
	for _, f := range slices.Concat(c.A.Findings, c.B.Findings) {
		va, vb := a[f.ID], b[f.ID]
		switch {
		case f.Verdict != Found || va == vb:
		case va == Found && vb == Clear:
			c.OnlyA = append(c.OnlyA, f.ID)
		case vb == Found && va == Clear:
			c.OnlyB = append(c.OnlyB, f.ID)
		default:
			c.NotJudged = append(c.NotJudged, f.ID)
		}
	}
}

// Notes are what a reader must know of both recordings.
func (c *Comparison) Notes() []string {
	var notes []string
	for _, x := range []struct {
		name string
		r    *Result
	}{{"A", c.A}, {"B", c.B}} {
		for _, n := range x.r.AllNotes() {
			notes = append(notes, x.name+": "+n)
		}
	}
	if c.A.Interval != c.B.Interval {
		notes = append(notes, fmt.Sprintf("A was sampled every %s, B every %s", FormatDuration(c.A.Interval), FormatDuration(c.B.Interval)))
	}
	return notes
}

// String names the direction and size of a difference, for one line of text.
func (d *Difference) String() string {
	s := cmp.Or(map[string]string{"none shown": "no difference shown"}[d.Verdict], "B "+d.Verdict)
	if d.Verdict == "withheld" {
		return "withheld: " + d.Reason
	}
	if d.Verdict != "none shown" {
		s += ", " + strings.TrimSpace(d.Magnitude+" effect")
	}
	if d.Reason != "" {
		s += " (" + d.Reason + ")"
	}
	return s
}
