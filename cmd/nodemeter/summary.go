package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
	"nodemeter/collector/window"
)

// analyzeFlags are the flags of every command that analyzes a recording.
type analyzeFlags struct {
	times timeRange
	zone  string
	nodes []string

	server serverFlags
}

func (f *analyzeFlags) add(cmd *cobra.Command) {
	f.times.add(cmd.Flags())
	cmd.Flags().StringVar(&f.zone, "zone", "Local", "show times in this `ZONE`: Local, UTC or a name such as Europe/Zurich; a CSV's timestamps without a zone are taken to be in it")
	cmd.Flags().StringSliceVar(&f.nodes, "nodes", nil, "read these `NODES` only, and name those of which there is nothing")
	f.server.add(cmd)
}

// options makes analysis options of the flags and paths; without paths it takes
// the directory that nodemeterd records to, and says so on stderr.
func (f *analyzeFlags) options(cmd *cobra.Command, paths []string) (analysis.Options, error) {
	from, to, err := f.times.bounds()
	if err != nil {
		return analysis.Options{}, err
	}
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return analysis.Options{}, usagef("--zone %s: %v", analysis.Escape(f.zone), err)
	}
	if paths, err = f.server.paths(cmd, paths); err != nil {
		return analysis.Options{}, err
	}
	if os.Getenv("GOGC") == "" {
		// Recordings of any size: 170 instead of 225 MB on 700 node-days, for 6 % more time.
		debug.SetGCPercent(50)
	}
	return analysis.Options{Paths: paths, Stdin: interruptible{cmd.Context(), cmd.InOrStdin()}, From: from, To: to, Zone: zone, Nodes: f.nodes, Progress: readProgress(cmd.ErrOrStderr(), time.Now)}, nil
}

// summaryFlags are the flags of summary.
type summaryFlags struct {
	analyze           analyzeFlags
	format, by, rules string
	job               string
	failOn            []string
	printRules        bool
}

func newSummary() *cobra.Command {
	var f summaryFlags
	cmd := &cobra.Command{
		Use:   "summary [DIR|FILE…]",
		Short: "Print what a recording used: the notebook's summary, a table per worker, use and findings",
		Long: `Summary reads sample windows (directories or single files, open ones too), or one CSV of the
notebook's shape (timestamp,time_offset,worker_id,cpu_util,memory_util,gpu_util,network_mbps; "-" is
standard input), and prints the notebook's "Resource Utilization Summary" and a table per node and
worker. --by job and --by user add up the workers of each (docs/workers.md).
Without arguments it reads where nodemeterd records by default.`,
		Example: "  nodemeter summary\n  nodemeter summary --since 2h --by gpu\n  nodemeter summary --by job DIR\n  nodemeter summary --job 4711 --format line DIR\n  nodemeter summary --format json resource_samples.csv",
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.analyze.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "`FORMAT` of the output: text, json or csv; with --job, --by job or --by user also line: one line each")
	fl.StringVar(&f.by, "by", "", "a row of the table is a `KIND`: node, worker, job, user, gpu, nic, disk or cpu; without it nodes, and workers where there are few. A job's or user's workers are added up")
	fl.StringVar(&f.job, "job", "", "only the job with this `ID` (ARRAY_TASK for a task of an array), and its nodes while it ran")
	fl.StringVar(&f.rules, "rules", "", "take the findings' rules from this `FILE` (YAML) instead of the built-in ones")
	fl.BoolVar(&f.printRules, "print-rules", false, "print the built-in rules, to begin a file for --rules with")
	fl.StringSliceVar(&f.failOn, "fail-on", nil, "exit with 1 on a finding of this `SEVERITY` (info, warning, critical) or worse, or of this id; may be repeated")
	return cmd
}

