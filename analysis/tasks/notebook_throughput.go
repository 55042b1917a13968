package tasks

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"nodemeter/analysis/stat"
)

// NotebookSummary is the notebook's section 1.
type NotebookSummary struct {
	Records int                  `json:"n_records"`
	Rows    []NotebookSummaryRow `json:"summary"`
}

// NotebookSummaryRow is one group by configuration, engine, nodes and cores.
type NotebookSummaryRow struct {
	ConfigID ConfigID `json:"config_id"`
	Engine   string   `json:"engine"`
	Nodes    Number   `json:"nodes"`
	Cores    Number   `json:"cores"`
	NotebookSummaryFigures
	Rounded NotebookSummaryFigures `json:"rounded_4"`
}

// NotebookSummaryFigures are seconds, a count of execution times, and per cent.
type NotebookSummaryFigures struct {
	ExecMean    Number `json:"execution_secs_mean"`
	ExecStd     Number `json:"execution_secs_std"`
	ExecMin     Number `json:"execution_secs_min"`
	ExecMax     Number `json:"execution_secs_max"`
	ExecCount   Number `json:"execution_secs_count"`
	WaitMean    Number `json:"wait_time_secs_mean"`
	WaitStd     Number `json:"wait_time_secs_std"`
	SuccessRate Number `json:"success_rate_pct"`
}

// NewNotebookSummary is groupby(config_id, engine, nodes, cores): sorted by key,
// groups with a missing key left out, missing values skipped.
func NewNotebookSummary(s *Set) NotebookSummary {
	out := NotebookSummary{Records: s.Len(), Rows: []NotebookSummaryRow{}}
	type key struct {
		config       int
		engine       string
		nodes, cores float64
	}
	groups := map[key][]int{}
	for gi, g := range s.Groups {
		if g.Config >= 0 && g.Engine != "" && !math.IsNaN(g.Nodes) && !math.IsNaN(g.Cores) {
			k := key{g.Config, g.Engine, g.Nodes, g.Cores}
			groups[k] = append(groups[k], gi)
		}
	}
	for k, in := range groups {
		f := s.summaryFigures(s.rowsOf(s.Configs[k.config], in))
		out.Rows = append(out.Rows, NotebookSummaryRow{
			ConfigID: s.Configs[k.config].ID, Engine: k.engine, Nodes: Number(k.nodes), Cores: Number(k.cores),
			NotebookSummaryFigures: f, Rounded: f.rounded(),
		})
	}
	slices.SortFunc(out.Rows, func(a, b NotebookSummaryRow) int {
		if c := compareIDs(a.ConfigID, b.ConfigID); c != 0 {
			return c
		}
		if c := strings.Compare(a.Engine, b.Engine); c != 0 {
			return c
		}
		if c := compareFloats(float64(a.Nodes), float64(b.Nodes)); c != 0 {
			return c
		}
		return compareFloats(float64(a.Cores), float64(b.Cores))
	})
	return out
}

// rowsOf are the rows of a configuration that belong to some groups.
func (s *Set) rowsOf(c *Config, groups []int) []int32 {
	n := 0
	for _, g := range groups {
		n += s.Groups[g].Rows
	}
	if n == len(c.Rows) {
		return c.Rows
	}
	rows := make([]int32, 0, n)
	for _, r := range c.Rows {
		if slices.Contains(groups, int(s.Group[r])) {
			rows = append(rows, r)
		}
	}
	return rows
}

func (s *Set) summaryFigures(rows []int32) NotebookSummaryFigures {
	execs, waits := pick(s.Exec, rows), pick(s.Wait, rows)
	exec, _ := stat.Finite(execs)
	wait, _ := stat.Finite(waits)
	return NotebookSummaryFigures{
		ExecMean: Number(stat.GroupMean(execs)), ExecStd: Number(exec.Std()), ExecMin: Number(exec.Min()), ExecMax: Number(exec.Max()),
		ExecCount: Number(exec.N()), WaitMean: Number(stat.GroupMean(waits)), WaitStd: Number(wait.Std()),
		SuccessRate: Number(float64(s.count(rows, StatusSuccess)) / float64(len(rows)) * 100),
	}
}

func (f NotebookSummaryFigures) rounded() NotebookSummaryFigures {
	for _, n := range []*Number{&f.ExecMean, &f.ExecStd, &f.ExecMin, &f.ExecMax, &f.WaitMean, &f.WaitStd, &f.SuccessRate} {
		*n = Number(math.RoundToEven(float64(*n)*1e4) / 1e4)
	}
	return f
}

// NotebookThroughput is the notebook's section 2, its pictures' numbers included.
type NotebookThroughput struct {
	Table []NotebookThroughputRow `json:"table"`
	Bars  []NotebookBar           `json:"chart_bars"`
	// Lines are (cores, throughput) points of each engine, by its upper-case name.
	Lines  map[string][][2]Number `json:"scaling_lines"`
	Ideal  NotebookIdeal          `json:"ideal_linear"`
	Scores map[string]EngineScore `json:"engine_comparison_normalised"`
}

// NotebookThroughputRow is one configuration: seconds, tasks per second, per cent.
type NotebookThroughputRow struct {
	ConfigID    ConfigID `json:"config_id"`
	Engine      string   `json:"engine"`
	Nodes       Number   `json:"nodes"`
	Cores       Number   `json:"cores"`
	Tasks       int      `json:"total_tasks"`
	Successful  int      `json:"successful_tasks"`
	Wall        Number   `json:"wall_clock_time"`
	ExecTotal   Number   `json:"total_exec_time"`
	Throughput  Number   `json:"throughput_tasks_per_sec"`
	ExecMean    Number   `json:"avg_exec_time"`
	SuccessRate Number   `json:"success_rate"`
	Efficiency  Number   `json:"efficiency"`
}

