package analysis

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"nodemeter/collector/metric"
)

// DocumentGroup is one job or user in JSON, in base units. Shares are in whole
// nodes and GPUs, which may pass 1.
type DocumentGroup struct {
	Label    string            `json:"label"`
	Name     string            `json:"name"` // empty for the workers without one
	Info     map[string]string `json:"info,omitempty"`
	Workers  int               `json:"workers"`
	Nodes    []string          `json:"nodes"`
	Start    *string           `json:"start"`
	End      *string           `json:"end"` // null while a worker has not ended
	From     string            `json:"from"`
	To       string            `json:"to"`
	Seen     int64             `json:"samples"`
	Expected int64             `json:"samples_expected"`
	Coverage Number            `json:"coverage"`
	Stats    map[string]*Stats `json:"stats"`
	Increase map[string]Number `json:"increase"`
	// GPU-hours that processes were on, that were given, and weighted by utilization.
	GPUHours          Number `json:"gpu_hours"`
	GPUHoursAllocated Number `json:"gpu_hours_allocated"`
	GPUHoursUsed      Number `json:"gpu_hours_used"`
}

func (r *Result) documentGroup(g *Group) DocumentGroup {
	p := &g.Presence
	d := DocumentGroup{
		Label: r.groupLabel(g), Name: g.Name, Info: g.Info, Workers: g.Workers, Nodes: g.Nodes, From: r.stamp(p.First), To: r.stamp(p.Last),
		Seen: p.Seen, Expected: p.Expected, Coverage: Number(p.Coverage()), Stats: g.Stats, Increase: map[string]Number{},
		GPUHours: g.GPUHours, GPUHoursAllocated: g.GPUHoursAllocated, GPUHoursUsed: g.GPUHoursUsed,
	}
	stamp := func(t time.Time) *string {
		if t.IsZero() {
			return nil
		}
		s := r.stamp(t)
		return &s
	}
	d.Start, d.End = stamp(g.Start), stamp(g.End)
	for name, v := range g.Increase {
		d.Increase[name] = Number(v)
	}
	return d
}

// groupLabel is the name of a group, or "no job".
func (r *Result) groupLabel(g *Group) string {
	if g.Name == "" {
		return "no " + r.group
	}
	return g.Name
}

// writeGroups prints the jobs or users, those with the most processor time first.
func (r *Result) writeGroups(b *strings.Builder) error {
	if len(r.Groups) == 0 {
		fmt.Fprintf(b, "No worker was recorded, so there is nothing to tell %ss by: attribution was off or found none.\n", r.group)
		return nil
	}
	groups := slices.Clone(r.Groups)
	slices.SortStableFunc(groups, func(x, y *Group) int {
		return cmp.Compare(y.Increase["worker_cpu_seconds"], x.Increase["worker_cpu_seconds"])
	})
	shown := groups[:min(len(groups), maxTableEntities)]
	if err := r.writeGroupTotals(b, shown); err != nil {
		return err
	}
	b.WriteString("\n")
	t := &Table{Header: []string{strings.ToUpper(r.group[:1]) + r.group[1:], "Metric", "Mean", "Min", "P5", "P50", "P95", "P99", "Max", "Ticks"}, Left: 2}
	for _, g := range shown {
		name := Escape(r.groupLabel(g))
		for _, m := range tableMetrics(metric.Worker) {
			s := g.Stats[m.column]
			if s == nil {
				continue
			}
			f := func(n Number) string { return FormatValue(n, s.Unit) }
			t.Add(name, m.label, f(s.Mean), f(s.Min), f(s.P5), f(s.P50), f(s.P95), f(s.P99), f(s.Max), FormatCount(s.Samples))
			name = ""
		}
	}
	if err := t.Write(b); err != nil {
		return err
	}
	if n := len(groups) - len(shown); n > 0 {
		fmt.Fprintf(b, "  … and %s more: --format csv or json shows all\n", FormatCount(int64(n)))
	}
	b.WriteString("  Figures are sums over the workers of a row at each tick: 100% of CPU and memory is one whole node, of GPU one whole GPU.\n")
	b.WriteString("  Means are weighted by time; core-hours are the kernel's own count, also of what was too short for a tick.\n")
	if r.groupWidth > 0 {
		fmt.Fprintf(b, "  There are many ticks: minimum, maximum and percentiles are over means of %s.\n", FormatDuration(r.groupWidth))
	}
	return nil
}

