package tasks

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"nodemeter/analysis/stat"
)

// NotebookComparison is the notebook's section 6: Dask against Ray, execution
// seconds of all tasks pooled over configurations.
type NotebookComparison struct {
	Table       map[string]NotebookSide      `json:"table"`
	Display     [][3]string                  `json:"table_display"`
	TTest       NotebookTTest                `json:"t_test"`
	MannWhitney NotebookMannWhitney          `json:"mann_whitney"`
	Conclusion  string                       `json:"conclusion"`
	Histogram   map[string]NotebookHistogram `json:"histogram"`
	CDF         map[string]NotebookCDF       `json:"cdf"`
	Violin      map[string]NotebookViolin    `json:"violin"`
	ByEngine    map[string]NotebookEngine    `json:"by_engine"`
	Chart       map[string]NotebookScores    `json:"summary_chart"`
	Extra       NotebookExtra                `json:"extra"`
	// Omitted says why figures are null; empty when both engines are there.
	Omitted string `json:"omitted,omitempty"`
}

// NotebookSide describes one engine's execution seconds.
type NotebookSide struct {
	N      int    `json:"n"`
	Mean   Number `json:"mean"`
	Median Number `json:"median"`
	Std    Number `json:"std"`
	Min    Number `json:"min"`
	Max    Number `json:"max"`
	P99    Number `json:"p99"`
}

// NotebookTTest is Student's test, pooled variance, two-sided.
type NotebookTTest struct {
	Kind      string `json:"kind"`
	Statistic Number `json:"statistic"`
	P         Number `json:"pvalue"`
	DF        Number `json:"df"`
	Display   string `json:"display"`
}

// NotebookMannWhitney is scipy's mannwhitneyu with its defaults.
type NotebookMannWhitney struct {
	UDask      Number `json:"U_dask"`
	URay       Number `json:"U_ray"`
	P          Number `json:"pvalue"`
	Ties       bool   `json:"ties"`
	Method     string `json:"method"`
	Continuity bool   `json:"continuity"`
	Display    string `json:"display"`
}

// NotebookHistogram has 30 bins over the engine's own range.
type NotebookHistogram struct {
	Counts   []int    `json:"counts"`
	Density  []Number `json:"density"`
	Edges    []Number `json:"edges"`
	MeanLine Number   `json:"mean_line"`
}

// NotebookCDF plots the sorted values against (i-1)/(n-1).
type NotebookCDF struct {
	X []Number `json:"x"`
	Y []Number `json:"y"`
}

// NotebookViolin is a density at 100 points; HalfWidth is scaled to 0.25 at most.
type NotebookViolin struct {
	Coordinates []Number `json:"coords"`
	Density     []Number `json:"kde"`
	HalfWidth   []Number `json:"half_width"`
	Mean        Number   `json:"mean"`
	Median      Number   `json:"median"`
	Min         Number   `json:"min"`
	Max         Number   `json:"max"`
}

// NotebookEngine is an engine's unweighted mean over its configurations.
type NotebookEngine struct {
	Throughput     Number `json:"throughput_tasks_per_sec"`
	Efficiency     Number `json:"efficiency"`
	EfficiencyMill Number `json:"efficiency_x1000"`
	SuccessRate    Number `json:"success_rate"`
}

// NotebookScores is the last panel, called a radar chart.
type NotebookScores struct {
	Throughput  Number `json:"Throughput"`
	Efficiency  Number `json:"Efficiency"`
	SuccessRate Number `json:"Success Rate"`
	LowLatency  Number `json:"Low Latency"`
}

// NotebookExtra is what the notebook lacks and its reference adds.
type NotebookExtra struct {
	Welch        NotebookWelch `json:"welch"`
	A            Number        `json:"vargha_delaney_A_dask_gt_ray"`
	RankBiserial Number        `json:"rank_biserial"`
}

// NotebookWelch is the t test that allows unequal variances.
type NotebookWelch struct {
	Statistic  Number    `json:"statistic"`
	P          Number    `json:"pvalue"`
	DF         Number    `json:"df"`
	Difference Number    `json:"mean_diff_dask_minus_ray"`
	Interval   [2]Number `json:"ci95"`
}

