package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/analysis/report"
	"nodemeter/collector/metric"
)

type plotFlags struct {
	analyze        analyzeFlags
	output, format string
	panels         []string
	tasks          taskInputs
	picture        string
	against        []string
	width, height  float64
	dpi            int
	by             axisFlag
}

func newPlot() *cobra.Command {
	var f plotFlags
	cmd := &cobra.Command{
		Use:   "plot [DIR|FILE…]",
		Short: "Draw what a recording used: the notebook's four panels and more, as PNG, SVG or PDF",
		Long: `Plot draws sample windows (directories or single files, open ones too), or one CSV of the
notebook's shape ("-" is standard input), into one picture. Without --panel these are the
notebook's four panels of section 5. The same recording gives the same bytes.

With --tasks (or --runs, or --scaling) it draws one of the notebook's other pictures instead:
--picture throughput, latency, scaling or comparative.

With --against it draws two recordings over each other, from the beginning of each.

Panels of a recording:
` + report.PanelHelp() + "  all          every one of them",
		Example: `  nodemeter plot -o resource_utilization.png
  nodemeter plot --since 2h --panel cpu,memory,gpu -o run.svg
  nodemeter plot --panel all -o run.pdf DIR
  nodemeter plot before/ --against after/ -o compared.png
  nodemeter plot --tasks metrics.csv --picture latency -o latency_analysis.png`,
		RunE: func(cmd *cobra.Command, args []string) error { return runPlot(cmd, args, &f) },
	}
	f.analyze.add(cmd)
	fl := cmd.Flags()
	f.tasks.add(fl)
	f.by.add(fl)
	fl.StringVar(&f.picture, "picture", "throughput", "which `PICTURE` of the tasks: "+strings.Join(report.TaskFigures(), ", "))
	fl.StringSliceVar(&f.against, "against", nil, "a second recording, as `PATHS`, to draw over the first")
	fl.StringVarP(&f.output, "output", "o", "", "`FILE` to write, - for standard output (default: as the notebook names it, resource_utilization.png)")
	fl.StringVar(&f.format, "format", "", "`FORMAT`: png, svg or pdf (default: by the file's name)")
	fl.StringSliceVar(&f.panels, "panel", report.NotebookPanels(), "`PANELS` to draw, in this order")
	fl.Float64Var(&f.width, "width", 0, "width of the picture in inches (default 7 a column)")
	fl.Float64Var(&f.height, "height", 0, "height of the picture in inches (default 5 a row)")
	fl.IntVar(&f.dpi, "dpi", plot.DefaultDPI, "dots an inch, of png")
	return cmd
}

func runPlot(cmd *cobra.Command, args []string, f *plotFlags) error {
	if f.output == "" {
		f.output = "resource_utilization.png"
		if f.tasks.given() {
			f.output = f.picture + "_analysis.png"
		}
	}
	format, err := pictureFormat(f.format, f.output)
	if err != nil {
		return err
	}
	if err := f.checkSize(); err != nil {
		return err
	}
	if f.tasks.given() {
		return f.drawTasks(cmd, args, format)
	}
	if cmd.Flags().Changed("picture") {
		return usagef("--picture is one of tasks: name them with --tasks, --runs or --scaling")
	}
	if _, err := report.PanelNames(f.panels); err != nil {
		return usageError{err}
	}
	if len(f.panels) == 0 {
		return usagef("--panel names none: leave it out for the notebook's four, or give all")
	}
	result, err := f.recording(cmd, args)
	if err != nil {
		return err
	}
	if len(f.against) > 0 {
		other, err := f.recording(cmd, f.against)
		if err != nil {
			return err
		}
		return f.draw(cmd, report.Overlay(result, other, overlayNames(args, f.against)), format, 2)
	}
	pictures, err := report.Resources(result, f.panels)
	if err != nil {
		return usageError{err}
	}
	return f.draw(cmd, pictures, format, 2)
}

