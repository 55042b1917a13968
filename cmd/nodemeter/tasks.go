package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
	"nodemeter/analysis/tasks"
)

const tasksLong = `Tasks reads what a workload manager wrote about its tasks: metrics.csv of QTau and pilot-quantum in
all their versions, the benchmarking notebook's columns, or any CSV with --map.

A metrics.csv says neither engine nor nodes nor cores. Give them with flags for one run, or list the
runs in a runs.yaml:

    zone: Europe/Berlin          # of times without a zone
    runs:
      - file: pcs-1/metrics.csv
        engine: ray
        nodes: 2
        cores: 128               # totals over all nodes
        gpus: 8

An argument is a file of tasks ("-" is standard input), a runs.yaml, or a directory with either.
'nodemeter tasks init DIR' drafts a runs.yaml.`

func newTasks() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tasks",
		Short: "Throughput, latency and comparison of tasks, from QTau's metrics.csv and others",
		Long:  tasksLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to show: nodemeter tasks summary, throughput, latency or compare; nodemeter tasks init drafts a runs.yaml")
		},
	}
	cmd.AddCommand(
		newTasksView("summary", "Print the tasks at a glance: the notebook's summary and what follows from the data", summaryView),
		newTasksView("throughput", "Print what each configuration delivered, and how well for its size", throughputView),
		newTasksView("latency", "Print how long tasks waited and ran", latencyView),
		newTasksView("compare", "Compare execution times of engines and configurations, with tests and effect sizes", compareView),
		newTasksInit(),
	)
	return cmd
}

// taskFlags say which tasks to read, and how.
type taskFlags struct {
	run                   tasks.Run
	zone, columns, schema string
	format                string
	windows               []string
}

func (f *taskFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.run.Engine, "engine", "", "`ENGINE` of the run, such as dask or ray")
	flags.StringVar(&f.run.Label, "label", "", "`NAME` of the configuration; runs of one name are its repeats")
	flags.Float64Var(&f.run.Nodes, "nodes", 0, "`NUMBER` of nodes of the run")
	flags.Float64Var(&f.run.Cores, "cores", 0, "`NUMBER` of cores of the run, over all nodes")
	flags.Float64Var(&f.run.GPUs, "gpus", 0, "`NUMBER` of GPUs of the run, over all nodes")
	flags.StringVar(&f.zone, "zone", "Local", "`ZONE` of times without a zone: Local, UTC or a name such as Europe/Berlin; runs.yaml goes first")
	flags.StringVar(&f.columns, "map", "", "`COLUMNS` of a foreign CSV: ours=theirs[:unit],…, such as execution_secs=runtime:ms,submit_time=queued:unix")
	flags.StringVar(&f.schema, "schema", "", "`LAYOUT` of files without a header, such as \"QTau 0.9.5\"")
	flags.StringVar(&f.format, "format", "text", "`FORMAT` of the output: text, json or csv")
}

// addWindows is for commands that show what the nodes did.
func (f *taskFlags) addWindows(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.windows, "windows", nil, "`DIR` or file of sample windows, or a CSV of samples: show what the nodes did meanwhile")
}

// load reads the tasks that the arguments name.
func (f *taskFlags) load(cmd *cobra.Command, args []string) (*tasks.Set, error) {
	if len(args) == 0 {
		args = []string{"."}
		fmt.Fprintln(cmd.ErrOrStderr(), "Reading the current directory")
	}
	opt, err := f.options()
	if err != nil {
		return nil, err
	}
	opt.Stdin = interruptible{cmd.Context(), cmd.InOrStdin()}
	manifest, err := tasks.FindRuns(args, f.run)
	if err != nil {
		return nil, err
	}
	set, err := tasks.Load(cmd.Context(), manifest, opt)
	if errors.Is(err, tasks.ErrNoHeader) {
		return nil, fmt.Errorf("%w\n%s", err, "Known layouts: "+fmt.Sprintf("%q", tasks.Schemas()))
	}
	return set, err
}

func (f *taskFlags) options() (tasks.Options, error) {
	var opt tasks.Options
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return opt, usagef("--zone %s: %v", analysis.Escape(f.zone), err)
	}
	for _, n := range []float64{f.run.Nodes, f.run.Cores, f.run.GPUs} {
		if !(n >= 0 && n <= 1e9) { // as in a runs.yaml
			return opt, usagef("--nodes, --cores and --gpus are numbers from 0 to 1e9")
		}
	}
	if f.schema != "" && !slices.ContainsFunc(tasks.Schemas(), func(known string) bool { return strings.EqualFold(known, f.schema) }) {
		return opt, usagef("--schema %s: there are %q", analysis.Escape(f.schema), tasks.Schemas())
	}
	opt.Zone, opt.Schema = zone, f.schema
	if f.columns != "" {
		if opt.Map, err = tasks.ParseColumnMap(f.columns); err != nil {
			return opt, usagef("--map: %v", err)
		}
	}
	return opt, nil
}

