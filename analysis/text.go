package analysis

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"nodemeter/collector/metric"
)

// maxTableEntities is how many entities the text table shows; CSV and JSON show all.
const maxTableEntities = 20

// metricRow is one metric of the per-entity table.
type metricRow struct{ column, label string }

// tableMetrics are the metrics tabulated for each kind of entity.
func tableMetrics(kind metric.EntityKind) []metricRow {
	switch kind {
	case metric.CPU:
		return []metricRow{{"cpu_util", "CPU"}}
	case metric.NIC:
		return []metricRow{{"network_mbps", "network"}, {"network_receive_bytes", "received"}, {"network_transmit_bytes", "sent"}}
	case metric.Disk:
		return []metricRow{{"disk_read_bytes", "read"}, {"disk_written_bytes", "written"}}
	case metric.GPU, metric.MIG:
		return []metricRow{{"gpu_util", "GPU"}, {"gpu_memory_util", "memory"}, {"gpu_power_watts", "power"}}
	case metric.Worker:
		return []metricRow{{"cpu_util", "CPU"}, {"worker_cpu_cores", "busy cores"}, {"memory_util", "memory"}, {"worker_memory_bytes", "memory"}, {"gpu_util", "GPU"}, {"network_mbps", "network"}}
	}
	return []metricRow{{"cpu_util", "CPU"}, {"memory_util", "memory"}, {"gpu_util", "GPU"}, {"network_mbps", "network"}}
}

// Nodes are the nodes, or the workers of a CSV.
func (r *Result) Nodes() []*EntityResult {
	var out []*EntityResult
	for _, e := range r.Entities {
		if e.Entity.Kind == metric.Node {
			out = append(out, e)
		}
	}
	return out
}

