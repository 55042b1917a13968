package report

import (
	"fmt"
	"slices"
	"strings"

	"nodemeter/analysis"
	"nodemeter/collector/metric"
)

// Recording is the page's section 5: what the nodes did, and, when there are
// any, the tasks that ran meanwhile (nil for none).
func Recording(r *analysis.Result, number string, t *Tasks) (Section, error) {
	v := newView(r)
	s := Section{ID: "resources", Title: number + "Resource Utilization"}
	pictures, err := Resources(r, []string{"all"})
	if err != nil {
		return s, err
	}
	s.Blocks = append(s.Blocks, Block{Text: v.what() + v.origin(), Facts: v.facts()})
	shown := v.worthShowing(pictures)
	if t != nil && t.Set.Len() > 0 {
		shown = append([]*Picture{t.Running(r)}, shown...)
	}
	s.Blocks = append(s.Blocks, Block{Pictures: shown})
	if t != nil {
		s.Blocks = append(s.Blocks, t.joinBlocks()...)
	}
	if lines := findingLines(r); len(lines) > 0 {
		s.Blocks = append(s.Blocks, Block{Heading: "Findings", Findings: lines})
	}
	s.Blocks = append(s.Blocks, Block{Heading: "By " + v.noun(), Table: v.workerTable()})
	if notes := r.AllNotes(); len(notes) > 0 {
		s.Blocks = append(s.Blocks, Block{Heading: "About the recording", Notes: notes})
	}
	return s, nil
}

// what says whose load the pictures show; the figures beside are the nodes'.
func (v *view) what() string {
	switch {
	case v.ofNodes():
		return "What the nodes did. "
	case v.r.Axis.Name == "worker" && len(v.workers) == 1:
		return fmt.Sprintf("The figures are of the node; the pictures show %s, the worker that was found on it (--by node: the node). ", v.label(v.workers[0]))
	case v.r.Axis.Name == "worker":
		return fmt.Sprintf("The figures are of the nodes; the pictures show the %d workers that were found on them (--by node: the nodes). ", len(v.workers))
	}
	return fmt.Sprintf("The figures are of the nodes; the pictures show what each %s used of them. %s ", v.noun(), v.r.Axis.Unit)
}

// worthShowing leaves out pictures of things that were not recorded, and maxima
// that repeat the means because each cell holds one sample.
func (v *view) worthShowing(all []*Picture) []*Picture {
	var out []*Picture
	for _, p := range all {
		if p.Empty || p.Name == "heatmap-max" && v.r.Grid.Width <= v.r.Interval && v.r.Grid.Bins <= maxColumns {
			continue
		}
		out = append(out, p)
	}
	return out
}

// Lead says what was recorded: how many workers, when, how completely.
func Lead(r *analysis.Result) string {
	v := newView(r)
	what := "node"
	if v.csv {
		what = "worker"
	}
	if len(v.nodes) != 1 {
		what += "s"
	}
	var seen, expected int64
	for _, e := range v.nodes {
		seen, expected = seen+e.Presence.Seen, expected+e.Presence.Expected
	}
	s := fmt.Sprintf("%d %s, %s to %s (%s)", len(v.nodes), what, v.clock(r.From), v.clock(r.To), analysis.FormatDuration(r.To.Sub(r.From)))
	if r.Interval > 0 {
		s += ", one sample every " + analysis.FormatDuration(r.Interval)
	}
	return s + fmt.Sprintf("; coverage %s (%s of %s samples expected).", share(seen, expected), analysis.FormatCount(seen), analysis.FormatCount(expected))
}

func share(n, of int64) string {
	p := analysis.Presence{Seen: n, Expected: of}
	return coverage(&p)
}

