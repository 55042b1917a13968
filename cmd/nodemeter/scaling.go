package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
	"nodemeter/analysis/tasks"
)

func newScaling() *cobra.Command {
	var flags taskFlags
	var rowsFile string
	cmd := &cobra.Command{
		Use:   "scaling [FILE|DIR|runs.yaml…]",
		Short: "Print speed-up, efficiency and serial fraction, strong and weak",
		Long: `Scaling measures how the time changes with nodes and cores, against the smallest measured run.

It reads rows of kind,nodes,cores,tasks,time (kind is strong or weak, time in seconds) from --rows, or
derives them from tasks: configurations of one engine that ran the same number of tasks are a strong
study, those with the same number of tasks per core a weak one. Repeats count by their median.`,
		Example: "  nodemeter scaling --rows scaling.csv\n  nodemeter scaling runs.yaml --format csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(flags.format); err != nil {
				return err
			}
			in, err := readScaling(cmd, &flags, rowsFile, args)
			if err != nil {
				return err
			}
			return in.show(cmd, flags.format)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&rowsFile, "rows", "", "`FILE` of measured rows: kind,nodes,cores,tasks,time; \"-\" is standard input")
	return cmd
}

// scalingInput is what to measure, and what there is to say of where it is from.
type scalingInput struct {
	rows  []tasks.ScalingRow
	notes []string
	set   *tasks.Set // that the rows were derived from; nil: they were measured
}

// readScaling reads measured rows, or derives them from tasks. A single argument
// that begins with such rows is taken for them.
func readScaling(cmd *cobra.Command, flags *taskFlags, rowsFile string, args []string) (*scalingInput, error) {
	if rowsFile != "" && len(args) > 0 {
		return nil, usagef("give --rows or tasks, not both")
	}
	path := rowsFile
	if len(args) == 1 {
		path = args[0]
	}
	if path != "" {
		f, err := openInput(cmd, path)
		if err != nil && rowsFile == "" {
			return nil, fmt.Errorf("find tasks: %w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("read scaling rows: %w", err)
		}
		defer f.Close()
		in := bufio.NewReader(f)
		if rowsFile != "" || beginsWithRows(in) {
			return scalingRows(cmd, path, in)
		}
		if !f.again { // what was looked at is gone from a pipe
			cmd.SetIn(in)
			args = []string{"-"}
		}
	}
	set, err := flags.load(cmd, args)
	if err != nil {
		return nil, err
	}
	rows, notes := tasks.ScalingFromConfigs(set)
	return &scalingInput{rows, notes, set}, nil
}

// scalingRows reads measured rows; flags that say something of tasks do not go with them.
func scalingRows(cmd *cobra.Command, path string, in io.Reader) (*scalingInput, error) {
	for _, name := range []string{"engine", "label", "nodes", "cores", "gpus", "zone", "map", "schema"} {
		if cmd.Flags().Changed(name) {
			return nil, usagef("--%s says something of tasks, and %s holds measured rows", name, analysis.Escape(path))
		}
	}
	rows, rejects, err := tasks.ReadScaling(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", analysis.Escape(path), err)
	}
	var notes []string
	for _, r := range rejects {
		notes = append(notes, fmt.Sprintf("%s, line %d left out: %s", filepath.Base(path), r.Line, r.Reason))
	}
	return &scalingInput{rows: rows, notes: notes}, nil
}

// beginsWithRows looks at the first line for the header of scaling rows.
func beginsWithRows(in *bufio.Reader) bool {
	head, _ := in.Peek(256)
	line, _, _ := strings.Cut(string(head), "\n")
	return strings.Contains(line, "kind") && strings.Contains(line, "nodes") && strings.Contains(line, "time")
}

// show prints the measures. What was left out of the files stands below text, within
// JSON, and on stderr beside CSV.
func (in *scalingInput) show(cmd *cobra.Command, format string) error {
	out := cmd.OutOrStdout()
	notebook, s := tasks.NewNotebookScaling(in.rows), tasks.NewScaling(in.rows)
	s.Notes = append(s.Notes, in.notes...)
	switch format {
	case "json":
		all := map[string]any{"notebook": notebook, "scaling": s}
		if in.set != nil {
			all["files"] = in.set.Files
		}
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	case "csv":
		for _, note := range s.Notes {
			fmt.Fprintln(cmd.ErrOrStderr(), analysis.Escape(note))
		}
		if in.set != nil {
			if err := in.set.WriteFiles(cmd.ErrOrStderr()); err != nil {
				return err
			}
		}
		return s.WriteCSV(out)
	}
	if len(in.rows) > 0 {
		if err := notebook.WriteText(out); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	if err := s.WriteText(out); err != nil || in.set == nil {
		return err
	}
	fmt.Fprintln(out, "\nFiles")
	return in.set.WriteFiles(out)
}