// WriteText writes the summary for people: the notebook's block, what was
// recorded, the table, use, findings and notes.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	r.writeNotebookBlock(&b)
	r.writeSpan(&b)
	if err := r.writeTable(&b); err != nil {
		return err
	}
	if err := r.writeSparks(&b); err != nil {
		return err
	}
	r.writeUse(&b)
	r.writeFindings(&b)
	r.writeNotes(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeNotebookBlock prints what the notebook prints, each sample weighing the
// same, and the GPU a second time over all samples.
func (r *Result) writeNotebookBlock(b *strings.Builder) {
	line := func(label string, n Number, note string) {
		if note != "" {
			note = "  " + note
		}
		fmt.Fprintf(b, "  Avg %s: %s%s\n", label, pythonPercent(n*100), note)
	}
	b.WriteString("Resource Utilization Summary:\n")
	for _, m := range []metricRow{{"cpu_util", "CPU"}, {"memory_util", "Memory"}} {
		if s := r.Overall[m.column]; s != nil {
			line(m.label, s.SampleMean, "")
		} else {
			fmt.Fprintf(b, "  Avg %s: not recorded\n", m.label)
		}
	}
	switch g := r.Overall["gpu_util"]; {
	case g == nil && r.hasGPU():
		b.WriteString("  Avg GPU: not recorded for nodes; --by gpu shows the devices\n")
	case g == nil:
		fmt.Fprintf(b, "  Avg GPU: none: %s\n", r.whyNoGPU())
	case g.ActiveSamples == 0 && g.Max != 0: // scrapes do not tell
		line("GPU", g.SampleMean, "over all samples, idle included; how many were active is not known")
	case g.ActiveSamples == 0:
		fmt.Fprintf(b, "  Avg GPU: none active: all %s read 0 (the notebook's figure is over gpu_util > 0)\n", countOf(g.Samples, "GPU sample"))
		line("GPU", g.SampleMean, "over all samples, idle included")
	default:
		line("GPU", g.ActiveMean, fmt.Sprintf("over active samples, gpu_util > 0: %s of %s (the notebook's figure)", FormatCount(g.ActiveSamples), FormatCount(g.Samples)))
		line("GPU", g.SampleMean, "over all samples, idle included")
	}
}

// whyNoGPU tells a machine without a GPU from one whose GPUs gave no figure.
func (r *Result) whyNoGPU() string {
	states := map[string]bool{}
	for _, e := range r.Nodes() {
		for state := range e.States["gpu_state"] {
			states[state] = true
		}
	}
	known := len(states) > 0
	delete(states, "none")
	switch {
	case !known:
		return "no sample has a GPU value"
	case len(states) == 0:
		return "there is no GPU"
	case states["ok"] && len(states) == 1:
		return "the GPUs do not tell their utilization (not supported, or MIG)"
	}
	return "the GPUs could not be read (gpu_state: " + strings.Join(slices.Sorted(maps.Keys(states)), ", ") + ")"
}

// writeSpan prints where the figures come from.
func (r *Result) writeSpan(b *strings.Builder) {
	nodes := r.Nodes()
	var seen, expected int64
	for _, e := range nodes {
		seen += e.Presence.Seen
		expected += e.Presence.Expected
	}
	what := "node"
	if r.Inputs.Kind == KindCSV {
		what = "worker"
	}
	fmt.Fprintf(b, "\n%s: %s", countOf(int64(len(nodes)), what), r.span(r.From, r.To))
	fmt.Fprintf(b, "\n%s", countOf(seen, "sample"))
	if r.Interval > 0 {
		fmt.Fprintf(b, ", one every %s", FormatDuration(r.Interval))
	}
	fmt.Fprintf(b, ", coverage %s (%s of %s expected)\n", formatCoverage(seen, expected), FormatCount(seen), FormatCount(expected))
}

// span writes a span of time with its zone.
func (r *Result) span(from, to time.Time) string {
	if r.Frame != nil && r.Frame.NoClock {
		return fmt.Sprintf("from offset %s to %s", FormatDuration(time.Duration(from.UnixNano())), FormatDuration(time.Duration(to.UnixNano())))
	}
	const layout = "2006-01-02 15:04:05"
	f, t := from.In(r.Zone), to.In(r.Zone)
	end := t.Format(layout)
	if f.Format(time.DateOnly) == t.Format(time.DateOnly) {
		end = t.Format(time.TimeOnly)
	}
	return fmt.Sprintf("%s to %s, %s (%s)", f.Format(layout), end, ZoneName(r.Zone), FormatDuration(to.Sub(from)))
}

func formatCoverage(seen, expected int64) string {
	if expected == 0 {
		return "-"
	}
	c := 100 * min(1, float64(seen)/float64(expected))
	if s := fmt.Sprintf("%.1f%%", c); s != "100.0%" || seen >= expected {
		return s
	}
	return ">99.9%"
}

// writeTable prints the figures of each entity.
func (r *Result) writeTable(b *strings.Builder) error {
	b.WriteString("\n")
	if r.group != "" {
		return r.writeGroups(b)
	}
	entities := r.textRows()
	if len(entities) == 0 {
		fmt.Fprintf(b, "No %s was recorded.\n", max(r.by, metric.Node))
		return nil
	}
	name := "Worker"
	switch r.by {
	case 0, metric.Worker:
	case metric.Node:
		name = "Node"
	default:
		name = strings.ToUpper(r.by.String())
	}
	t := &Table{Header: []string{name, "Metric", "Mean", "Min", "P5", "P50", "P95", "P99", "Max", "Samples", "Coverage"}, Left: 2}
	shown := entities[:min(len(entities), maxTableEntities)]
	for _, e := range shown {
		r.tableRows(t, Escape(e.Entity.Label()), e.Stats)
	}
	if len(r.Nodes()) > 1 && (r.by == 0 || r.by == metric.Node || r.by == metric.Worker && r.workerCount() == 0) {
		r.tableRows(t, "all", r.Overall)
	}
	if err := t.Write(b); err != nil {
		return err
	}
	if n := len(entities) - len(shown); n > 0 {
		fmt.Fprintf(b, "  … and %s more: --format csv or json shows all\n", FormatCount(int64(n)))
	}
	b.WriteString(r.aboutWorkers())
	fmt.Fprintf(b, "  Means are weighted by the time each sample covers; percentiles are over samples, %s.\n", r.methods(shown))
	return nil
}

func (r *Result) tableRows(t *Table, name string, stats map[string]*Stats) {
	for _, m := range tableMetrics(r.by) {
		s := stats[m.column]
		if s == nil {
			continue
		}
		t.Add(name, m.label, FormatValue(s.Mean, s.Unit), FormatValue(s.Min, s.Unit), FormatValue(s.P5, s.Unit), FormatValue(s.P50, s.Unit),
			FormatValue(s.P95, s.Unit), FormatValue(s.P99, s.Unit), FormatValue(s.Max, s.Unit), FormatCount(s.Samples), formatCoverage(s.Samples, s.Expected))
		name = ""
	}
}

// methods says how good the percentiles in the table are.
func (r *Result) methods(entities []*EntityResult) string {
	found := map[string]bool{}
	for _, e := range entities {
		for _, m := range tableMetrics(r.by) {
			if s := e.Stats[m.column]; s != nil {
				found[s.Percentiles] = true
			}
		}
	}
	var out []string
	if found[methodExact] {
		out = append(out, "exact")
	}
	if found[methodStep] {
		out = append(out, "exact to 0.01 % for utilization")
	}
	if found[methodWide] {
		out = append(out, "within 0.1 % of the value for other units")
	}
	for _, method := range slices.Sorted(maps.Keys(found)) { // a server's
		if method != methodExact && method != methodStep && method != methodWide {
			out = append(out, method)
		}
	}
	return strings.Join(out, ", ")
}

// writeNotes prints what a reader must know to trust the figures.
func (r *Result) writeNotes(b *strings.Builder) {
	notes := r.AllNotes()
	if len(notes) == 0 {
		return
	}
	b.WriteString("\nNotes:\n")
	for _, n := range notes {
		fmt.Fprintf(b, "  - %s\n", n)
	}
}
