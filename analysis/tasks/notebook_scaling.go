package tasks

import "fmt"

// NotebookScaling is the notebook's section 4 with its own hard-coded references
// (10 s and 5 s), and beside them the figures against the measured run with the
// fewest nodes.
type NotebookScaling struct {
	Strong          []NotebookStrong   `json:"strong"`
	StrongReference *NotebookReference `json:"strong_reference"`
	PrintedStrong   *string            `json:"printed_strong"`
	Weak            []NotebookWeak     `json:"weak"`
	WeakReference   *NotebookReference `json:"weak_reference"`
	WeakIdeal       Number             `json:"notebook_weak_ideal_line"`
	PrintedWeak     *string            `json:"printed_weak"`
}

// NotebookReference is the run that others are measured against.
type NotebookReference struct {
	Nodes Number `json:"nodes"`
	Time  Number `json:"time"`
}

// NotebookStrong is one run of a fixed amount of work.
type NotebookStrong struct {
	Nodes      Number `json:"nodes"`
	Cores      Number `json:"cores"`
	Tasks      Number `json:"tasks"`
	Time       Number `json:"time"`
	Speedup    Number `json:"notebook_speedup"`
	Efficiency Number `json:"notebook_efficiency"`
	// Measured figures: t_r/t, times r nodes, and over n nodes.
	MeasuredSpeedup    Number `json:"measured_speedup"`
	MeasuredAbsolute   Number `json:"measured_speedup_abs"`
	MeasuredEfficiency Number `json:"measured_efficiency"`
}

// NotebookWeak is one run of work in proportion to its size.
type NotebookWeak struct {
	Nodes              Number `json:"nodes"`
	Cores              Number `json:"cores"`
	Tasks              Number `json:"tasks"`
	Time               Number `json:"time"`
	Efficiency         Number `json:"notebook_efficiency"`
	MeasuredEfficiency Number `json:"measured_efficiency"`
	MeasuredScaled     Number `json:"measured_scaled_speedup"`
	ThroughputEff      Number `json:"throughput_efficiency"`
}

// NewNotebookScaling computes section 4, rows in file order. The printed lines take
// the last row and say 16 nodes, whatever it is, as the notebook does.
func NewNotebookScaling(rows []ScalingRow) NotebookScaling {
	out := NotebookScaling{Strong: []NotebookStrong{}, Weak: []NotebookWeak{}, WeakIdeal: none()}
	strong, weak := ofKind(rows, "strong"), ofKind(rows, "weak")
	if len(strong) > 0 {
		ref := smallest(strong)
		out.StrongReference = &NotebookReference{Number(ref.Nodes), Number(ref.Time)}
		for _, r := range strong {
			out.Strong = append(out.Strong, notebookStrong(r, ref))
		}
		line := fmt.Sprintf("Strong scaling efficiency at 16 nodes: %s%%", pythonFixed(float64(out.Strong[len(strong)-1].Efficiency)*100, 1))
		out.PrintedStrong = &line
	}
	if len(weak) > 0 {
		ref := smallest(weak)
		out.WeakReference = &NotebookReference{Number(ref.Nodes), Number(ref.Time)}
		out.WeakIdeal = Number(weak[0].Time)
		for _, r := range weak {
			out.Weak = append(out.Weak, notebookWeak(r, ref))
		}
		line := fmt.Sprintf("Weak scaling efficiency at 16 nodes: %s%%", pythonFixed(float64(out.Weak[len(weak)-1].Efficiency)*100, 1))
		out.PrintedWeak = &line
	}
	return out
}

func ofKind(rows []ScalingRow, kind string) []ScalingRow {
	var out []ScalingRow
	for _, r := range rows {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	return out
}

// smallest is the first row with the fewest nodes.
func smallest(rows []ScalingRow) ScalingRow {
	ref := rows[0]
	for _, r := range rows {
		if r.Nodes < ref.Nodes {
			ref = r
		}
	}
	return ref
}

func notebookStrong(r, ref ScalingRow) NotebookStrong {
	speedup := 10 / r.Time
	measured := ref.Time / r.Time
	return NotebookStrong{
		Nodes: Number(r.Nodes), Cores: Number(r.Cores), Tasks: Number(r.Tasks), Time: Number(r.Time),
		Speedup: Number(speedup), Efficiency: Number(speedup / r.Nodes),
		MeasuredSpeedup: Number(measured), MeasuredAbsolute: Number(ref.Nodes * measured), MeasuredEfficiency: Number(ref.Nodes * measured / r.Nodes),
	}
}

func notebookWeak(r, ref ScalingRow) NotebookWeak {
	measured := ref.Time / r.Time
	return NotebookWeak{
		Nodes: Number(r.Nodes), Cores: Number(r.Cores), Tasks: Number(r.Tasks), Time: Number(r.Time),
		Efficiency: Number(5 / r.Time), MeasuredEfficiency: Number(measured), MeasuredScaled: Number(measured * r.Nodes / ref.Nodes),
		ThroughputEff: Number((r.Tasks / r.Time / r.Nodes) / (ref.Tasks / ref.Time / ref.Nodes)),
	}
}
