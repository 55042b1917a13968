package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"nodemeter/analysis/stat"
)

// Section5 is what section 5 of the notebook computes, figure by figure, in the
// shape in which its pandas figures are kept (testdata/oracle/expected.json).
// It follows pandas to the letter, its defects included: duplicate rows count
// twice, NaN is skipped by means and poisons boxes, rows weigh the same however
// long they lasted, and the GPU mean leaves idle samples out. nodemeter's own
// figures stand beside it in Result.
type Section5 struct {
	Samples          int                     `json:"n_samples"`
	Workers          int                     `json:"n_workers"`
	Offsets          int                     `json:"n_offsets"`
	LineOrder        []string                `json:"worker_line_order"` // file order
	SamplesPerWorker map[string]int          `json:"samples_per_worker"`
	PerWorker        map[string]WorkerMeans  `json:"per_worker_mean_pct"`
	Overall          OverallMeans            `json:"overall"`
	Printed          []string                `json:"printed"`
	AverageCPU       AverageSeries           `json:"avg_cpu_series"`
	Heatmap          NotebookHeatmap         `json:"heatmap"`
	Boxes            map[string]*NotebookBox `json:"boxplot_pct"`
	Extra            NotebookExtra           `json:"extra"`
}

// WorkerMeans are a worker's means, in percent.
type WorkerMeans struct {
	CPU    Number `json:"cpu_util"`
	Memory Number `json:"memory_util"`
	GPU    Number `json:"gpu_util"`
}

// OverallMeans are means over all rows, in percent; the GPU's over rows above 0.
type OverallMeans struct {
	CPU            Number `json:"cpu_mean_pct"`
	Memory         Number `json:"memory_mean_pct"`
	GPUActive      Number `json:"gpu_mean_pct_over_gt0"`
	GPUActiveCount int    `json:"gpu_gt0_count"`
}

// AverageSeries is the bold line of the notebook's first panel: at each
// time_offset the mean over the workers that have a row there.
type AverageSeries struct {
	Offset  []Number `json:"time_offset"`
	Percent []Number `json:"avg_cpu_pct"`
	Present []int    `json:"n_workers_present"`
}

// NotebookHeatmap is the second panel: worker x every tenth time_offset, as fractions.
type NotebookHeatmap struct {
	Rows        []string   `json:"rows"` // lexicographic
	Columns     []Number   `json:"columns"`
	Values      [][]Number `json:"values"`
	Min         Number     `json:"vmin"`
	Max         Number     `json:"vmax"`
	FullColumns int        `json:"full_n_columns"`
}

// NotebookBox is a box of the third panel, in percent, as matplotlib draws it.
type NotebookBox struct {
	N             int      `json:"n"` // rows, NaN among them
	WhiskerLow    Number   `json:"whislo"`
	Q1            Number   `json:"q1"`
	Median        Number   `json:"med"`
	Q3            Number   `json:"q3"`
	WhiskerHigh   Number   `json:"whishi"`
	Interquartile Number   `json:"iqr"`
	Mean          Number   `json:"mean"`
	OutlierCount  int      `json:"outlier_count"`
	Outliers      []Number `json:"outliers"`
	NaN           int      `json:"n_nan"`
}

// NotebookExtra are figures that the notebook lacks and should have: the GPU
// over workers that have shown any GPU use, idle samples included.
type NotebookExtra struct {
	GPUWorkers    []string `json:"gpu_workers"`
	GPUOfWorkers  Number   `json:"gpu_mean_pct_gpu_workers_incl_idle"`
	GPUAllSamples Number   `json:"gpu_mean_pct_all_nonnull_samples"`
	Network       Number   `json:"network_mbps_mean"`
}