func (r *Result) writeGroupTotals(b *strings.Builder, groups []*Group) error {
	other := "User"
	if r.group == "user" {
		other = "Job"
	}
	t := &Table{Header: []string{strings.ToUpper(r.group[:1]) + r.group[1:], other, "Nodes", "Workers", "Start", "End", "Core-hours", "GPU-hours", "allocated", "used", "Read", "Written"}, Left: 2}
	const layout = "2006-01-02 15:04:05"
	for _, g := range groups {
		start, end := "-", "not ended"
		if !g.Start.IsZero() {
			start = g.Start.In(r.Zone).Format(layout)
		}
		if !g.End.IsZero() {
			end = g.End.In(r.Zone).Format(layout)
		}
		who := g.Info[strings.ToLower(other)]
		if r.group == "job" && g.Info["job_name"] != "" {
			who += " (" + g.Info["job_name"] + ")"
		}
		if who = strings.TrimSpace(who); who == "" {
			who = "-"
		} else {
			who = Escape(who)
		}
		total := func(column string, unit metric.Unit, scale float64) string {
			v, ok := g.Increase[column]
			if !ok {
				return "-"
			}
			return FormatValue(Number(v*scale), unit)
		}
		hours := func(n Number) string { return FormatValue(n, metric.Count) }
		t.Add(Escape(r.groupLabel(g)), who, FormatCount(int64(len(g.Nodes))), FormatCount(int64(g.Workers)), start, end,
			total("worker_cpu_seconds", metric.Count, 1.0/3600), hours(g.GPUHours), hours(g.GPUHoursAllocated), hours(g.GPUHoursUsed),
			total("worker_read_bytes", metric.Bytes, 1), total("worker_written_bytes", metric.Bytes, 1))
	}
	return t.Write(b)
}

// writeGroupCSV writes one row a group and metric; a counter has its growth in
// the column total, as have the GPU-hours.
func (r *Result) writeGroupCSV(out *csv.Writer) error {
	header := []string{
		r.group, "label", "workers", "nodes", "start", "end", "metric", "unit", "from", "to", "samples", "samples_expected", "coverage",
		"ticks", "total", "mean", "min", "p5", "p50", "p95", "p99", "max",
	}
	if err := out.Write(header); err != nil {
		return err
	}
	for _, g := range r.Groups {
		for _, row := range r.groupRows(g) {
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func (r *Result) groupRows(g *Group) [][]string {
	d := r.documentGroup(g)
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	row := func(name string, unit metric.Unit, rest ...string) []string {
		return append([]string{
			csvCell(g.Name), csvCell(d.Label), strconv.Itoa(g.Workers), csvCell(strings.Join(g.Nodes, " ")), text(d.Start), text(d.End), name, string(unit), d.From, d.To,
			strconv.FormatInt(d.Seen, 10), strconv.FormatInt(d.Expected, 10), csvNumber(d.Coverage),
		}, rest...)
	}
	var rows [][]string
	f := csvNumber
	for _, name := range slices.Sorted(maps.Keys(g.Stats)) {
		s := g.Stats[name]
		rows = append(rows, row(name, s.Unit, strconv.FormatInt(s.Samples, 10), "", f(s.Mean), f(s.Min), f(s.P5), f(s.P50), f(s.P95), f(s.P99), f(s.Max)))
	}
	total := func(name string, unit metric.Unit, v Number) {
		if !v.IsNaN() {
			rows = append(rows, row(name, unit, "", f(v), "", "", "", "", "", "", ""))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.Increase)) {
		unit := metric.Bytes
		if name == "worker_cpu_seconds" {
			unit = metric.Seconds
		}
		total(name, unit, Number(g.Increase[name]))
	}
	total("gpu_hours", "hours", g.GPUHours)
	total("gpu_hours_allocated", "hours", g.GPUHoursAllocated)
	total("gpu_hours_used", "hours", g.GPUHoursUsed)
	return rows
}
