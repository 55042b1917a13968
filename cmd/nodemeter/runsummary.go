package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"syscall"
	"time"

	"nodemeter/analysis"
	"nodemeter/analysis/report"
	"nodemeter/collector/metric"
)

// workerColumns are what the agent records of the command's processes.
var workerColumns = []string{
	"cpu_util", "worker_cpu_cores", "worker_cpu_seconds", "worker_memory_bytes", "worker_read_bytes", "worker_written_bytes",
	"worker_processes", "worker_threads", "worker_gpus", "gpu_util", "gpu_memory_used_bytes",
}

// tell prints what the command and the node used.
func (f runFlags) tell(ctx context.Context, r *running, args []string, end ending, took time.Duration, w io.Writer) error {
	o := analysis.Options{Paths: []string{r.dir}, Zone: time.Local, Kinds: []metric.EntityKind{metric.Worker, metric.GPU, metric.MIG}, Columns: workerColumns}
	result, err := analysis.Analyze(ctx, o)
	if !f.quiet {
		writeCommand(w, args, end, took, result)
	}
	if err != nil {
		return fmt.Errorf("nothing of it was recorded: %w", err)
	}
	reportProblems(w, result.Problems)
	if !f.quiet {
		fmt.Fprintf(w, "\nThe node meanwhile, everybody's load together:\n\n")
		if err := result.WriteText(w); err != nil {
			return err
		}
		fmt.Fprintf(w, "\nRecorded in %s\n", analysis.Escape(r.dir))
	}
	if f.report == "" {
		return nil
	}
	return writeRunReport(ctx, f.report, args, result)
}

// writeCommand prints the part on the command's own processes: from the kernel's
// accounting what it and the children it waited for used, and from the samples
// what all of its processes did over time.
func writeCommand(w io.Writer, args []string, end ending, took time.Duration, result *analysis.Result) {
	fmt.Fprintf(w, "\nnodemeter: %s %s after %s\n\n", analysis.Escape(shortCommand(args)), end.how(), analysis.FormatDuration(took))
	t := analysis.Table{Header: []string{"Process tree", "", ""}, Left: 3}
	user, system := timeval(end.usage.Utime), timeval(end.usage.Stime)
	t.Add("processor time", fmt.Sprintf("%.2f s", (user+system).Seconds()), fmt.Sprintf("user %.2f s, system %.2f s", user.Seconds(), system.Seconds()))
	tree := runWorker(result)
	// A process begins with the peak of the one that started it (exec_mmap in the
	// kernel), so that what is below ours is not known.
	if largest := end.usage.Maxrss; largest > ownPeak() {
		t.Add("largest process", analysis.FormatBytes(float64(largest)*1024), "resident at most, by the kernel")
	}
	if tree != nil && tree.Stats["worker_processes"] != nil && tree.Stats["worker_processes"].Max == 0 {
		t.Add("samples", "none", "while it ran; a shorter --interval sees more")
	} else if tree != nil {
		addTree(&t, tree, result)
	}
	_ = t.Write(w) // as all diagnostics
}

// ownPeak is this process's largest resident size so far, in KiB as getrusage(2) has it.
func ownPeak() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Maxrss
}

// runWorker is the worker of the command's processes, or nil.
func runWorker(result *analysis.Result) *analysis.EntityResult {
	if result == nil {
		return nil
	}
	for _, e := range result.Entities {
		if e.Entity.Kind == metric.Worker && strings.HasPrefix(e.Entity.ID, "run-") {
			return e
		}
	}
	return nil
}

// addTree adds what the samples say.
func addTree(t *analysis.Table, tree *analysis.EntityResult, result *analysis.Result) {
	if s := tree.Stats["worker_cpu_cores"]; s != nil {
		of := ""
		for _, n := range result.Nodes() {
			if c := n.Stats["cpu_count"]; c != nil {
				of = fmt.Sprintf(" of %s", analysis.FormatShort(float64(c.Max)))
			}
		}
		t.Add("busy cores", fmt.Sprintf("%.2f%s", float64(s.Mean), of), fmt.Sprintf("at most %.2f; all of its processes, those it left behind too", float64(s.Max)))
	}
	if s := tree.Stats["worker_memory_bytes"]; s != nil {
		t.Add("memory", analysis.FormatBytes(float64(s.Max)), fmt.Sprintf("at most in a sample, all processes; %s on average", analysis.FormatBytes(float64(s.Mean))))
	}
	if s := tree.Stats["worker_processes"]; s != nil {
		note := ""
		if th := tree.Stats["worker_threads"]; th != nil {
			note = fmt.Sprintf("at most at one time, with %s threads", analysis.FormatShort(float64(th.Max)))
		}
		t.Add("processes", analysis.FormatShort(float64(s.Max)), note)
	}
	read, written := increase(tree, "worker_read_bytes"), increase(tree, "worker_written_bytes")
	if !math.IsNaN(read) {
		t.Add("storage", analysis.FormatBytes(read)+" read", analysis.FormatBytes(written)+" written")
	}
	if s := tree.Stats["gpu_util"]; s != nil {
		t.Add("GPU", fmt.Sprintf("%.1f%%", 100*float64(s.Mean)), "of the time a kernel of its ran, on the GPUs it used")
	}
	if s := tree.Stats["gpu_memory_used_bytes"]; s != nil {
		t.Add("GPU memory", analysis.FormatBytes(float64(s.Max)), "at most")
	}
}

// increase is by how much a counter grew, or NaN.
func increase(e *analysis.EntityResult, column string) float64 {
	if i, ok := e.Increase[column]; ok {
		return i.Total
	}
	return math.NaN()
}

// shortCommand is the command line, cut to what fits on a line.
func shortCommand(args []string) string {
	const most = 60
	line := []rune(strings.Join(args, " "))
	if len(line) > most {
		return string(line[:most-1]) + "…"
	}
	return string(line)
}

func timeval(t syscall.Timeval) time.Duration { return time.Duration(t.Nano()) }

// writeRunReport writes the HTML page of the run.
func writeRunReport(ctx context.Context, file string, args []string, result *analysis.Result) error {
	section, err := report.Recording(result, "", nil)
	if err != nil {
		return err
	}
	page := report.Page{
		Title: shortCommand(args), Made: "nodemeter " + version, Lead: report.Lead(result), Verdict: result.Bound.Sentence,
		Takeaways: report.Takeaways(result), Sections: []report.Section{section},
	}
	return writeOutput(ctx, io.Discard, file, page.Write)
}