// NewNotebookComparison computes section 6. With an engine missing, where the
// notebook stops, its figures are null and Omitted says so.
func NewNotebookComparison(s *Set) NotebookComparison {
	dask, ray := s.engineExec("dask"), s.engineExec("ray")
	c := NotebookComparison{
		Table:     map[string]NotebookSide{"dask": notebookSide(dask), "ray": notebookSide(ray)},
		Histogram: map[string]NotebookHistogram{"dask": notebookHistogram(dask), "ray": notebookHistogram(ray)},
		CDF:       map[string]NotebookCDF{"dask": notebookCDF(dask), "ray": notebookCDF(ray)},
		Violin:    map[string]NotebookViolin{"dask": notebookViolin(dask), "ray": notebookViolin(ray)},
	}
	c.display()
	c.tests(dask, ray)
	c.engines(s)
	if len(dask) == 0 || len(ray) == 0 {
		c.Omitted = fmt.Sprintf("the notebook compares the engines dask and ray; there are %d tasks of dask and %d of ray", len(dask), len(ray))
	}
	return c
}

// finite is the numbers of xs that are there.
func finite(xs []float64) stat.Sample {
	s, _ := stat.Finite(xs)
	return s
}

// engineExec is the execution seconds of an engine in file order, gaps as NaN.
func (s *Set) engineExec(engine string) []float64 {
	var out []float64
	for i, g := range s.Group {
		if s.Groups[g].Engine == engine {
			out = append(out, s.Exec[i])
		}
	}
	return out
}

func notebookSide(xs []float64) NotebookSide {
	d, sample := stat.Describe(xs), finite(xs)
	median := math.NaN()
	if n := sample.N(); n > 0 { // as pandas: half the sum of the middle two
		median = (sample.Sorted()[(n-1)/2] + sample.Sorted()[n/2]) / 2
	}
	return NotebookSide{N: len(xs), Mean: Number(stat.PairwiseMean(xs)), Median: Number(median), Std: Number(d.Std),
		Min: Number(d.Min), Max: Number(d.Max), P99: Number(stat.Percentile(xs, 99))}
}

func (c *NotebookComparison) display() {
	d, r := c.Table["dask"], c.Table["ray"]
	for _, line := range []struct {
		name string
		of   func(NotebookSide) Number
	}{
		{"Mean Execution Time", func(s NotebookSide) Number { return s.Mean }},
		{"Median Execution Time", func(s NotebookSide) Number { return s.Median }},
		{"Std Deviation", func(s NotebookSide) Number { return s.Std }},
		{"Min", func(s NotebookSide) Number { return s.Min }},
		{"Max", func(s NotebookSide) Number { return s.Max }},
		{"99th Percentile", func(s NotebookSide) Number { return s.P99 }},
	} {
		c.Display = append(c.Display, [3]string{line.name, pythonFixed(float64(line.of(d)), 4) + "s", pythonFixed(float64(line.of(r)), 4) + "s"})
	}
}

func (c *NotebookComparison) tests(dask, ray []float64) {
	t, w, m := stat.Student(dask, ray), stat.Welch(dask, ray), stat.ScipyMannWhitney(dask, ray)
	c.TTest = NotebookTTest{Kind: "Student pooled-variance, two-sided", Statistic: Number(t.Statistic), P: Number(t.P), DF: Number(t.DF),
		Display: "T-test p-value: " + pythonExponent(t.P)}
	c.MannWhitney = NotebookMannWhitney{UDask: Number(m.UX), URay: Number(m.UY), P: Number(m.P), Ties: tied(dask, ray), Method: m.Method, Continuity: true,
		Display: "Mann-Whitney U p-value: " + pythonExponent(m.P)}
	c.Conclusion = "No significant difference"
	if t.P < 0.05 {
		c.Conclusion = "Significant difference"
	}
	e := stat.Effects(dask, ray)
	c.Extra = NotebookExtra{A: Number(e.A), RankBiserial: Number(e.RankBiserial), Welch: NotebookWelch{
		Statistic: Number(w.Statistic), P: Number(w.P), DF: Number(w.DF), Difference: Number(w.Difference), Interval: [2]Number{Number(w.Low), Number(w.High)}}}
}

// tied says whether a value occurs twice in the two samples together; as numpy's
// unique has it, two missing values are alike.
func tied(x, y []float64) bool {
	all := slices.Concat(x, y)
	slices.Sort(all) // NaN first
	for i := 1; i < len(all); i++ {
		if same(all[i-1], all[i]) {
			return true
		}
	}
	return false
}

// pythonExponent is Python's f"{x:.4e}".
func pythonExponent(x float64) string {
	if math.IsNaN(x) {
		return "nan"
	}
	return strconv.FormatFloat(x, 'e', 4, 64)
}

func notebookHistogram(xs []float64) NotebookHistogram {
	d := stat.Describe(xs)
	h := stat.NewHistogram(xs, 30, d.Min, d.Max)
	counts := h.Counts
	if counts == nil {
		counts = []int{}
	}
	return NotebookHistogram{Counts: counts, Density: numbers(h.Density), Edges: numbers(h.Edges), MeanLine: Number(d.Mean)}
}