func (f *summaryFlags) run(cmd *cobra.Command, args []string) error {
	if f.printRules {
		_, err := io.WriteString(cmd.OutOrStdout(), analysis.DefaultRulesYAML())
		return err
	}
	if f.job != "" && f.by == "" {
		f.by = "job"
	}
	write, err := summaryWriter(f.format)
	if err != nil {
		return err
	}
	var by analysis.Options
	if err := by.SetBy(f.by); err != nil {
		return usageError{err}
	}
	if err := f.check(by); err != nil {
		return err
	}
	rules, err := loadRules(f.rules, f.failOn)
	if err != nil {
		return err
	}
	o, err := f.analyze.options(cmd, args)
	if err != nil {
		return err
	}
	o.Rules = rules
	if err := o.SetBy(f.by); err != nil {
		return usageError{err}
	}
	result, err := f.result(cmd, o)
	if err != nil {
		return err
	}
	reportProblems(cmd.ErrOrStderr(), result.Problems)
	if err := write(result, cmd.OutOrStdout()); err != nil {
		return err
	}
	return failFound(cmd.ErrOrStderr(), result.FailOn(f.failOn))
}

// check reports flags that contradict each other.
func (f *summaryFlags) check(o analysis.Options) error {
	switch {
	case f.format == "line" && o.Group == "":
		return usagef("--format line is for --job, --by job and --by user")
	case f.job != "" && o.Group != "job":
		return usagef("--job and --by %s: a job is tabulated by job", analysis.Escape(f.by))
	case f.job != "" && f.analyze.server.url != "":
		return usagef("--job with --prometheus: give windows; a server has no jobs")
	}
	return nil
}

// result analyzes what was asked for. A line needs the job's workers only, not
// its nodes.
func (f *summaryFlags) result(cmd *cobra.Command, o analysis.Options) (*analysis.Result, error) {
	switch o.Job = f.job; {
	case f.job == "":
		return f.analyze.analyze(cmd, o)
	case f.format == "line":
		return analysis.FindJob(cmd.Context(), o)
	}
	return analysis.AnalyzeJob(cmd.Context(), o)
}

// loadRules reads the rules to use and checks what --fail-on names.
func loadRules(path string, failOn []string) (*analysis.Rules, error) {
	rules, err := analysis.DefaultRules()
	if path != "" {
		var b []byte
		if b, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		if rules, err = analysis.ParseRules(b); err != nil {
			return nil, fmt.Errorf("%s: %w", analysis.Escape(path), err)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, f := range failOn {
		if f != string(analysis.Info) && f != string(analysis.Warning) && f != string(analysis.Critical) && !rules.Has(f) {
			return nil, usagef("--fail-on %s: neither a severity (info, warning, critical) nor the id of a rule", analysis.Escape(f))
		}
	}
	return rules, nil
}

// failFound makes the exit code 1 where --fail-on is met.
func failFound(w io.Writer, found []analysis.Finding) error {
	if len(found) == 0 {
		return nil
	}
	for _, f := range found {
		fmt.Fprintf(w, "nodemeter: --fail-on: %s (%s)\n", f.ID, f.Severity)
	}
	return errFound
}

func summaryWriter(format string) (func(*analysis.Result, io.Writer) error, error) {
	switch format {
	case "text":
		return (*analysis.Result).WriteText, nil
	case "json":
		return (*analysis.Result).WriteJSON, nil
	case "csv":
		return (*analysis.Result).WriteCSV, nil
	case "line":
		return (*analysis.Result).WriteLines, nil
	}
	return nil, usagef("--format %s: give text, json, csv or line", analysis.Escape(format))
}

// reportProblems prints damage on stderr; the figures of what survives go on.
func reportProblems(w io.Writer, problems []window.Problem) {
	const few = 20
	w = printable{w}
	for i, p := range problems {
		if i == few {
			fmt.Fprintf(w, "nodemeter: and %d more problems\n", len(problems)-few)
			break
		}
		at := ""
		if p.Offset >= 0 {
			at = fmt.Sprintf(" at byte %d", p.Offset)
		}
		lost := ""
		if p.Lost != "" {
			lost = "; lost: " + analysis.Escape(p.Lost)
		}
		fmt.Fprintf(w, "nodemeter: warning: %s%s: %v%s\n", analysis.Escape(p.File), at, p.Err, lost)
	}
}
