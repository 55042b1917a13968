package main

import (
	"fmt"
	"io"
	"os"
	"strings"
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
}

func (f *analyzeFlags) add(cmd *cobra.Command) {
	f.times.add(cmd.Flags())
	cmd.Flags().StringVar(&f.zone, "zone", "Local", "show times in this `ZONE`: Local, UTC or a name such as Europe/Zurich; a CSV's timestamps without a zone are taken to be in it")
	cmd.Flags().StringSliceVar(&f.nodes, "nodes", nil, "read these `NODES` only, and name those of which there is nothing")
}

// options makes analysis options of the flags and paths; without paths it takes
// the directories that nodemeterd records to, and says so on stderr.
func (f *analyzeFlags) options(cmd *cobra.Command, paths []string) (analysis.Options, error) {
	from, to, err := f.times.bounds()
	if err != nil {
		return analysis.Options{}, err
	}
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return analysis.Options{}, usagef("--zone %s: %v", analysis.Escape(f.zone), err)
	}
	if len(paths) == 0 {
		if paths = analysis.DefaultPaths(os.Getenv); len(paths) == 0 {
			return analysis.Options{}, fmt.Errorf("nothing was recorded in the default places ($XDG_STATE_HOME/nodemeter/windows, /var/lib/nodemeter/windows): start nodemeterd, or name a directory, a window or a CSV")
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "nodemeter: reading %s\n", strings.Join(paths, " and "))
	}
	return analysis.Options{Paths: paths, Stdin: cmd.InOrStdin(), From: from, To: to, Zone: zone, Nodes: f.nodes}, nil
}

func newSummary() *cobra.Command {
	var flags analyzeFlags
	var format, by string
	cmd := &cobra.Command{
		Use:   "summary [DIR|FILE…]",
		Short: "Print what a recording used: the notebook's summary, a table per worker, use and findings",
		Long: `Summary reads sample windows (directories or single files, open ones too), or one CSV of the
notebook's shape (timestamp,time_offset,worker_id,cpu_util,memory_util,gpu_util,network_mbps; "-" is
standard input), and prints the notebook's "Resource Utilization Summary" and a table per worker.
Without arguments it reads where nodemeterd records by default.`,
		Example: "  nodemeter summary\n  nodemeter summary --since 2h --by gpu\n  nodemeter summary --format json resource_samples.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := flags.options(cmd, args)
			if err != nil {
				return err
			}
			if o.By, err = analysis.ParseBy(by); err != nil {
				return usageError{err}
			}
			write, err := summaryWriter(format)
			if err != nil {
				return err
			}
			result, err := analysis.Analyze(cmd.Context(), o)
			if err != nil {
				return err
			}
			reportProblems(cmd.ErrOrStderr(), result.Problems)
			return write(result, cmd.OutOrStdout())
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "`FORMAT` of the output: text, json or csv")
	cmd.Flags().StringVar(&by, "by", "worker", "a row of the table is a `KIND`: worker, gpu, nic, disk or cpu")
	return cmd
}

func summaryWriter(format string) (func(*analysis.Result, io.Writer) error, error) {
	switch format {
	case "text":
		return (*analysis.Result).WriteText, nil
	case "json":
		return (*analysis.Result).WriteJSON, nil
	case "csv":
		return (*analysis.Result).WriteCSV, nil
	}
	return nil, usagef("--format %s: give text, json or csv", analysis.Escape(format))
}

// reportProblems prints damage on stderr; the figures of what survives go on.
func reportProblems(w io.Writer, problems []window.Problem) {
	const few = 20
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