// NewSection5 computes section 5 from the notebook's DataFrame.
func NewSection5(f *Frame) *Section5 {
	s := &Section5{
		Samples: f.Len(), Workers: len(f.Names), LineOrder: slices.Clone(f.Names),
		SamplesPerWorker: map[string]int{}, PerWorker: map[string]WorkerMeans{},
	}
	s.perWorker(f)
	s.overall(f)
	s.AverageCPU = averageSeries(f)
	s.Offsets = len(s.AverageCPU.Offset)
	s.Heatmap = notebookHeatmap(f)
	s.Boxes = map[string]*NotebookBox{
		"CPU": notebookBox(f, cpuColumn), "Memory": notebookBox(f, memoryColumn), "GPU": notebookBox(f, gpuColumn),
	}
	return s
}

// rowMean is a mean that skips NaN, as pandas has it.
type rowMean struct {
	sum float64
	n   int
}

func (m *rowMean) add(v float64) {
	if !math.IsNaN(v) {
		m.sum += v
		m.n++
	}
}

// mean is NaN of no values.
func (m rowMean) mean() Number {
	if m.n == 0 {
		return NaN()
	}
	return Number(m.sum / float64(m.n))
}

func (m rowMean) percent() Number { return m.mean() * 100 }

func (s *Section5) perWorker(f *Frame) {
	means := make([][3]rowMean, len(f.Names))
	counts := make([]int, len(f.Names))
	for i, w := range f.Worker {
		counts[w]++
		for c := range means[w] {
			means[w][c].add(f.value(c, i))
		}
	}
	for w, name := range f.Names {
		s.SamplesPerWorker[name] = counts[w]
		s.PerWorker[name] = WorkerMeans{means[w][0].percent(), means[w][1].percent(), means[w][2].percent()}
	}
}

func (s *Section5) overall(f *Frame) {
	var active []float64
	var ofWorkers rowMean
	usesGPU := make([]bool, len(f.Names))
	for i, w := range f.Worker {
		if g := f.value(gpuColumn, i); g > 0 {
			active = append(active, g)
			usesGPU[w] = true
		}
	}
	s.Extra.GPUWorkers = []string{}
	for w, name := range f.Names {
		if usesGPU[w] {
			s.Extra.GPUWorkers = append(s.Extra.GPUWorkers, name)
		}
	}
	slices.SortFunc(s.Extra.GPUWorkers, orderOf(f.Names))
	for i, w := range f.Worker {
		if usesGPU[w] {
			ofWorkers.add(f.value(gpuColumn, i))
		}
	}
	// Summed as pandas sums, so that what is printed is rounded from the same bits.
	mean := func(column int) Number { return Number(stat.PairwiseMean(f.Values[column])) }
	s.Overall = OverallMeans{mean(cpuColumn) * 100, mean(memoryColumn) * 100, Number(stat.PairwiseMean(active)) * 100, len(active)}
	s.Extra.GPUOfWorkers, s.Extra.GPUAllSamples, s.Extra.Network = ofWorkers.percent(), mean(gpuColumn)*100, mean(networkColumn)
	s.Printed = []string{
		"  Avg CPU: " + pythonPercent(s.Overall.CPU),
		"  Avg Memory: " + pythonPercent(s.Overall.Memory),
		"  Avg GPU: " + pythonPercent(s.Overall.GPUActive),
	}
}

// pythonPercent is Python's f"{x:.1f}%": both languages round the exact binary
// value half to even; Python spells NaN in lower case.
func pythonPercent(n Number) string {
	return strings.ToLower(fmt.Sprintf("%.1f%%", float64(n)))
}

// averageSeries is groupby('time_offset')['cpu_util'].mean(): ascending,
// rows without an offset left out, an offset whose values are all NaN kept as NaN.
func averageSeries(f *Frame) AverageSeries {
	order := rowsByOffset(f)
	out := AverageSeries{Offset: []Number{}, Percent: []Number{}, Present: []int{}}
	lastSeen := make([]int, len(f.Names)) // 1 + the number of the offset at which a worker was seen last
	for i := 0; i < len(order); {
		offset := f.Offset[order[i]]
		var m rowMean
		present := 0
		for ; i < len(order) && f.Offset[order[i]] == offset; i++ {
			row := order[i]
			m.add(f.value(cpuColumn, row))
			if w := f.Worker[row]; lastSeen[w] != len(out.Offset)+1 {
				lastSeen[w] = len(out.Offset) + 1
				present++
			}
		}
		out.Offset = append(out.Offset, Number(offset))
		out.Percent = append(out.Percent, m.percent())
		out.Present = append(out.Present, present)
	}
	return out
}

