package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/pflag"

	"nodemeter/analysis"
)

// axisFlag is --by of the commands that draw: what a line, a row or a bar is of.
type axisFlag struct{ by string }

func (f *axisFlag) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.by, "by", "", "draw a line or row for each `KIND`: node, worker, job or user (default: the workers where attribution found a few, else the nodes)")
}

func (f *axisFlag) set(o *analysis.Options) error {
	if f.by != "" && !slices.Contains([]string{"node", "worker", "job", "user"}, f.by) {
		return usagef("--by %s: give node, worker, job or user", analysis.Escape(f.by))
	}
	return o.SetBy(f.by)
}

// check says where nothing was found to draw by.
func (f *axisFlag) check(w io.Writer, r *analysis.Result) {
	if f.by != "" && f.by != r.Axis.Name {
		fmt.Fprintf(w, "nodemeter: --by %s: no worker was recorded (attribution was off or found none); the rows are the nodes\n", f.by)
	}
}
