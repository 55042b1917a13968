package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"nodemeter/collector/window"
)

func newRepair() *cobra.Command {
	var out string
	var inPlace bool
	cmd := &cobra.Command{
		Use:   "repair (-o DIR | --in-place) DIR|FILE...",
		Short: "Rewrite what survives of damaged windows",
		Long: `Rewrite damaged sample windows: everything that can still be read and proved is
copied, what is lost is said here and in the copy's metadata. Windows without damage
are left alone.

With -o the copies go to another directory, laid out like the original, and the
originals stay as they are. With --in-place each copy takes its original's place and the
damaged file is kept beside it under the name _NAME.damaged. Do not repair in place
what nodemeterd is recording into.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (out == "") == !inPlace {
				return usagef("give either -o DIR or --in-place")
			}
			return repair(cmd, args, out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`DIR` to write to; made when it is not there")
	cmd.Flags().BoolVar(&inPlace, "in-place", false, "replace damaged files, keeping them beside as _NAME.damaged")
	return cmd
}

// repair rewrites the damaged windows below paths to dir, or in place when dir is empty.
func repair(cmd *cobra.Command, paths []string, dir string) error {
	out := printable{cmd.OutOrStdout()}
	files, problems, err := window.Find(paths, window.Query{})
	if err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Fprintf(out, "cannot be repaired: %s: %v\n", p.File, p.Err)
	}
	repaired, lost := 0, len(problems)
	for _, f := range files {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		v := verifyFile(f)
		if v.OK {
			continue
		}
		written, err := repairFile(f, dir)
		if err != nil || written.Path == "" {
			lost++
			fmt.Fprintf(out, "cannot be repaired: %s: %s\n", f.Path, nothingLeft(err))
			continue
		}
		repaired++
		fmt.Fprintf(out, "repaired: %s\n", written.Path)
		for _, p := range written.Problems {
			if p.Lost != "" {
				fmt.Fprintf(out, "    lost: %s (byte %d: %v)\n", p.Lost, p.Offset, p.Err)
			} else {
				fmt.Fprintf(out, "    nothing lost: %v\n", p.Err)
			}
		}
		fmt.Fprintf(out, "    kept: %d rows, %d values\n", v.Rows, v.Values)
	}
	_, err = fmt.Fprintf(out, "%d %s checked, %d repaired, %d beyond repair\n", len(files)+len(problems), plural(len(files)+len(problems), "window", "windows"), repaired, lost)
	if err != nil {
		return err
	}
	if lost > 0 {
		return errFound
	}
	return nil
}

func nothingLeft(err error) string {
	if err != nil {
		return err.Error()
	}
	return "no row of it survives"
}

// repairFile rewrites one window; with an empty dir the copy then takes the
// original's place.
func repairFile(f window.File, dir string) (window.Rewritten, error) {
	if dir != "" {
		return window.Rewrite(f, window.Query{}, dir)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(f.Path), "_repair-")
	if err != nil {
		return window.Rewritten{}, err
	}
	defer os.RemoveAll(tmp)
	r, err := window.Rewrite(f, window.Query{}, tmp)
	if err != nil || r.Path == "" {
		return r, err
	}
	r.Path, err = window.Replace(f, r.Path)
	return r, err
}