// rowsByOffset returns the rows that have an offset, by offset, then file order.
func rowsByOffset(f *Frame) []int {
	order := make([]int, 0, f.Len())
	for i, o := range f.Offset {
		if !math.IsNaN(o) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := f.Offset[a], f.Offset[b]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return order
}

// notebookHeatmap is pivot_table(worker_id x time_offset, mean of cpu_util) and
// then every tenth column: pairs without any value are dropped before the
// pivot, and so a worker or an offset that has nothing else vanishes.
func notebookHeatmap(f *Frame) NotebookHeatmap {
	rows, columns, cells := pivot(f)
	h := NotebookHeatmap{Rows: []string{}, Columns: []Number{}, Values: [][]Number{}, Min: NaN(), Max: NaN(), FullColumns: len(columns)}
	for j := 0; j < len(columns); j += 10 {
		h.Columns = append(h.Columns, Number(columns[j]))
	}
	for _, w := range rows {
		line := make([]Number, 0, len(h.Columns))
		for j := 0; j < len(columns); j += 10 {
			v := cells[pivotKey{w, j}].mean()
			line = append(line, v)
			if !v.IsNaN() && !(v >= h.Min) {
				h.Min = v
			}
			if !v.IsNaN() && !(v <= h.Max) {
				h.Max = v
			}
		}
		h.Rows = append(h.Rows, f.Names[w])
		h.Values = append(h.Values, line)
	}
	return h
}

type pivotKey struct {
	worker int32
	column int
}

// pivot returns the workers (by name) and offsets that have a value, and the cells.
func pivot(f *Frame) (workers []int32, offsets []float64, cells map[pivotKey]rowMean) {
	cells = map[pivotKey]rowMean{}
	has := make([]bool, len(f.Names))
	for _, row := range rowsByOffset(f) {
		v := f.value(cpuColumn, row)
		if math.IsNaN(v) {
			continue
		}
		if o := f.Offset[row]; len(offsets) == 0 || offsets[len(offsets)-1] != o {
			offsets = append(offsets, o)
		}
		k := pivotKey{f.Worker[row], len(offsets) - 1}
		c := cells[k]
		c.add(v)
		cells[k] = c
		has[k.worker] = true
	}
	for w, ok := range has {
		if ok {
			workers = append(workers, int32(w))
		}
	}
	order := orderOf(f.Names)
	slices.SortFunc(workers, func(a, b int32) int { return order(f.Names[a], f.Names[b]) })
	return workers, offsets, cells
}

// orderOf is the order that pandas gives a column of these names: by number where
// all of them are whole numbers, since it reads such a column as one.
func orderOf(names []string) func(a, b string) int {
	for _, name := range names {
		if _, err := strconv.ParseInt(name, 10, 64); err != nil {
			return strings.Compare
		}
	}
	return func(a, b string) int {
		x, _ := strconv.ParseInt(a, 10, 64)
		y, _ := strconv.ParseInt(b, 10, 64)
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	}
}

func notebookBox(f *Frame, column int) *NotebookBox {
	xs := make([]float64, f.Len())
	for i := range xs {
		xs[i] = f.value(column, i) * 100
	}
	b := stat.NewBox(xs)
	out := &NotebookBox{
		N: b.N, NaN: b.NaN, Mean: Number(b.Mean), Interquartile: Number(b.Interquartile), OutlierCount: len(b.Outliers),
		WhiskerLow: Number(b.WhiskerLow), Q1: Number(b.Q1), Median: Number(b.Median), Q3: Number(b.Q3), WhiskerHigh: Number(b.WhiskerHigh),
		Outliers: make([]Number, len(b.Outliers)),
	}
	for i, o := range b.Outliers {
		out.Outliers[i] = Number(o)
	}
	return out
}
