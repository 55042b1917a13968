package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/analysis/tasks"
)

// Tasks is everything measured about tasks, ready to be drawn.
type Tasks struct {
	Set        *tasks.Set
	Throughput tasks.Throughput
	Latency    tasks.Latency
	Scaling    tasks.Scaling
	Comparison tasks.Comparison
	// Join is what the nodes did meanwhile; nil where no recording was given.
	Join *tasks.Join

	engines []string
	count   map[string]int // configurations of an engine
}

// NewTasks measures a set; rows are measured scaling runs, and without any the
// configurations themselves are taken where they form a study.
func NewTasks(set *tasks.Set, rows []tasks.ScalingRow) *Tasks {
	t := &Tasks{Set: set, Throughput: tasks.NewThroughput(set), Latency: tasks.NewLatency(set), Comparison: tasks.NewComparison(set), count: map[string]int{}}
	var notes []string
	if len(rows) == 0 {
		rows, notes = tasks.ScalingFromConfigs(set)
	}
	t.Scaling = tasks.NewScaling(rows)
	t.Scaling.Notes = append(t.Scaling.Notes, notes...)
	for _, c := range set.Configs {
		if t.count[c.Engine] == 0 {
			t.engines = append(t.engines, c.Engine)
		}
		t.count[c.Engine]++
	}
	return t
}

// TaskFigure is one of the notebook's four other pictures.
type TaskFigure struct {
	Name     string // throughput, latency, scaling, comparative
	Columns  int
	Pictures []*Picture
}

// File is the notebook's name of the picture, without ending.
func (f TaskFigure) File() string { return f.Name + "_analysis" }

// TaskFigures lists the names of Figures.
func TaskFigures() []string { return []string{"throughput", "latency", "scaling", "comparative"} }

// Figure builds one of TaskFigures.
func (t *Tasks) Figure(name string) (TaskFigure, error) {
	switch name {
	case "throughput":
		return TaskFigure{name, 2, []*Picture{t.throughputBars(), t.efficiencyBars(), t.throughputScaling(), t.engineScores("Engine Comparison (Normalized)", 3)}}, nil
	case "latency":
		return TaskFigure{name, 2, []*Picture{t.latencyBoxes(), t.waitScatter(), t.percentileBars(), t.medianBars()}}, nil
	case "scaling":
		return TaskFigure{name, 2, []*Picture{t.strongSpeedup(), t.strongEfficiency(), t.weakTime(), t.weakEfficiency()}}, nil
	case "comparative":
		return TaskFigure{name, 3, []*Picture{t.histogram(), t.cdf(), t.violins(), t.engineThroughput(), t.engineEfficiency(), t.engineScores("Overall Performance Comparison", 4)}}, nil
	}
	return TaskFigure{}, fmt.Errorf("unknown picture %q; known are %s", name, strings.Join(TaskFigures(), ", "))
}

// engineName is an engine's name as the notebook writes it in legends.
func engineName(name string) string {
	if name == "" {
		return "unknown"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func (t *Tasks) engineColor(name string) color.Color {
	return plot.Engine(max(0, slices.Index(t.engines, name)))
}

// configColor is a shade of the engine's colour: configurations of one engine
// can be told apart.
func (t *Tasks) configColor(i int) color.Color {
	c := t.Set.Configs[i]
	k := 0
	for _, o := range t.Set.Configs[:i] {
		if o.Engine == c.Engine {
			k++
		}
	}
	return plot.Shade(t.engineColor(c.Engine), k, t.count[c.Engine])
}

// names are the configurations' labels below an axis: engine over nodes and
// cores, and the label itself where that is not unique.
func (t *Tasks) names() []string {
	seen := map[string]int{}
	out := make([]string, len(t.Set.Configs))
	for i, c := range t.Set.Configs {
		out[i] = c.Label
		if c.Engine != "" && c.Cores == c.Cores {
			out[i] = c.Engine + "\n" + size(c.Nodes, "N/") + size(c.Cores, "C")
		}
		seen[out[i]]++
	}
	for i, c := range t.Set.Configs {
		if seen[out[i]] > 1 {
			out[i] = c.Label
		}
	}
	return out
}

func size(v float64, unit string) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + unit
}

// delivered are the execution seconds of an engine's tasks that did not fail.
func (t *Tasks) delivered(engine string) []float64 {
	var out []float64
	for _, c := range t.Set.Configs {
		if c.Engine != engine {
			continue
		}
		for _, r := range c.Rows {
			if x := t.Set.Exec[r]; t.Set.Status[r] != tasks.StatusFailed && !math.IsNaN(x) {
				out = append(out, x)
			}
		}
	}
	return out
}

// figure writes a number with four significant digits, "-" where there is none.
func figure(n analysis.Number) string {
	if n.IsNaN() {
		return "-"
	}
	return strconv.FormatFloat(float64(n), 'g', 4, 64)
}

func part(n analysis.Number) string {
	if n.IsNaN() {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n))
}

// interval writes a confidence interval, empty where there is none.
func interval(i [2]analysis.Number, format func(analysis.Number) string) string {
	if i[0].IsNaN() || i[1].IsNaN() {
		return "-"
	}
	return format(i[0]) + " to " + format(i[1])
}

// noTasks is the picture of a figure without anything to measure.
func noTasks(title string) *Picture { return nothing(title, "No task has the times this needs.") }
