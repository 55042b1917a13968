package analysis

import (
	"math"
	"slices"
)

// Frame is the notebook's DataFrame, resource_df: one row a sample, in file
// order, columns apart. The numeric columns hold NaN where a row has no value.
type Frame struct {
	// Names are the distinct worker ids in order of first appearance;
	// Worker indexes it, one entry a row.
	Names  []string
	Worker []int32
	// Time is nanoseconds since the Unix epoch.
	Time []int64
	// Offset is time_offset, in seconds.
	Offset []float64
	// Values are the utilization columns, in the order of FrameColumns:
	// fractions 0-1, the network in 10^6 bit/s. A column the input lacks is nil.
	Values [4][]float64
	// Interval is the real length each row covers, in seconds; nil where the
	// input does not say.
	Interval []float64
	// Line is where each row stands in its file; nil where it was no file.
	Line []int32
	// NoClock is true where the input has time_offset but no timestamp; Time
	// then counts from the epoch.
	NoClock bool
	// LocalClock is true where timestamps carry no zone.
	LocalClock bool
}

// FrameColumns are the notebook's utilization columns, in its order.
var FrameColumns = [4]string{"cpu_util", "memory_util", "gpu_util", "network_mbps"}

// The positions in FrameColumns.
const (
	cpuColumn = iota
	memoryColumn
	gpuColumn
	networkColumn
)

// Len is the number of rows.
func (f *Frame) Len() int { return len(f.Worker) }

// value is a row's value of a column, NaN where there is none.
func (f *Frame) value(column, row int) float64 {
	if f.Values[column] == nil {
		return math.NaN()
	}
	return f.Values[column][row]
}

// fillOffsets computes time_offset where the input has none: seconds since the
// first timestamp.
func (f *Frame) fillOffsets(at csvColumns) {
	if at.offset >= 0 {
		return
	}
	first := slices.Min(f.Time)
	for i, t := range f.Time {
		f.Offset[i] = float64(t-first) / 1e9
	}
}
