package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nodemeter/analysis"
	"nodemeter/analysis/report"
	"nodemeter/analysis/tasks"
)

// taskInputs are the flags of commands that draw task metrics.
type taskInputs struct {
	files   []string
	runs    string
	scaling string
}

func (f *taskInputs) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.files, "tasks", nil, "task metrics: metrics.csv `FILES` or directories of them")
	flags.StringVar(&f.runs, "runs", "", "`FILE` that says which file belongs to which configuration (runs.yaml)")
	flags.StringVar(&f.scaling, "scaling", "", "`CSV` of measured scaling runs: kind,nodes,cores,tasks,time")
}

// taskZone is the zone of times that carry none.
func taskZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, usagef("--zone %s: %v", analysis.Escape(name), err)
	}
	return zone, nil
}

// given says whether there is anything to read.
func (f *taskInputs) given() bool { return len(f.files) > 0 || f.runs != "" || f.scaling != "" }

// read loads and measures the tasks; what was left out is said on stderr.
func (f *taskInputs) read(cmd *cobra.Command, zone *time.Location) (*report.Tasks, error) {
	if f.scaling == "-" && slices.Contains(f.files, "-") {
		return nil, usagef("--tasks - and --scaling -: standard input can be one of them")
	}
	m := &tasks.Manifest{}
	if f.runs != "" {
		var err error
		if m, err = tasks.ReadManifest(f.runs); err != nil {
			return nil, err
		}
	}
	if len(f.files) > 0 {
		found, err := tasks.FindRuns(f.files, tasks.Run{})
		if err != nil {
			return nil, err
		}
		if err := m.Add(found.Runs...); err != nil {
			return nil, err
		}
	}
	set, err := tasks.Load(cmd.Context(), m, tasks.Options{Zone: zone, Stdin: interruptible{cmd.Context(), cmd.InOrStdin()}})
	if err != nil {
		return nil, err
	}
	for _, file := range set.Files {
		if file.Rejected > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "nodemeter: warning: %s: %d of %d records left out; the first, line %d: %s\n", analysis.Escape(file.Path), file.Rejected, file.Rejected+file.Rows, file.Rejects[0].Line, analysis.Escape(file.Rejects[0].Reason))
		}
	}
	rows, err := f.scalingRows(cmd)
	if err != nil {
		return nil, err
	}
	return report.NewTasks(set, rows), nil
}

func (f *taskInputs) scalingRows(cmd *cobra.Command) ([]tasks.ScalingRow, error) {
	if f.scaling == "" {
		return nil, nil
	}
	file, err := openInput(cmd, f.scaling)
	if err != nil {
		return nil, fmt.Errorf("open the scaling runs: %w", err)
	}
	defer file.Close()
	rows, rejects, err := tasks.ReadScaling(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", analysis.Escape(f.scaling), err)
	}
	for _, r := range rejects {
		fmt.Fprintf(cmd.ErrOrStderr(), "nodemeter: warning: %s: line %d left out: %s\n", analysis.Escape(f.scaling), r.Line, analysis.Escape(r.Reason))
	}
	return rows, nil
}
