package analysis

import (
	"cmp"
	"math"
	"slices"
	"time"

	"nodemeter/collector/window"
)

// frameBuilder collects the rows of nodes as the notebook's DataFrame, and
// gives up beyond frameLimit.
type frameBuilder struct {
	f     Frame
	names map[string]int32
	over  bool
	// interval is that of all windows in nanoseconds: 0 before the first, -1
	// where they differ.
	interval int64
}

// window takes note of a window's interval.
func (b *frameBuilder) window(interval time.Duration) {
	if b.interval == 0 {
		b.interval = int64(interval)
	} else if b.interval != int64(interval) {
		b.interval = -1
	}
}

// offset is time_offset as `nodemeter export` has it: seconds since the first
// row, on the grid of the interval; a last sample taken between two ticks
// counts as the tick that it would have become.
func (b *frameBuilder) offset(since int64) float64 {
	if b.interval > 0 {
		since = (since + b.interval - 1) / b.interval * b.interval
	}
	return float64(since) / 1e9
}

func (b *frameBuilder) add(c *window.Chunk) {
	if b.over || len(b.f.Worker)+c.Len() > frameLimit {
		b.over, b.f = true, Frame{}
		return
	}
	if b.names == nil {
		b.names = map[string]int32{}
	}
	w, ok := b.names[c.Worker]
	if !ok {
		w = int32(len(b.f.Names))
		b.names[c.Worker] = w
		b.f.Names = append(b.f.Names, c.Worker)
	}
	for i, t := range c.Time {
		b.f.Worker, b.f.Time = append(b.f.Worker, w), append(b.f.Time, t)
		seconds := math.NaN()
		if c.Interval != nil && c.Interval[i] > 0 {
			seconds = c.Interval[i]
		}
		b.f.Interval = append(b.f.Interval, seconds)
	}
	for k, name := range FrameColumns {
		col := c.Column(name)
		for i := range c.Time {
			v := math.NaN()
			if col != nil {
				if x, ok := col.At(i); ok {
					v = x
				}
			}
			b.f.Values[k] = append(b.f.Values[k], v)
		}
	}
}

// frame returns the rows as `nodemeter export` writes them: by time, then
// worker, each once; nil if there were none or too many.
func (b *frameBuilder) frame() *Frame {
	if b.over || len(b.f.Worker) == 0 {
		return nil
	}
	in := &b.f
	order := make([]int32, in.Len())
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(x, y int32) int {
		return cmp.Or(cmp.Compare(in.Time[x], in.Time[y]), CompareNames(in.Names[in.Worker[x]], in.Names[in.Worker[y]]))
	})
	order = slices.CompactFunc(order, func(x, y int32) bool { return in.Time[x] == in.Time[y] && in.Worker[x] == in.Worker[y] })
	out := &Frame{}
	renamed := make([]int32, len(in.Names)) // 1 + the number in order of first appearance
	first := in.Time[order[0]]
	for _, row := range order {
		w := in.Worker[row]
		if renamed[w] == 0 {
			out.Names = append(out.Names, in.Names[w])
			renamed[w] = int32(len(out.Names))
		}
		out.Worker, out.Time = append(out.Worker, renamed[w]-1), append(out.Time, in.Time[row])
		out.Offset, out.Interval = append(out.Offset, b.offset(in.Time[row]-first)), append(out.Interval, in.Interval[row])
		for k := range in.Values {
			out.Values[k] = append(out.Values[k], in.Values[k][row])
		}
	}
	return out
}
