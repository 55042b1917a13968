package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
	"nodemeter/analysis/report"
	"nodemeter/analysis/tasks"
	"nodemeter/collector/metric"
)

type reportFlags struct {
	analyze analyzeFlags
	tasks   taskInputs
	windows []string
	output  string
	title   string
	rules   string
	by      axisFlag
}

func newReport() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report [DIR|FILE…]",
		Short: "Write one self-contained HTML page that explains a run",
		Long: `Report writes one HTML file with the pictures, figures, coverage and findings of a recording:
sample windows (directories or single files, open ones too) or one CSV of the notebook's shape.
With --tasks (or --runs, or --scaling) it has the notebook's other sections too, in its order;
section 5 is then left out unless a recording is named, as arguments or by --windows.

The pictures have a line or row for each worker (job, engine's worker, process tree) where attribution
found a few, else for each node; --by node, worker, job or user says which. The figures are of the nodes.

The file needs no network, no script and no font; it prints, and follows the reader's light or
dark theme. The same recording gives the same bytes.`,
		Example: `  nodemeter report -o report.html
  nodemeter report --since 2h --title 'Training run 12' -o run12.html DIR
  nodemeter report --tasks runs.yaml --scaling scaling.csv --windows DIR`,
		RunE: func(cmd *cobra.Command, args []string) error { return runReport(cmd, args, &f) },
	}
	f.analyze.add(cmd)
	fl := cmd.Flags()
	f.tasks.add(fl)
	fl.StringSliceVar(&f.windows, "windows", nil, "the recording's `PATHS`, the same as the arguments")
	fl.StringVarP(&f.output, "output", "o", "report.html", "`FILE` to write, - for standard output")
	fl.StringVar(&f.rules, "rules", "", "take the findings' rules from this `FILE` (YAML) instead of the built-in ones")
	f.by.add(fl)
	fl.StringVar(&f.title, "title", "", "`TITLE` of the page (default: made of the nodes' names)")
	return cmd
}

func runReport(cmd *cobra.Command, args []string, f *reportFlags) error {
	page := report.Page{Title: f.title, Made: "nodemeter " + version}
	paths := append(args, f.windows...)
	var measured *report.Tasks
	if f.tasks.given() {
		zone, err := taskZone(f.analyze.zone)
		if err != nil {
			return err
		}
		if measured, err = f.tasks.read(cmd, zone); err != nil {
			return err
		}
	}
	var recorded *analysis.Result
	if measured == nil || len(paths) > 0 || f.analyze.server.url != "" {
		var err error
		if recorded, err = f.readRecording(cmd, paths, measured); err != nil {
			return err
		}
	}
	if measured != nil {
		page.AddTasks(measured)
	}
	if recorded != nil {
		if err := page.AddRecording(recorded, measured); err != nil {
			return err
		}
	}
	if err := writeOutput(cmd.Context(), cmd.OutOrStdout(), f.output, page.Write); err != nil {
		return fmt.Errorf("write %s: %w", analysis.Escape(f.output), err)
	}
	if f.output != "-" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d %s\n", analysis.Escape(f.output), len(page.Sections), plural(len(page.Sections), "section", "sections"))
	}
	return nil
}

// readRecording reads section 5's samples, and joins tasks with them where both are there.
func (f *reportFlags) readRecording(cmd *cobra.Command, paths []string, measured *report.Tasks) (*analysis.Result, error) {
	if measured != nil && slices.Contains(paths, "-") {
		return nil, usagef("a recording beside tasks is read several times: give a file instead of -")
	}
	o, err := f.analyze.options(cmd, paths)
	if err != nil {
		return nil, err
	}
	if err := f.by.set(&o); err != nil {
		return nil, err
	}
	o.Kinds = []metric.EntityKind{metric.GPU, metric.MIG}
	if o.Rules, err = loadRules(f.rules, nil); err != nil {
		return nil, err
	}
	result, err := f.analyze.analyze(cmd, o)
	if err != nil {
		return nil, err
	}
	reportProblems(cmd.ErrOrStderr(), result.Problems)
	f.by.check(cmd.ErrOrStderr(), result)
	if measured != nil && f.analyze.server.url == "" {
		if measured.Join, err = tasks.NewJoin(cmd.Context(), measured.Set, o); err != nil {
			return nil, err
		}
	}
	return result, nil
}
