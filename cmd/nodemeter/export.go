package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
	"nodemeter/analysis/export"
	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

type exportFlags struct {
	format, output, by, gpuAbsent, job string
	columns                            []string
	span                               timeRange
}

func newExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [DIR|FILE…]",
		Short: "Write recorded samples as CSV, JSON Lines, Parquet or OpenMetrics",
		Long: `Export writes the samples of windows, sealed and open, for other tools.

The default is the resource DataFrame of the benchmarking notebook: timestamp,
time_offset, worker_id, cpu_util, memory_util, gpu_util, network_mbps; fractions
0-1, one row a node and tick. Section 5 of the notebook runs on it when its first
cell is replaced by

    resource_df = pd.read_csv("resource.csv")

With --by worker there is a row a job, worker or process tree and tick instead,
of those that attribution found; network_mbps, which has no owner, is empty.

A node without a GPU has an empty gpu_util. The notebook's own generator writes 0
there, and its box plot needs that: --gpu-absent 0 does the same.`,
		Example: `  nodemeter export -o resource.csv
  nodemeter export --format parquet --by gpu --columns gpu_util,gpu_power_watts -o gpu.parquet DIR
  nodemeter export --format openmetrics -o node.om DIR
  promtool tsdb create-blocks-from openmetrics node.om data/`,
		RunE: func(cmd *cobra.Command, args []string) error { return runExport(cmd, args, &f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "csv", "csv, jsonl, parquet or openmetrics")
	fl.StringVarP(&f.output, "output", "o", "-", "file to write, - for standard output")
	fl.StringVar(&f.by, "by", "", "rows for each `KIND`: worker (jobs, engines' workers, process trees: docs/workers.md), node, gpu, mig, nic, disk or cpu (default: the nodes in the notebook's shape, worker_id is the node)")
	fl.StringSliceVar(&f.columns, "columns", nil, "metric columns (default: the notebook's four); see nodemeter inspect")
	fl.StringVar(&f.gpuAbsent, "gpu-absent", "", "what to write where there is no GPU: empty or 0")
	fl.StringVar(&f.job, "job", "nodemeter", "openmetrics: value of the job label")
	f.span.add(fl)
	return cmd
}

func runExport(cmd *cobra.Command, args []string, f *exportFlags) error {
	q, err := f.query()
	if err != nil {
		return err
	}
	paths, err := windowPaths(args, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if f.gpuAbsent != "" && f.gpuAbsent != "0" {
		return usagef("--gpu-absent is empty or 0, not %q", f.gpuAbsent)
	}
	var report exported
	err = writeOutput(cmd.Context(), cmd.OutOrStdout(), f.output, func(w io.Writer) error {
		report, err = f.write(w, paths, q)
		if err == nil && report.rows == 0 {
			err = errors.New("nothing recorded of that kind in that range (nodemeter inspect shows what there is)")
		}
		return err
	})
	report.print(cmd.ErrOrStderr())
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if f.output != "-" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d rows to %s\n", report.rows, analysis.Escape(f.output))
	}
	return nil
}

func (f *exportFlags) query() (window.Query, error) {
	var q window.Query
	if !slices.Contains([]string{"csv", "jsonl", "parquet", "openmetrics"}, f.format) {
		return q, usagef("--format is csv, jsonl, parquet or openmetrics, not %q", f.format)
	}
	kind := metric.Node
	if f.by != "" {
		var err error
		if kind, err = metric.ParseEntityKind(f.by); err != nil {
			return q, usagef("--by: %w", err)
		}
	}
	q.Kinds = []metric.EntityKind{kind}
	q.Columns = f.columns
	if len(f.columns) == 0 {
		q.Columns = export.NotebookColumns
	}
	if f.format == "openmetrics" {
		q.Kinds, q.Columns = nil, nil
	}
	var err error
	q.From, q.To, err = f.span.bounds()
	return q, err
}

// exported is what there is to say about an export once it is written.
type exported struct {
	rows, duplicates int
	problems         []window.Problem
}

func (f *exportFlags) write(w io.Writer, paths []string, q window.Query) (exported, error) {
	if f.format == "openmetrics" {
		n, problems, err := export.OpenMetrics(w, paths, q, f.job)
		return exported{rows: n, problems: problems}, err
	}
	frame, err := export.NewFrame(paths, q)
	if err != nil {
		return exported{}, err
	}
	o := export.Options{Identity: f.by != "" && f.by != "worker" || len(f.columns) > 0, GPUAbsent: f.gpuAbsent}
	var n int
	switch f.format {
	case "csv":
		n, err = export.CSV(w, frame, o)
	case "jsonl":
		n, err = export.JSONLines(w, frame, o)
	default:
		n, err = export.Parquet(w, frame, o)
	}
	return exported{n, frame.Duplicates(), frame.Problems()}, err
}

func (e exported) print(w io.Writer) {
	reportProblems(w, e.problems)
	if e.duplicates > 0 {
		fmt.Fprintf(w, "nodemeter: %d rows left out: their entity has a row for the same tick already\n", e.duplicates)
	}
}
