package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

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
			rows, notes, err := scalingRows(cmd, &flags, rowsFile, args)
			if err != nil {
				return err
			}
			s := tasks.NewScaling(rows)
			s.Notes = append(s.Notes, notes...)
			return showScaling(cmd, rows, s, flags.format)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&rowsFile, "rows", "", "`FILE` of measured rows: kind,nodes,cores,tasks,time")
	return cmd
}

// scalingRows reads measured rows, or derives them from tasks. A single CSV argument
// that begins with such rows is taken for one.
func scalingRows(cmd *cobra.Command, flags *taskFlags, rowsFile string, args []string) ([]tasks.ScalingRow, []string, error) {
	if rowsFile == "" && len(args) == 1 && isScalingFile(args[0]) {
		rowsFile, args = args[0], nil
	}
	if rowsFile == "" {
		set, err := flags.load(cmd, args)
		if err != nil {
			return nil, nil, err
		}
		rows, notes := tasks.ScalingFromConfigs(set)
		return rows, notes, nil
	}
	if len(args) > 0 {
		return nil, nil, usagef("give --rows or tasks, not both")
	}
	f, err := os.Open(rowsFile)
	if err != nil {
		return nil, nil, fmt.Errorf("read scaling rows: %w", err)
	}
	defer f.Close()
	rows, rejects, err := tasks.ReadScaling(f)
	var notes []string
	for _, r := range rejects {
		notes = append(notes, fmt.Sprintf("%s, line %d left out: %s", filepath.Base(rowsFile), r.Line, r.Reason))
	}
	return rows, notes, err
}

// isScalingFile looks at the first bytes of a file for the header of scaling rows.
func isScalingFile(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := f.Read(head)
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	return strings.Contains(line, "kind") && strings.Contains(line, "nodes") && strings.Contains(line, "time")
}

func showScaling(cmd *cobra.Command, rows []tasks.ScalingRow, s tasks.Scaling, format string) error {
	out := cmd.OutOrStdout()
	notebook := tasks.NewNotebookScaling(rows)
	switch format {
	case "json":
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"notebook": notebook, "scaling": s})
	case "csv":
		return s.WriteCSV(out)
	}
	if len(rows) > 0 {
		if err := notebook.WriteText(out); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	return s.WriteText(out)
}
