package analysis

import (
	"cmp"
	"math"
	"slices"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// frameFields describe the notebook's columns.
var frameFields = [4]window.Field{
	{Column: "cpu_util", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Help: "CPU utilization."},
	{Column: "memory_util", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Help: "Memory utilization."},
	{Column: "gpu_util", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Help: "GPU utilization."},
	{Column: "network_mbps", Unit: metric.Mbps, Kind: metric.Gauge, Type: metric.TypeFloat, Help: "Network, 10^6 bit/s."},
}

// frameChunks is a Frame as one chunk a worker.
type frameChunks struct {
	chunks   []*window.Chunk
	interval time.Duration // the sampling interval; 0 where no worker has two rows
	// duplicates counts rows removed because another row of the same worker and
	// time was the same; conflicts those whose numbers differed, in which case
	// the mean of them is used, as the notebook's heatmap does.
	duplicates, conflicts int64
	conflictLine          int32
	// snapped counts rows moved onto the sampling grid, by at most half an interval.
	snapped int64
}

// Chunks returns one chunk a worker, rows in ascending time, duplicates removed,
// jitter between workers removed by moving rows onto the common sampling grid.
func (f *Frame) Chunks() *frameChunks {
	rows := make([][]int32, len(f.Names))
	for i, w := range f.Worker {
		rows[w] = append(rows[w], int32(i))
	}
	for w := range rows {
		slices.SortStableFunc(rows[w], func(a, b int32) int { return cmp.Compare(f.Time[a], f.Time[b]) })
	}
	out := &frameChunks{interval: f.interval(rows)}
	first := int64(0)
	if f.Len() > 0 {
		first = slices.Min(f.Time)
	}
	for w, name := range f.Names {
		c := f.chunk(name, rows[w], out)
		out.snap(c, first)
		out.chunks = append(out.chunks, c)
		rows[w] = nil
	}
	return out
}

// interval is the median distance of successive rows of a worker, rounded to a
// millisecond where that changes it by less than a hundredth.
func (f *Frame) interval(rows [][]int32) time.Duration {
	var d []int64
	const enough = 1 << 20
	for _, r := range rows {
		for i := 1; i < len(r) && len(d) < enough; i++ {
			if step := f.Time[r[i]] - f.Time[r[i-1]]; step > 0 {
				d = append(d, step)
			}
		}
	}
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	m := time.Duration(d[len(d)/2])
	if r := m.Round(time.Millisecond); r > 0 && (r-m).Abs() < m/100 {
		return r
	}
	return m
}

// chunk makes the chunk of one worker from its rows in order of time.
func (f *Frame) chunk(name string, rows []int32, out *frameChunks) *window.Chunk {
	c := &window.Chunk{Node: name, Kind: metric.Node, ID: name, Worker: name}
	var columns []int
	for i := range f.Values {
		if f.Values[i] != nil {
			columns = append(columns, i)
			c.Columns = append(c.Columns, window.Column{Field: &frameFields[i]})
		}
	}
	for i := 0; i < len(rows); {
		j := i + 1
		for j < len(rows) && f.Time[rows[j]] == f.Time[rows[i]] {
			j++
		}
		f.countRepeats(rows[i:j], out)
		c.Time = append(c.Time, f.Time[rows[i]])
		if f.Interval != nil {
			interval := f.Interval[rows[i]]
			if math.IsNaN(interval) {
				interval = 0
			}
			c.Interval = append(c.Interval, interval)
		}
		for k, column := range columns {
			v := f.Values[column][rows[i]]
			if j > i+1 {
				var m rowMean
				for _, r := range rows[i:j] {
					m.add(f.Values[column][r])
				}
				v = float64(m.mean())
			}
			c.Columns[k].Float = append(c.Columns[k].Float, v)
		}
		i = j
	}
	for k := range c.Columns {
		markMissing(&c.Columns[k])
	}
	return c
}

func (f *Frame) countRepeats(rows []int32, out *frameChunks) {
	for _, r := range rows[1:] {
		same := true
		for c := range f.Values {
			a, b := f.value(c, int(rows[0])), f.value(c, int(r))
			same = same && (a == b || math.IsNaN(a) && math.IsNaN(b))
		}
		if same {
			out.duplicates++
			continue
		}
		out.conflicts++
		if out.conflictLine == 0 && f.Line != nil {
			out.conflictLine = f.Line[r]
		}
	}
}

// markMissing turns NaN into "no value".
func markMissing(c *window.Column) {
	for i, v := range c.Float {
		if !math.IsNaN(v) {
			continue
		}
		if c.Valid == nil {
			c.Valid = make([]bool, len(c.Float))
			for j := range c.Valid {
				c.Valid[j] = true
			}
		}
		c.Valid[i] = false
	}
}

// snap moves rows to the nearest point of the grid that starts at the first row
// of all workers, so that workers sampled 10 ms apart share their points in
// time. A row stays where it is when its point is taken.
func (out *frameChunks) snap(c *window.Chunk, first int64) {
	step := int64(out.interval)
	if step <= 0 {
		return
	}
	for i, t := range c.Time {
		at := first + floorDiv(t-first+step/2, step)*step
		if at == t || i > 0 && c.Time[i-1] >= at || i+1 < len(c.Time) && c.Time[i+1] <= at {
			continue
		}
		c.Time[i] = at
		out.snapped++
	}
}
