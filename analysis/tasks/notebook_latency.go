package tasks

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"nodemeter/analysis/stat"
)

// Percentiles are those of the notebook's latency table.
func Percentiles() []float64 { return []float64{50, 75, 90, 95, 99} }

// NotebookLatency is the notebook's section 3, its pictures' numbers included.
type NotebookLatency struct {
	Table     []NotebookLatencyRow `json:"table"`
	Boxes     []NotebookBox        `json:"exec_boxplot"`
	Printed   []string             `json:"printed_p50"`
	Breakdown []NotebookBreakdown  `json:"median_breakdown"`
}

// NotebookLatencyRow holds seconds in the order of Percentiles. In JSON, each is a
// field exec_p50 ... total_p99.
type NotebookLatencyRow struct {
	ConfigID          ConfigID
	Engine            string
	Cores             Number
	Exec, Wait, Total []Number
}

// MarshalJSON writes the row as the notebook's flat table has it.
func (r NotebookLatencyRow) MarshalJSON() ([]byte, error) {
	flat := map[string]any{"config_id": r.ConfigID, "engine": r.Engine, "cores": r.Cores}
	for i, p := range Percentiles() {
		suffix := "_p" + strconv.Itoa(int(p))
		flat["exec"+suffix], flat["wait"+suffix], flat["total"+suffix] = r.Exec[i], r.Wait[i], r.Total[i]
	}
	return json.Marshal(flat)
}

// NotebookBox is a box plot of execution seconds.
type NotebookBox struct {
	ConfigID ConfigID `json:"config_id"`
	Label    string   `json:"label"`
	N        int      `json:"n"`
	Low      Number   `json:"whislo"`
	Q1       Number   `json:"q1"`
	Median   Number   `json:"med"`
	Q3       Number   `json:"q3"`
	High     Number   `json:"whishi"`
	IQR      Number   `json:"iqr"`
	Mean     Number   `json:"mean"`
	Count    int      `json:"outlier_count"`
	Outliers []Number `json:"outliers"`
	NaN      int      `json:"n_nan"`
}

// NotebookBreakdown stacks two medians, which is not the median of the sum.
type NotebookBreakdown struct {
	ConfigID ConfigID `json:"config_id"`
	Wait     Number   `json:"wait_p50"`
	Exec     Number   `json:"exec_p50"`
	Top      Number   `json:"stack_top"`
	Total    Number   `json:"true_total_p50"`
}

// NewNotebookLatency computes section 3, configurations in file order. One missing
// value makes a configuration's percentiles null, as numpy has it.
func NewNotebookLatency(s *Set) NotebookLatency {
	l := NotebookLatency{Table: []NotebookLatencyRow{}, Boxes: []NotebookBox{}, Printed: []string{}, Breakdown: []NotebookBreakdown{}}
	for _, c := range s.Configs {
		exec := pick(s.Exec, c.Rows)
		row := NotebookLatencyRow{ConfigID: c.ID, Engine: c.Engine, Cores: Number(c.Cores),
			Exec: numpyPercentiles(exec), Wait: numpyPercentiles(pick(s.Wait, c.Rows)), Total: numpyPercentiles(s.totals(c.Rows))}
		l.Table = append(l.Table, row)
		l.Boxes = append(l.Boxes, newNotebookBox(c, s, exec))
		name := fmt.Sprintf("%s-%sC", c.Engine, s.coresText(c))
		if c.Engine == "" || math.IsNaN(c.Cores) {
			name = c.Label // the notebook would print "nan"
		}
		l.Printed = append(l.Printed, fmt.Sprintf("  %s: Wait=%ss, Exec=%ss, Total=%ss", name,
			pythonFixed(float64(row.Wait[0]), 3), pythonFixed(float64(row.Exec[0]), 3), pythonFixed(float64(row.Total[0]), 3)))
		l.Breakdown = append(l.Breakdown, NotebookBreakdown{ConfigID: c.ID, Wait: row.Wait[0], Exec: row.Exec[0], Top: row.Wait[0] + row.Exec[0], Total: row.Total[0]})
	}
	return l
}

// numpyPercentiles is np.percentile for each of Percentiles: null for all of them
// where one value is missing.
func numpyPercentiles(xs []float64) []Number {
	out := make([]Number, len(Percentiles()))
	sample, err := stat.NewSample(xs)
	for i, p := range Percentiles() {
		out[i] = none()
		if err == nil {
			out[i] = Number(sample.Percentile(p))
		}
	}
	return out
}

func newNotebookBox(c *Config, s *Set, exec []float64) NotebookBox {
	b := stat.NewBox(exec)
	return NotebookBox{
		ConfigID: c.ID, Label: fmt.Sprintf("%s\n%sC", pandasText(c.Engine), s.coresText(c)), N: b.N,
		Low: Number(b.WhiskerLow), Q1: Number(b.Q1), Median: Number(b.Median), Q3: Number(b.Q3), High: Number(b.WhiskerHigh),
		IQR: Number(b.Interquartile), Mean: Number(b.Mean), Count: len(b.Outliers), Outliers: numbers(b.Outliers), NaN: b.NaN,
	}
}
