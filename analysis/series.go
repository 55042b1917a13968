package analysis

import (
	"math"
	"time"

	"nodemeter/collector/metric"
)

// Grid is a row of equal time bins, aligned to wall-clock multiples of Width
// where the input is.
type Grid struct {
	From  time.Time
	Width time.Duration
	Bins  int
}

// Time is the start of bin i.
func (g Grid) Time(i int) time.Time { return g.From.Add(time.Duration(i) * g.Width) }

// To is the end of the last bin.
func (g Grid) To() time.Time { return g.Time(g.Bins) }

// Series is one column of one entity over a Grid, one slot a bin. A bin without
// samples is a gap: NaN in Mean, Min and Max, zero in Samples. It is never
// joined or filled.
type Series struct {
	Entity  Entity
	Column  string
	Unit    metric.Unit // what the numbers are; of a counter's column, per second
	Mean    []float64   // weighted by the time each sample covers
	Min     []float64
	Max     []float64
	Samples []int32
}

// Average is the mean over series that have a value in a bin, each weighing the
// same, with the smallest minimum and largest maximum: the bold line and the
// band of the notebook's first panel. It returns nil for no series.
func Average(series []*Series) *Series {
	if len(series) == 0 {
		return nil
	}
	n := len(series[0].Mean)
	out := newSeries(Entity{Worker: "average"}, series[0].Column, series[0].Unit, n)
	for i := range n {
		sum, count := 0.0, 0
		for _, s := range series {
			if math.IsNaN(s.Mean[i]) {
				continue
			}
			sum += s.Mean[i]
			count++
			out.Samples[i] += s.Samples[i]
			// math.Min would give NaN for the gap that out starts with.
			if !(out.Min[i] <= s.Min[i]) {
				out.Min[i] = s.Min[i]
			}
			if !(out.Max[i] >= s.Max[i]) {
				out.Max[i] = s.Max[i]
			}
		}
		if count > 0 {
			out.Mean[i] = sum / float64(count)
		}
	}
	return out
}

func newSeries(e Entity, column string, unit metric.Unit, n int) *Series {
	s := &Series{Entity: e, Column: column, Unit: unit, Mean: make([]float64, n), Min: make([]float64, n), Max: make([]float64, n), Samples: make([]int32, n)}
	for i := range n {
		s.Mean[i], s.Min[i], s.Max[i] = math.NaN(), math.NaN(), math.NaN()
	}
	return s
}

// binned collects a series without knowing how long it will be: bins start one
// interval wide, and when there are too many, pairs of them become one.
type binned struct {
	width int64 // nanoseconds
	first int64 // number of cells[0]: its time is first*width
	cells []cell
	// The cell added to last, and the times it holds: most values follow each other.
	last     int
	from, to int64
}

type cell struct {
	sum, weight float64
	min, max    float64
	n           int32
}

func (c *cell) add(o cell) {
	switch {
	case o.n == 0:
		return
	case c.n == 0:
		*c = o
		return
	}
	c.sum += o.sum
	c.weight += o.weight
	c.min, c.max = min(c.min, o.min), max(c.max, o.max)
	c.n += o.n
}

// one adds one value.
func (c *cell) one(v, weight float64) {
	if c.n == 0 {
		*c = cell{v * weight, weight, v, v, 1}
		return
	}
	c.sum += v * weight
	c.weight += weight
	if v < c.min {
		c.min = v
	}
	if v > c.max {
		c.max = v
	}
	c.n++
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// add puts a value at time t. Times may come in any order; limit is the
// greatest number of cells.
func (b *binned) add(t int64, v, weight float64, limit int) {
	if t >= b.from && t < b.to {
		b.cells[b.last].one(v, weight)
		return
	}
	at := floorDiv(t, b.width)
	if len(b.cells) == 0 {
		b.first = at
	}
	for at-b.first >= int64(limit) || b.first+int64(len(b.cells))-at > int64(limit) {
		b.coarsen()
		at = floorDiv(t, b.width)
	}
	b.reach(at)
	b.last, b.from, b.to = int(at-b.first), at*b.width, (at+1)*b.width
	b.cells[b.last].one(v, weight)
}

// reach makes cells exist up to number at, or down to it.
func (b *binned) reach(at int64) {
	if at < b.first {
		b.cells = append(make([]cell, b.first-at, int64(len(b.cells))+b.first-at), b.cells...)
		b.first = at
	}
	for int64(len(b.cells)) <= at-b.first {
		b.cells = append(b.cells, cell{})
	}
}

// coarsen doubles the width.
func (b *binned) coarsen() {
	first := floorDiv(b.first, 2)
	n := 0
	for i, c := range b.cells {
		j := int(floorDiv(b.first+int64(i), 2) - first)
		if j == n {
			b.cells[j], n = cell{}, n+1
		}
		b.cells[j].add(c)
	}
	b.cells, b.first, b.width = b.cells[:n], first, b.width*2
}

// onto writes the cells into a series over a grid at least as coarse.
func (b *binned) onto(g Grid, s *Series) {
	from, width := g.From.UnixNano(), int64(g.Width)
	merged := make([]cell, g.Bins)
	for i, c := range b.cells {
		at := floorDiv((b.first+int64(i))*b.width-from, width)
		if at >= 0 && at < int64(g.Bins) {
			merged[at].add(c)
		}
	}
	for i, c := range merged {
		if c.n == 0 {
			continue
		}
		s.Mean[i], s.Min[i], s.Max[i], s.Samples[i] = c.sum/c.weight, c.min, c.max, c.n
	}
}