func notebookCDF(xs []float64) NotebookCDF {
	sorted := slices.Clone(xs)
	slices.SortFunc(sorted, func(a, b float64) int { // numpy sorts NaN last
		switch {
		case math.IsNaN(a) && math.IsNaN(b):
			return 0
		case math.IsNaN(a):
			return 1
		case math.IsNaN(b):
			return -1
		}
		return compareFloats(a, b)
	})
	return NotebookCDF{X: numbers(sorted), Y: numbers(stat.Linspace(0, 1, len(sorted)))}
}

func notebookViolin(xs []float64) NotebookViolin {
	v := stat.NewViolin(xs)
	out := NotebookViolin{Coordinates: numbers(v.Coordinates), Density: numbers(v.Density), HalfWidth: make([]Number, len(v.Density)),
		Mean: Number(v.Mean), Median: Number(v.Median), Min: Number(v.Min), Max: Number(v.Max)}
	if len(v.Density) > 0 {
		top := slices.Max(v.Density)
		for i, d := range v.Density {
			out.HalfWidth[i] = Number(0.25 * d / top)
		}
	}
	return out
}

// engines fills the last three panels from the throughput table.
func (c *NotebookComparison) engines(s *Set) {
	table := NewNotebookThroughput(s).Table
	c.ByEngine, c.Chart = map[string]NotebookEngine{}, map[string]NotebookScores{}
	top := topOf(table)
	maxExec := stat.Describe(s.Exec).Max
	for _, name := range s.engines() {
		var own []NotebookThroughputRow
		for _, r := range table {
			if r.Engine == name {
				own = append(own, r)
			}
		}
		mean := func(of func(NotebookThroughputRow) Number) Number {
			xs := make([]float64, len(own))
			for i, r := range own {
				xs[i] = float64(of(r))
			}
			return Number(stat.Mean(xs))
		}
		e := NotebookEngine{
			Throughput:  mean(func(r NotebookThroughputRow) Number { return r.Throughput }),
			Efficiency:  mean(func(r NotebookThroughputRow) Number { return r.Efficiency }),
			SuccessRate: mean(func(r NotebookThroughputRow) Number { return r.SuccessRate }),
		}
		e.EfficiencyMill = e.Efficiency * 1000
		c.ByEngine[name] = e
		c.Chart[name] = NotebookScores{
			Throughput: e.Throughput / top.Throughput, Efficiency: e.Efficiency / top.Efficiency, SuccessRate: e.SuccessRate / 100,
			LowLatency: Number(1 - stat.Mean(s.engineExec(name))/maxExec),
		}
	}
}

// topOf is the largest throughput and efficiency of all configurations.
func topOf(table []NotebookThroughputRow) NotebookThroughputRow {
	top := NotebookThroughputRow{Throughput: none(), Efficiency: none()}
	for _, r := range table {
		if !(top.Throughput >= r.Throughput) && r.Throughput == r.Throughput {
			top.Throughput = r.Throughput
		}
		if !(top.Efficiency >= r.Efficiency) && r.Efficiency == r.Efficiency {
			top.Efficiency = r.Efficiency
		}
	}
	return top
}

// NotebookBenchmark is the notebook's closing summary.
type NotebookBenchmark struct {
	Total          int       `json:"total_benchmarks"`
	Configurations int       `json:"configurations"`
	ConfigID       *ConfigID `json:"config_id"`
	Engine         string    `json:"engine"`
	Nodes          Number    `json:"nodes"`
	Cores          Number    `json:"cores"`
	Throughput     Number    `json:"throughput"`
	Display        string    `json:"throughput_display"`
}

// NewNotebookBenchmark names the configuration with the first largest throughput;
// null where no configuration has one.
func NewNotebookBenchmark(s *Set) NotebookBenchmark {
	b := NotebookBenchmark{Total: s.Len(), Configurations: len(s.Configs), Nodes: none(), Cores: none(), Throughput: none(), Display: "nan tasks/sec"}
	for _, r := range NewNotebookThroughput(s).Table {
		if r.Throughput != r.Throughput || b.Throughput >= r.Throughput {
			continue
		}
		b.ConfigID, b.Engine, b.Nodes, b.Cores, b.Throughput = &r.ConfigID, strings.ToUpper(r.Engine), r.Nodes, r.Cores, r.Throughput
		b.Display = pythonFixed(float64(r.Throughput), 2) + " tasks/sec"
	}
	return b
}