// join reads the windows, where they are asked for.
func (f *taskFlags) join(cmd *cobra.Command, set *tasks.Set) (*tasks.Join, error) {
	if len(f.windows) == 0 {
		return nil, nil
	}
	if slices.Contains(f.windows, "-") {
		return nil, usagef("--windows -: samples are read several times; give a file")
	}
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return nil, usagef("--zone %s: %v", analysis.Escape(f.zone), err)
	}
	return tasks.NewJoin(cmd.Context(), set, analysis.Options{Paths: f.windows, Zone: zone})
}

// view is what one command shows: text blocks one after another, the main table as
// CSV, and everything as JSON.
type view struct {
	blocks []interface{ WriteText(io.Writer) error }
	csv    interface{ WriteCSV(io.Writer) error }
	json   map[string]any
}

// newTasksView makes a command that loads tasks and shows a view of them.
func newTasksView(name, short string, make func(*tasks.Set, *tasks.Join) view) *cobra.Command {
	var flags taskFlags
	cmd := &cobra.Command{
		Use:     name + " [FILE|DIR|runs.yaml…]",
		Short:   short,
		Long:    short + ".\n\n" + tasksLong,
		Example: "  nodemeter tasks " + name + " --engine ray --nodes 2 --cores 128 metrics.csv\n  nodemeter tasks " + name + " runs.yaml --windows /var/lib/nodemeter/windows --format json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(flags.format); err != nil {
				return err
			}
			set, err := flags.load(cmd, args)
			if err != nil {
				return err
			}
			join, err := flags.join(cmd, set)
			if err != nil {
				return err
			}
			return show(cmd, make(set, join), set, join, flags.format)
		},
	}
	flags.add(cmd)
	flags.addWindows(cmd)
	return cmd
}

func checkFormat(format string) error {
	switch format {
	case "text", "json", "csv":
		return nil
	}
	return usagef("--format %s: give text, json or csv", analysis.Escape(format))
}

// show writes a view. What was left out of the files stands below text, within JSON,
// and on stderr beside CSV.
func show(cmd *cobra.Command, v view, set *tasks.Set, join *tasks.Join, format string) error {
	out := cmd.OutOrStdout()
	switch format {
	case "json":
		v.json["files"] = set.Files
		if join != nil {
			v.json["use"] = join
		}
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(v.json)
	case "csv":
		if err := set.WriteFiles(cmd.ErrOrStderr()); err != nil {
			return err
		}
		if join != nil {
			for _, warning := range join.Warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), "nodemeter: warning:", analysis.Escape(warning))
			}
		}
		return v.csv.WriteCSV(out)
	}
	for _, b := range v.blocks {
		if err := b.WriteText(out); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	if join != nil {
		if err := join.WriteText(out); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, "Files")
	return set.WriteFiles(out)
}

func summaryView(s *tasks.Set, join *tasks.Join) view {
	rows, _ := tasks.ScalingFromConfigs(s)
	var scaling *tasks.Scaling
	if len(rows) > 0 {
		sc := tasks.NewScaling(rows)
		scaling = &sc
	}
	sum := tasks.NewSummary(s, scaling, join)
	return view{blocks: []interface{ WriteText(io.Writer) error }{sum}, csv: sum, json: map[string]any{"summary": sum}}
}

func throughputView(s *tasks.Set, _ *tasks.Join) view {
	n, t := tasks.NewNotebookThroughput(s), tasks.NewThroughput(s)
	return view{blocks: []interface{ WriteText(io.Writer) error }{n, t}, csv: t, json: map[string]any{"notebook": n, "throughput": t}}
}

func latencyView(s *tasks.Set, _ *tasks.Join) view {
	n, l := tasks.NewNotebookLatency(s), tasks.NewLatency(s)
	return view{blocks: []interface{ WriteText(io.Writer) error }{n, l}, csv: l, json: map[string]any{"notebook": n, "latency": l}}
}

func compareView(s *tasks.Set, _ *tasks.Join) view {
	n, c := tasks.NewNotebookComparison(s), tasks.NewComparison(s)
	n.Histogram, n.CDF, n.Violin = nil, nil, nil // numbers of pictures
	return view{blocks: []interface{ WriteText(io.Writer) error }{n, c}, csv: c, json: map[string]any{"notebook": n, "comparison": c}}
}

func newTasksInit() *cobra.Command {
	var zone, output string
	cmd := &cobra.Command{
		Use:     "init DIR",
		Short:   "Draft a runs.yaml for the pcs-* directories of QTau under DIR",
		Example: "  nodemeter tasks init ~/bench > ~/bench/runs.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			loc, err := time.LoadLocation(zone)
			if err != nil {
				return usagef("--zone %s: %v", analysis.Escape(zone), err)
			}
			text, err := tasks.Draft(cmd.Context(), args[0], tasks.Options{Zone: loc})
			if err != nil || output == "" {
				_, werr := io.WriteString(cmd.OutOrStdout(), text)
				return errors.Join(err, werr)
			}
			return writeNew(output, text)
		},
	}
	cmd.Flags().StringVar(&zone, "zone", "Local", "`ZONE` of the times in the files")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`, which must not exist yet, instead of standard output")
	return cmd
}

// writeNew writes a file that must not exist: a draft never replaces what someone
// has filled in.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write the draft: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
