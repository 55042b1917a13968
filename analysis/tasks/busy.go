package tasks

import (
	"math"
	"slices"
	"time"
)

// Occupancy says when tasks of one configuration were there.
type Occupancy struct {
	// Span is seconds from the first submission to the last end, gaps included.
	Span Number `json:"span_seconds"`
	// Busy is the seconds in which at least one task was waiting or running. Two
	// batches an hour apart have a Span of an hour and a Busy of their own lengths.
	Busy Number `json:"busy_seconds"`
	// Running is the seconds in which at least one task was running.
	Running Number `json:"running_seconds"`
	// Batches is how many separate stretches Busy has, gaps of less than a second
	// not counted.
	Batches int `json:"batches"`
	// Peak and Mean are tasks running at once; Mean over Running.
	Peak int    `json:"peak_running"`
	Mean Number `json:"mean_running"`
	// IdleShare is the part of Span in which no task ran.
	IdleShare Number `json:"idle_share"`
	// Untimed counts tasks without the times this needs.
	Untimed int `json:"untimed_tasks,omitempty"`
}

// Stretch is a stretch of time, nanoseconds since the Unix epoch.
type Stretch struct{ From, To int64 }

// Occupied measures when the tasks in rows were waiting and running.
func (s *Set) Occupied(rows []int32) Occupancy {
	there, running := make([]Stretch, 0, len(rows)), make([]Stretch, 0, len(rows))
	o := Occupancy{Span: none(), Busy: none(), Running: none(), Mean: none(), IdleShare: none()}
	total := 0.0
	for _, r := range rows {
		end, ok := s.End(int(r))
		if !ok || s.Submit[r] == NoTime {
			o.Untimed++
			continue
		}
		start, ok := s.Start(int(r))
		if !ok {
			start = end - seconds(max(0, zeroIfNaN(s.Exec[r])))
		}
		there = append(there, Stretch{min(s.Submit[r], start), end})
		running = append(running, Stretch{start, max(end, start)})
		total += float64(max(end, start)-start) / 1e9
	}
	if len(there) == 0 {
		return o
	}
	o.Peak = peak(running)
	there, running = union(there, int64(time.Second)), union(running, 0)
	o.Batches = len(there)
	o.Span = Number(float64(there[len(there)-1].To-there[0].From) / 1e9)
	o.Running = lengthOf(running)
	o.Busy = lengthOf(there)
	if o.Running > 0 {
		o.Mean = Number(total) / o.Running
	}
	if o.Span > 0 {
		o.IdleShare = 1 - o.Running/o.Span
	}
	return o
}

func zeroIfNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

// union sorts and merges stretches that overlap or lie within gap of each other.
func union(in []Stretch, gap int64) []Stretch {
	slices.SortFunc(in, func(a, b Stretch) int { return compareInts(a.From, b.From) })
	out := in[:0]
	for _, s := range in {
		if n := len(out); n > 0 && s.From <= out[n-1].To+gap {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func lengthOf(stretches []Stretch) Number {
	total := int64(0)
	for _, s := range stretches {
		total += s.To - s.From
	}
	return Number(float64(total) / 1e9)
}

// peak is the most stretches at one instant; one that ends as another begins does
// not overlap it.
func peak(in []Stretch) int {
	starts, ends := make([]int64, len(in)), make([]int64, len(in))
	for i, s := range in {
		starts[i], ends[i] = s.From, s.To
	}
	slices.Sort(starts)
	slices.Sort(ends)
	most, j := 0, 0
	for i, t := range starts {
		for j < len(ends) && ends[j] <= t && j < i {
			j++
		}
		most = max(most, i-j+1)
	}
	return most
}

// Timeline is how many tasks ran over time, as means over equal bins.
type Timeline struct {
	From time.Time `json:"from"`
	Bin  float64   `json:"bin_seconds"`
	// Running is the mean number of tasks running in each bin, Waiting of those
	// submitted and not yet started.
	Running []float64 `json:"running"`
	Waiting []float64 `json:"waiting"`
}

// NewTimeline counts the tasks in rows over bins equal parts of their span; nil where
// no task has the times it needs.
func NewTimeline(s *Set, rows []int32, bins int) *Timeline {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, r := range rows {
		if end, ok := s.End(int(r)); ok && s.Submit[r] != NoTime {
			first, last = min(first, s.Submit[r]), max(last, end)
		}
	}
	if first >= last || bins < 1 {
		return nil
	}
	width := float64(last-first) / float64(bins)
	t := &Timeline{From: time.Unix(0, first).UTC(), Bin: width / 1e9, Running: make([]float64, bins), Waiting: make([]float64, bins)}
	for _, r := range rows {
		start, okStart := s.Start(int(r))
		end, okEnd := s.End(int(r))
		if !okStart || !okEnd {
			continue
		}
		spread(t.Waiting, float64(s.Submit[r]-first)/width, float64(start-first)/width)
		spread(t.Running, float64(start-first)/width, float64(end-first)/width)
	}
	return t
}

// spread adds the part of each bin that [from, to) covers, in units of bins.
func spread(bins []float64, from, to float64) {
	from, to = max(from, 0), min(to, float64(len(bins)))
	for i := int(from); i < len(bins) && float64(i) < to; i++ {
		bins[i] += min(to, float64(i+1)) - max(from, float64(i))
	}
}
