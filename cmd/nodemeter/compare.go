package main

import (
	"io"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
)

func newCompare() *cobra.Command {
	var flags analyzeFlags
	var format, rules string
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Set two recordings side by side: differences with intervals, effect sizes, findings of one only",
		Long: `Compare reads two recordings, each a directory or file of windows or a CSV of the notebook's shape,
and prints how the second differs from the first. Samples taken a second apart are alike, so the
intervals come from a block bootstrap; its draws are the same each time.`,
		Example: "  nodemeter compare before/ after/\n  nodemeter compare --format json run1.csv run2.csv",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("compare needs two recordings, A and B; %d given", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runCompare(cmd, args, &flags, format, rules) },
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "`FORMAT` of the output: text, json or csv")
	cmd.Flags().StringVar(&rules, "rules", "", "take the findings' rules from this `FILE` (YAML) instead of the built-in ones")
	return cmd
}

func runCompare(cmd *cobra.Command, args []string, flags *analyzeFlags, format, rules string) error {
	write, err := comparisonWriter(format)
	if err != nil {
		return err
	}
	used, err := loadRules(rules, nil)
	if err != nil {
		return err
	}
	var results [2]*analysis.Result
	for i, path := range args {
		o, err := flags.options(cmd, []string{path})
		if err != nil {
			return err
		}
		o.Rules = used
		if results[i], err = flags.analyze(cmd, o); err != nil {
			return err
		}
		reportProblems(cmd.ErrOrStderr(), results[i].Problems)
	}
	return write(analysis.Compare(results[0], results[1], used.Requires), cmd.OutOrStdout())
}

func comparisonWriter(format string) (func(*analysis.Comparison, io.Writer) error, error) {
	switch format {
	case "text":
		return (*analysis.Comparison).WriteText, nil
	case "json":
		return (*analysis.Comparison).WriteJSON, nil
	case "csv":
		return (*analysis.Comparison).WriteCSV, nil
	}
	return nil, usagef("--format %s: give text, json or csv", analysis.Escape(format))
}