// facts are the figures of the notebook's summary, mended, each with what it is over.
func (v *view) facts() []Fact {
	var out []Fact
	add := func(name, column, note string) {
		s := v.ofAll(column)
		if s == nil {
			out = append(out, Fact{name, "not recorded", ""})
			return
		}
		out = append(out, Fact{name, analysis.FormatValue(s.Mean, s.Unit), fmt.Sprintf("%sP95 %s, highest %s, %s samples", note, analysis.FormatValue(s.P95, s.Unit), analysis.FormatValue(s.Max, s.Unit), analysis.FormatCount(s.Samples))})
	}
	add("Average CPU", "cpu_util", "")
	add("Average memory", "memory_util", "")
	out = append(out, v.gpuFact())
	add("Average network", "network_mbps", "")
	u := v.r.Use
	if !u.CoresUsedMean.IsNaN() {
		out = append(out, Fact{"Cores used", fmt.Sprintf("%s of %s", analysis.FormatShort(float64(u.CoresUsedMean)), analysis.FormatShort(float64(u.Cores))),
			fmt.Sprintf("%s of %s core-hours", analysis.FormatShort(float64(u.CoreHoursUsed)), analysis.FormatShort(float64(u.CoreHours)))})
	}
	if !u.MemoryPeak.IsNaN() {
		out = append(out, Fact{"Peak memory", analysis.FormatBytes(float64(u.MemoryPeak)), fmt.Sprintf("of %s on %s", analysis.FormatBytes(float64(u.MemoryTotal)), u.MemoryPeakNode)})
	}
	if !u.GPUHours.IsNaN() {
		out = append(out, Fact{"GPU-hours", analysis.FormatShort(float64(u.GPUHoursUsed)) + " used", fmt.Sprintf("of %s on %d GPUs; %s at exactly zero", analysis.FormatShort(float64(u.GPUHours)), u.GPUs, analysis.FormatShort(float64(u.GPUHoursIdle)))})
	}
	if !u.GPUJoules.IsNaN() {
		out = append(out, Fact{"GPU energy", analysis.FormatEnergy(float64(u.GPUJoules)), idleEnergy(u)})
	}
	return out
}

func idleEnergy(u analysis.Use) string {
	if u.GPUIdleJoules.IsNaN() {
		return ""
	}
	return analysis.FormatEnergy(float64(u.GPUIdleJoules)) + " while idle"
}

// gpuFact is the GPU over the workers that have one, idle samples included.
func (v *view) gpuFact() Fact {
	b := v.box("gpu_util")
	if b.N == 0 {
		return Fact{"Average GPU", "no GPU", "no sample has a GPU value above 0"}
	}
	mean := analysis.Number(b.Mean)
	if s := v.ofAll("gpu_util"); s != nil && len(v.gpuNote()) == 0 {
		mean = s.Mean
	}
	with := 0
	for _, e := range v.nodes {
		if v.has(e, "gpu_util") {
			with++
		}
	}
	return Fact{"Average GPU", percent(mean), fmt.Sprintf("over %d of %d workers that have one, idle samples included; busy means at least one kernel was running", with, len(v.nodes))}
}

// workerTable is the table by row, nodes before what was found on them, with
// coverage beside every figure.
func (v *view) workerTable() *Table {
	t := &Table{Caption: v.about("Averages weighted by the time each sample covers; percentiles over samples"), Head: []string{v.row(), "CPU mean", "CPU P95", "Memory mean", "Memory max", "GPU mean", "Network mean", "Samples", "Coverage", "Gaps"}}
	rows := v.workers
	if !v.ofNodes() {
		rows = append(slices.Clone(v.nodes), rows...)
	}
	for _, e := range rows {
		get := func(column string, of func(*analysis.Stats) analysis.Number) string {
			if !v.has(e, column) {
				return "-"
			}
			s := e.Stats[column]
			return analysis.FormatValue(of(s), s.Unit)
		}
		mean := func(s *analysis.Stats) analysis.Number { return s.Mean }
		t.Rows = append(t.Rows, []string{v.label(e), get("cpu_util", mean), get("cpu_util", func(s *analysis.Stats) analysis.Number { return s.P95 }),
			get("memory_util", mean), get("memory_util", func(s *analysis.Stats) analysis.Number { return s.Max }), get("gpu_util", mean), get("network_mbps", mean),
			analysis.FormatCount(e.Presence.Seen), coverage(&e.Presence), fmt.Sprint(e.Presence.GapCount)})
	}
	if len(v.gpus) > 0 {
		t.Note = fmt.Sprintf("%d GPUs: nodemeter summary --by gpu tabulates them.", len(v.gpus))
	}
	return t.limit()
}

// Title names a report by its nodes.
func Title(r *analysis.Result) string {
	v := newView(r)
	names := map[string]bool{}
	var list []string
	for _, e := range r.Entities {
		if n := e.Entity.Node; e.Entity.Kind == metric.Node && n != "" && !names[n] {
			names[n] = true
			list = append(list, n)
		}
	}
	switch {
	case v.csv || len(list) == 0:
		return fmt.Sprintf("Resource report: %d workers", len(v.nodes))
	case len(list) <= 3:
		return "Resource report: " + strings.Join(list, ", ")
	}
	return fmt.Sprintf("Resource report: %s to %s (%d nodes)", list[0], list[len(list)-1], len(list))
}
