package tasks

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"nodemeter/analysis"
)

// WriteText prints the notebook's section 3.
func (l NotebookLatency) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("Latency as the notebook has it (seconds, all tasks)")
	header := []string{"config", "engine", "cores"}
	for _, of := range []string{"exec", "wait", "total"} {
		for _, q := range Percentiles() {
			header = append(header, fmt.Sprintf("%s p%g", of, q))
		}
	}
	var rows [][]string
	for _, r := range l.Table {
		row := []string{r.ConfigID.String(), r.Engine, count(r.Cores)}
		for _, of := range [][]Number{r.Exec, r.Wait, r.Total} {
			for _, v := range of {
				row = append(row, fixed(v, 3))
			}
		}
		rows = append(rows, row)
	}
	p.table(2, header, rows)
	p.head("Latency Summary (P50):")
	for _, line := range l.Printed {
		p.line("%s", analysis.Escape(line))
	}
	return p.done()
}

// WriteText prints distributions of waiting and execution.
func (l Latency) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("Latency of successful tasks (seconds; ± is half the 95%% interval of the percentile, ~ marks one without)")
	header := []string{"configuration", "", "n", "mean", "std", "min"}
	for _, q := range Percentiles() {
		header = append(header, fmt.Sprintf("p%g", q))
	}
	header = append(header, "max")
	var rows [][]string
	for _, c := range l.Configs {
		rows = append(rows, latencyRow(c.Label, "wait", c.Wait), latencyRow("", "execution", c.Exec), latencyRow("", "total", c.Total))
		if c.Staging != nil {
			rows = append(rows, latencyRow("", "staging", *c.Staging))
		}
		if c.Failed != nil {
			rows = append(rows, latencyRow("", "failed ones", *c.Failed))
		}
	}
	p.table(2, header, rows)
	l.shares(p)
	l.longest(p)
	if len(l.Notes) > 0 {
		p.head("Notes")
		p.notes(l.Notes)
	}
	return p.done()
}

// shares says how much of the time is waiting.
func (l Latency) shares(p *page) {
	p.head("Where the time goes (means add up, medians do not)")
	var rows [][]string
	for _, c := range l.Configs {
		rows = append(rows, []string{c.Label, four(c.Wait.Mean), four(c.Exec.Mean), percent(c.WaitShare), four(c.Total.At(50)), four(c.StackedMedians)})
	}
	p.table(1, []string{"configuration", "mean wait", "mean exec", "waiting", "median total", "stacked medians"}, rows)
}

// longest points at the slowest tasks.
func (l Latency) longest(p *page) {
	p.head("Longest executions")
	var rows [][]string
	for _, c := range l.Configs {
		for i, t := range c.Slowest[:min(3, len(c.Slowest))] {
			label := ""
			if i == 0 {
				label = c.Label
			}
			rows = append(rows, []string{label, t.Task, fmt.Sprintf("%s:%d", t.File, t.Line), four(t.Exec), four(t.Wait)})
		}
	}
	p.table(3, []string{"configuration", "task", "record", "exec s", "wait s"}, rows)
}

func latencyRow(label, of string, d Distribution) []string {
	row := []string{label, of, strconv.Itoa(d.N), four(d.Mean), four(d.Std), four(d.Min)}
	for _, v := range d.Percentiles {
		text := short(v.Value)
		switch {
		case !known(v.Value):
		case v.Unsure:
			text = "~" + text
		default:
			text += " ±" + significant(float64(v.High-v.Low)/2, 2)
		}
		row = append(row, text)
	}
	return append(row, four(d.Max))
}

// WriteCSV writes one row a configuration and kind of duration.
func (l Latency) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	header := []string{"config_id", "label", "engine", "nodes", "cores", "gpus", "of", "n", "missing", "mean", "std", "min", "max"}
	for _, q := range Percentiles() {
		header = append(header, fmt.Sprintf("p%g", q), fmt.Sprintf("p%g_low", q), fmt.Sprintf("p%g_high", q))
	}
	_ = out.Write(header)
	for _, c := range l.Configs {
		for _, d := range []struct {
			of string
			d  *Distribution
		}{{"execution", &c.Exec}, {"wait", &c.Wait}, {"total", &c.Total}, {"staging", c.Staging}, {"failed_execution", c.Failed}} {
			if d.d == nil {
				continue
			}
			row := append(c.csv(), d.of, strconv.Itoa(d.d.N), strconv.Itoa(d.d.Missing), exact(d.d.Mean), exact(d.d.Std), exact(d.d.Min), exact(d.d.Max))
			for _, v := range d.d.Percentiles {
				row = append(row, exact(v.Value), exact(v.Low), exact(v.High))
			}
			_ = out.Write(row)
		}
	}
	out.Flush()
	return out.Error() // of every Write above too
}
