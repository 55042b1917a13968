package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

func newSlice() *cobra.Command {
	var times timeRange
	var out string
	var nodes, kinds []string
	cmd := &cobra.Command{
		Use:   "slice --from TIME --to TIME -o DIR DIR|FILE...",
		Short: "Copy a range of time to windows of their own",
		Long: `Copy the samples of a range of time to sealed windows in another directory, laid
out like the original, so that a run can be kept or sent without the rest.
Open windows are sliced too. Nothing is overwritten.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("give the directory to write to with -o")
			}
			q, err := sliceQuery(&times, nodes, kinds)
			if err != nil {
				return err
			}
			return slice(cmd, args, q, out)
		},
	}
	times.add(cmd.Flags())
	cmd.Flags().StringVarP(&out, "output", "o", "", "`DIR` to write to; made when it is not there")
	cmd.Flags().StringSliceVar(&nodes, "node", nil, "only these nodes")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only these kinds: node, cpu, nic, disk, gpu, mig, worker")
	return cmd
}

func sliceQuery(times *timeRange, nodes, kinds []string) (q window.Query, err error) {
	if q.From, q.To, err = times.bounds(); err != nil {
		return q, err
	}
	q.Nodes = nodes
	for _, name := range kinds {
		k, err := metric.ParseEntityKind(name)
		if err != nil {
			return q, usageError{err}
		}
		q.Kinds = append(q.Kinds, k)
	}
	return q, nil
}

func slice(cmd *cobra.Command, paths []string, q window.Query, dir string) error {
	files, problems, err := window.Find(paths, q)
	if err != nil {
		return err
	}
	warnProblems(cmd.ErrOrStderr(), problems)
	rows, written := 0, 0
	var bytes int64
	for _, f := range files {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		if _, err := f.Meta(); err != nil { // the others are still worth having
			warnProblems(cmd.ErrOrStderr(), []window.Problem{{File: f.Path, Offset: -1, Err: err, Lost: "the whole window"}})
			continue
		}
		r, err := window.Rewrite(f, q, dir)
		warnProblems(cmd.ErrOrStderr(), r.Problems)
		if err != nil {
			return err
		}
		if r.Path != "" {
			fmt.Fprintf(printable{cmd.OutOrStdout()}, "%s  %d rows, %d bytes\n", r.Path, r.Rows, r.Bytes)
			rows, bytes, written = rows+r.Rows, bytes+r.Bytes, written+1
		}
	}
	if written == 0 {
		return fmt.Errorf("no samples in that range: 'nodemeter inspect' shows what there is")
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d %s written: %d rows, %d bytes\n", written, plural(written, "window", "windows"), rows, bytes)
	return err
}

// warnProblems prints damage that was stepped past.
func warnProblems(w io.Writer, problems []window.Problem) {
	w = printable{w}
	for _, p := range problems {
		where := p.File
		if p.Offset >= 0 {
			where = fmt.Sprintf("%s: byte %d", p.File, p.Offset)
		}
		fmt.Fprintf(w, "nodemeter: warning: %s: %v", where, p.Err)
		if p.Lost != "" {
			fmt.Fprintf(w, " (lost: %s)", p.Lost)
		}
		fmt.Fprintln(w)
	}
}
