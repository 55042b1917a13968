package analysis

import (
	"fmt"
	"slices"

	"nodemeter/collector/metric"
)

// boundBy says in one sentence what limited the run: the findings that name a
// bottleneck first, then the resource that was nearly full.
func (r *Result) boundBy(rules *Rules) BoundBy {
	var found []string
	for _, f := range r.Findings {
		if i := slices.IndexFunc(rules.Rules, func(x Rule) bool { return x.ID == f.ID }); f.Verdict == Found && i >= 0 {
			found = append(found, rules.Rules[i].Check)
		}
	}
	for _, b := range []struct{ check, resource, sentence string }{
		{"pressure-memory", "memory", "This run was memory-bound: work stalled for want of memory."},
		{"io-bound", "storage", "This run was storage-bound: work waited for reading and writing."},
		{"network-bound", "network", "This run was network-bound: its links were full."},
		{"input-bound", "input", "This run was input-bound: GPUs waited while the CPU prepared their input."},
	} {
		if slices.Contains(found, b.check) {
			return BoundBy{b.resource, b.sentence}
		}
	}
	return r.boundByUse(rules, slices.Contains(found, "serial"))
}

func (r *Result) boundByUse(rules *Rules, serial bool) BoundBy {
	gpu := r.meanOf("gpu_util", rules.Requires, func(e *EntityResult) bool { return e.Entity.Kind == metric.GPU || r.Inputs.Kind == KindCSV })
	cpu := r.meanOf("cpu_util", rules.Requires, func(e *EntityResult) bool { return e.Entity.Kind == metric.Node })
	used := func(n Number) string { return FormatValue(n, metric.Ratio) }
	switch {
	case float64(gpu) >= rules.Bound.GPU:
		return BoundBy{"gpu", fmt.Sprintf("This run was GPU-bound: GPUs were busy %s of the time.", used(gpu))}
	case float64(cpu) >= rules.Bound.CPU:
		return BoundBy{"cpu", fmt.Sprintf("This run was CPU-bound: the cores were busy %s of the time.", used(cpu))}
	case serial:
		return BoundBy{"one-core", "This run was bound by one core: it did all the work."}
	case cpu.IsNaN() && gpu.IsNaN():
		return BoundBy{"", "What bound this run is not said: too little was seen of it."}
	case gpu.IsNaN():
		return BoundBy{"nothing", fmt.Sprintf("This run was bound by nothing that was measured: CPU %s busy.", used(cpu))}
	case cpu.IsNaN():
		return BoundBy{"nothing", fmt.Sprintf("This run was bound by nothing that was measured: GPU %s busy.", used(gpu))}
	}
	return BoundBy{"nothing", fmt.Sprintf("This run was bound by nothing that was measured: CPU %s, GPU %s busy.", used(cpu), used(gpu))}
}

// meanOf is the mean over entities seen well enough, each weighing the same; in
// a CSV, GPUs that never showed any use are taken for none.
func (r *Result) meanOf(column string, needs Requires, want func(*EntityResult) bool) Number {
	var m rowMean
	for _, e := range r.Entities {
		s := e.Stats[column]
		if s == nil || !want(e) || s.Samples < needs.Samples || s.Coverage() < needs.Coverage {
			continue
		}
		if column == "gpu_util" && r.Inputs.Kind == KindCSV && s.Max == 0 {
			continue
		}
		m.add(float64(s.Mean))
	}
	return m.mean()
}