// NotebookBar is one bar of the first two panels.
type NotebookBar struct {
	Label      string `json:"label"`
	Throughput Number `json:"throughput"`
	ValueLabel string `json:"value_label"`
	Efficiency Number `json:"efficiency"`
	Color      string `json:"color"`
}

// NotebookIdeal is the dashed line: the smallest throughput times cores over the
// fewest cores.
type NotebookIdeal struct {
	Cores      []Number `json:"cores"`
	Throughput []Number `json:"throughput"`
}

// EngineScore is an engine's unweighted mean over configurations, over the maximum of
// all configurations.
type EngineScore struct {
	Throughput  Number `json:"throughput_tasks_per_sec"`
	Efficiency  Number `json:"efficiency"`
	SuccessRate Number `json:"success_rate"`
}

// NewNotebookThroughput computes section 2, configurations in file order. Where the
// notebook would stop (a wall-clock time of zero), the figure is null.
func NewNotebookThroughput(s *Set) NotebookThroughput {
	t := NotebookThroughput{Table: []NotebookThroughputRow{}, Bars: []NotebookBar{}, Lines: map[string][][2]Number{}, Scores: map[string]EngineScore{}}
	for _, c := range s.Configs {
		row := s.throughputRow(c)
		t.Table = append(t.Table, row)
		color := "coral"
		if c.Engine == "dask" {
			color = "steelblue"
		}
		t.Bars = append(t.Bars, NotebookBar{
			Label:      fmt.Sprintf("%s\n%sN/%sC", pandasText(c.Engine), s.nodesText(c), s.coresText(c)),
			Throughput: row.Throughput, ValueLabel: pythonFixed(float64(row.Throughput), 1), Efficiency: row.Efficiency, Color: color,
		})
		if c.Engine != "" {
			name := strings.ToUpper(c.Engine)
			t.Lines[name] = append(t.Lines[name], [2]Number{row.Cores, row.Throughput})
		}
	}
	t.Ideal = idealLine(t.Table)
	for _, engine := range append(s.engines(), "dask", "ray") {
		t.Scores[engine] = engineScore(t.Table, engine)
	}
	return t
}

func (s *Set) throughputRow(c *Config) NotebookThroughputRow {
	exec := pick(s.Exec, c.Rows)
	row := NotebookThroughputRow{
		ConfigID: c.ID, Engine: c.Engine, Nodes: Number(c.Nodes), Cores: Number(c.Cores),
		Tasks: len(c.Rows), Successful: s.count(c.Rows, StatusSuccess), Wall: none(), Throughput: none(),
		ExecMean: Number(stat.PairwiseMean(exec)),
	}
	for _, x := range exec {
		if !math.IsNaN(x) {
			row.ExecTotal += Number(x)
		}
	}
	if from, to, ok := s.Span(c.Rows); ok {
		row.Wall = Number(to.Sub(from).Seconds())
		if row.Wall != 0 {
			row.Throughput = Number(row.Tasks) / row.Wall
		}
	}
	row.SuccessRate = Number(row.Successful) / Number(row.Tasks) * 100
	row.Efficiency = row.Throughput / row.Cores
	return row
}

func idealLine(table []NotebookThroughputRow) NotebookIdeal {
	out := NotebookIdeal{Cores: []Number{}, Throughput: []Number{}}
	var cores []float64
	base := math.NaN()
	for _, r := range table {
		if x := float64(r.Throughput); !math.IsNaN(x) && !(base <= x) {
			base = x
		}
		if x := float64(r.Cores); !math.IsNaN(x) && !slices.Contains(cores, x) {
			cores = append(cores, x)
		}
	}
	slices.Sort(cores)
	for _, c := range cores {
		out.Cores = append(out.Cores, Number(c))
		out.Throughput = append(out.Throughput, Number(base*c/cores[0]))
	}
	return out
}

func engineScore(table []NotebookThroughputRow, engine string) EngineScore {
	score := func(of func(NotebookThroughputRow) Number) Number {
		var own []float64
		top := math.Inf(-1)
		for _, r := range table {
			x := float64(of(r))
			if r.Engine == engine {
				own = append(own, x)
			}
			if !math.IsNaN(x) {
				top = max(top, x)
			}
		}
		return Number(stat.Mean(own) / top)
	}
	return EngineScore{
		Throughput:  score(func(r NotebookThroughputRow) Number { return r.Throughput }),
		Efficiency:  score(func(r NotebookThroughputRow) Number { return r.Efficiency }),
		SuccessRate: score(func(r NotebookThroughputRow) Number { return r.SuccessRate }),
	}
}

// engines are the distinct engines, sorted.
func (s *Set) engines() []string {
	var out []string
	for _, g := range s.Groups {
		if g.Engine != "" && !slices.Contains(out, g.Engine) {
			out = append(out, g.Engine)
		}
	}
	slices.Sort(out)
	return out
}

func (s *Set) nodesText(c *Config) string { return pandasNumber(c.Nodes, s.floatNodes) }
func (s *Set) coresText(c *Config) string { return pandasNumber(c.Cores, s.floatCores) }

// pandasNumber prints a count as Python does: a column with a gap or a decimal point
// in it is of floats, and 64 shows as 64.0.
func pandasNumber(x float64, float bool) string {
	if math.IsNaN(x) {
		return "nan"
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if float && !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func pandasText(s string) string {
	if s == "" {
		return "nan"
	}
	return s
}

// pythonFixed is Python's f"{x:.nf}".
func pythonFixed(x float64, n int) string {
	switch {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	}
	return strconv.FormatFloat(x, 'f', n, 64)
}