// checkSize refuses what no picture can be, before anything is read.
func (f *plotFlags) checkSize() error {
	for _, side := range []float64{f.width, f.height} {
		if !(side == 0 || side >= 1 && side <= plot.MaxInches) {
			return usagef("--width and --height are 1 to %d inches, not %g", plot.MaxInches, side)
		}
	}
	if f.dpi < plot.MinDPI || f.dpi > plot.MaxDPI {
		return usagef("--dpi is %d to %d, not %d", plot.MinDPI, plot.MaxDPI, f.dpi)
	}
	return nil
}

// recording analyzes what is at paths.
func (f *plotFlags) recording(cmd *cobra.Command, paths []string) (*analysis.Result, error) {
	o, err := f.analyze.options(cmd, paths)
	if err != nil {
		return nil, err
	}
	if err := f.by.set(&o); err != nil {
		return nil, err
	}
	o.Kinds = []metric.EntityKind{metric.GPU, metric.MIG}
	result, err := f.analyze.analyze(cmd, o)
	if err != nil {
		return nil, err
	}
	reportProblems(cmd.ErrOrStderr(), result.Problems)
	f.by.check(cmd.ErrOrStderr(), result)
	return result, nil
}

// overlayNames are the last elements of the two paths where these differ, and A
// and B otherwise.
func overlayNames(a, b []string) [2]string {
	if len(a) == 1 && len(b) == 1 {
		if x, y := filepath.Base(a[0]), filepath.Base(b[0]); x != y {
			return [2]string{"A: " + x, "B: " + y}
		}
	}
	return [2]string{"A", "B"}
}

// drawTasks draws one of the four pictures of tasks.
func (f *plotFlags) drawTasks(cmd *cobra.Command, args []string, format string) error {
	if len(args) > 0 {
		return usagef("with --tasks, --runs or --scaling there is no recording to draw: leave %s out, or see nodemeter report", analysis.Escape(args[0]))
	}
	if !slices.Contains(report.TaskFigures(), f.picture) {
		return usagef("--picture %s: give %s", analysis.Escape(f.picture), strings.Join(report.TaskFigures(), ", "))
	}
	zone, err := taskZone(f.analyze.zone)
	if err != nil {
		return err
	}
	measured, err := f.tasks.read(cmd, zone)
	if err != nil {
		return err
	}
	figure, err := measured.Figure(f.picture)
	if err != nil {
		return err
	}
	return f.draw(cmd, figure.Pictures, format, figure.Columns)
}

// draw lays the pictures out and writes them.
func (f *plotFlags) draw(cmd *cobra.Command, pictures []*report.Picture, format string, columns int) error {
	figure := plot.Figure{Columns: columns, Width: f.width, Height: f.height, DPI: f.dpi, Wide: map[int]bool{}}
	for i, p := range pictures {
		figure.Panels = append(figure.Panels, p.Panel)
		figure.Wide[i] = p.Wide
	}
	err := writeOutput(cmd.Context(), cmd.OutOrStdout(), f.output, func(w io.Writer) error { return figure.Render(w, format) })
	if err != nil {
		return fmt.Errorf("draw %s: %w", analysis.Escape(f.output), err)
	}
	if f.output != "-" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d %s\n", analysis.Escape(f.output), len(pictures), plural(len(pictures), "panel", "panels"))
	}
	return nil
}

// pictureFormat is the format asked for, or the one of the file's name.
func pictureFormat(format, output string) (string, error) {
	if format == "" {
		format = strings.ToLower(strings.TrimPrefix(filepath.Ext(output), "."))
		if output == "-" {
			return "", usagef("--format is needed with standard output: %s", strings.Join(plot.Formats(), ", "))
		}
	}
	if !slices.Contains(plot.Formats(), format) {
		return "", usagef("%q is no format: give --format %s, or a file name that ends so", format, strings.Join(plot.Formats(), ", "))
	}
	return format, nil
}
