package analysis

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"nodemeter/collector/metric"
)

// AnalyzeJob analyzes one job: what its workers used, and its nodes while it
// ran. The recording is read twice, first for the job's span and nodes.
func AnalyzeJob(ctx context.Context, o Options) (*Result, error) {
	found, err := FindJob(ctx, o)
	if err != nil {
		return nil, err
	}
	g := found.Groups[0]
	o.Nodes = g.Nodes
	if o.From.Before(g.Presence.First) {
		// Half a tick on either side, for a last sample between two ticks.
		o.From = g.Presence.First.Add(-found.Interval / 2)
	}
	if to := g.Presence.Last.Add(found.Interval / 2); o.To.IsZero() || o.To.After(to) {
		o.To = to
	}
	r, err := Analyze(ctx, o)
	if err != nil {
		return nil, err
	}
	// A worker's first sample is now the first of all: that it began during the
	// recording is what the first reading knew.
	r.Groups, r.groupWidth = found.Groups, found.groupWidth
	r.Notes = append(r.Notes, "Use and findings are of the job's nodes while it ran, with all else that ran there; what the job itself used is in its row.")
	return r, nil
}

// FindJob reads the recording for the workers of o.Job alone; Groups of the
// Result has one entry.
func FindJob(ctx context.Context, o Options) (*Result, error) {
	o.By, o.Group = metric.Worker, "job"
	r, err := Analyze(ctx, o)
	if err != nil {
		return nil, err
	}
	if len(r.Groups) == 0 {
		return nil, fmt.Errorf("no worker of job %s in %s: see --by job for those that were recorded", Escape(o.Job), Escape(strings.Join(r.Inputs.Paths, ", ")))
	}
	return r, nil
}

// isJob reports whether labels are those of a job: by its number, or as the
// resource manager writes tasks of an array, ARRAY_TASK.
func isJob(labels []metric.Label, id string) bool {
	job, array, task := "", "", ""
	for _, l := range labels {
		switch l.Name {
		case "job":
			job = l.Value
		case "array_job":
			array = l.Value
		case "array_task":
			task = l.Value
		}
	}
	return id == job || array != "" && id == array+"_"+task
}

// WriteLines writes one line a job or user: what it used of what it was given.
func (r *Result) WriteLines(w io.Writer) error {
	for _, g := range r.Groups {
		if _, err := fmt.Fprintln(w, r.line(g)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Result) line(g *Group) string {
	name := r.groupLabel(g)
	if g.Name != "" {
		name = r.group + " " + g.Name
	}
	var who []string
	for _, label := range []string{"job_name", "user"} {
		if v := g.Info[label]; v != "" {
			who = append(who, v)
		}
	}
	if len(who) > 0 {
		name += " (" + strings.Join(who, ", ") + ")"
	}
	parts := []string{fmt.Sprintf("%s on %s", FormatDuration(g.elapsed()), countOf(int64(len(g.Nodes)), "node"))}
	for _, part := range []string{g.cpuPart(), g.memoryPart(), g.gpuPart()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	parts = append(parts, "coverage "+formatCoverage(g.coverage(r.Interval)))
	if !g.Whole {
		parts = append(parts, "only a part of it was recorded")
	}
	return "nodemeter: " + Escape(name) + ": " + strings.Join(parts, "; ")
}

// elapsed is how long the group ran, or was seen where its edges are not known.
func (g *Group) elapsed() time.Duration {
	if g.Start.IsZero() || g.End.IsZero() {
		return g.Presence.Duration()
	}
	return g.End.Sub(g.Start)
}

// coverage compares the samples with those that the workers' lives had room for.
func (g *Group) coverage(interval time.Duration) (seen, expected int64) {
	seen, expected = g.Presence.Seen, g.Presence.Expected
	if interval > 0 {
		expected = max(expected, int64(g.Lived/interval))
	}
	return min(seen, expected), expected
}

func (g *Group) peak(column string) float64 {
	if s := g.Stats[column]; s != nil {
		return float64(s.Max)
	}
	return 0
}

// ofGiven is "USED UNIT of GIVEN UNIT (SHARE)".
func ofGiven(used, given float64, format func(float64) string) string {
	if given <= 0 {
		return format(used)
	}
	return fmt.Sprintf("%s of %s (%.0f%%)", format(used), format(given), 100*used/given)
}

// cpuPart is the mean of the cores used: the kernel's total where all of it is known.
func (g *Group) cpuPart() string {
	seconds, counted := g.Increase["worker_cpu_seconds"]
	cores := 0.0
	switch s := g.Stats["worker_cpu_cores"]; {
	case counted && g.Whole && g.elapsed() > 0:
		cores = seconds / g.elapsed().Seconds()
	case s != nil:
		cores = float64(s.Mean)
	default:
		return ""
	}
	given := g.peak("worker_cpus_allocated")
	text := "CPU " + ofGiven(cores, given, FormatShort)
	if given <= 0 {
		return text + " cores"
	}
	return strings.Replace(text, " (", " cores (", 1)
}

func (g *Group) memoryPart() string {
	if g.Stats["worker_memory_bytes"] == nil {
		return ""
	}
	return "memory peak " + ofGiven(g.peak("worker_memory_bytes"), g.peak("worker_memory_allocated_bytes"), FormatBytes)
}

// gpuPart says how many of the GPUs a process was ever on, and how busy those were.
func (g *Group) gpuPart() string {
	given, used := g.peak("worker_gpus_allocated"), g.peak("worker_gpus")
	if given == 0 && used == 0 {
		return ""
	}
	text := fmt.Sprintf("GPU %s used", FormatShort(used))
	if given > 0 {
		text = fmt.Sprintf("GPU %s of %s used", FormatShort(used), FormatShort(given))
	}
	if used > 0 && g.GPUHours > 0 && !g.GPUHoursUsed.IsNaN() {
		text += fmt.Sprintf(", mean %.0f%%", 100*float64(g.GPUHoursUsed/g.GPUHours))
	}
	if idle := given - used; idle > 0 {
		text += fmt.Sprintf(", %s idle throughout", FormatShort(idle))
	}
	return text
}
