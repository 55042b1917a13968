package tasks

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// WriteText prints the notebook's section 2.
func (t NotebookThroughput) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("Throughput as the notebook has it (all tasks, first submission to last completion)")
	var rows [][]string
	for _, r := range t.Table {
		rows = append(rows, []string{r.ConfigID.String(), r.Engine, count(r.Nodes), count(r.Cores), strconv.Itoa(r.Tasks), strconv.Itoa(r.Successful),
			fixed(r.Wall, 3), fixed(r.ExecTotal, 3), four(r.Throughput), four(r.ExecMean), fixed(r.SuccessRate, 1), four(r.Efficiency)})
	}
	p.table(2, []string{"config", "engine", "nodes", "cores", "tasks", "ok", "wall s", "exec s", "tasks/s", "mean exec s", "success %", "tasks/s/core"}, rows)
	rows = nil
	for _, name := range sortedKeys(t.Scores) {
		s := t.Scores[name]
		if known(s.Throughput) || known(s.SuccessRate) {
			rows = append(rows, []string{name, fixed(s.Throughput, 3), fixed(s.Efficiency, 3), fixed(s.SuccessRate, 3)})
		}
	}
	if len(rows) > 0 {
		p.head("Engine comparison, normalized (mean over configurations, over the best configuration)")
		p.table(1, []string{"engine", "throughput", "efficiency", "success"}, rows)
	}
	if len(t.Ideal.Cores) > 1 {
		text := "Ideal linear throughput:"
		for i, c := range t.Ideal.Cores {
			text += fmt.Sprintf(" %s cores %s/s,", count(c), four(t.Ideal.Throughput[i]))
		}
		p.head("%s", text[:len(text)-1])
	}
	return p.done()
}

// WriteText prints what each configuration delivered.
func (t Throughput) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("Delivered (successful tasks over the time in which tasks were there)")
	var rows [][]string
	for _, c := range t.Configs {
		rate := percent(c.SuccessRate)
		rows = append(rows, []string{c.Label, strconv.Itoa(c.Tasks), strconv.Itoa(c.Successful), strconv.Itoa(c.Failed), rate, strconv.Itoa(len(c.Runs)), four(c.Occupancy.Busy),
			four(c.Offered), four(c.Goodput), between(c.GoodputInterval), four(c.PerCore), percent(c.Efficiency)})
	}
	p.table(1, []string{"configuration", "tasks", "ok", "failed", "success", "runs", "busy s", "offered/s", "goodput/s", "95% of mean", "per core", "efficiency"}, rows)
	for _, c := range t.Configs {
		if c.Reference != "" && c.Reference != c.Label {
			p.line("  efficiency is per core, against the engine's configuration with the fewest cores")
			break
		}
	}
	p.head("Occupancy")
	rows = nil
	for _, c := range t.Configs {
		o := c.Occupancy
		rows = append(rows, []string{c.Label, four(o.Span), four(o.Running), percent(o.IdleShare), strconv.Itoa(o.Batches), four(o.Mean), strconv.Itoa(o.Peak), percent(c.Occupied),
			four(c.ExecSeconds.Successful), four(c.ExecSeconds.Failed)})
	}
	p.table(1, []string{"configuration", "span s", "running s", "idle", "batches", "running mean", "peak", "of cores", "exec s ok", "failed"}, rows)
	p.line("  idle: the part of the span in which no task ran; of cores: execution over core-seconds, if a task is one core")
	t.errors(p)
	if len(t.Notes) > 0 {
		p.head("Notes")
		p.notes(t.Notes)
	}
	return p.done()
}

// errors lists what failed tasks said.
func (t Throughput) errors(p *page) {
	var rows [][]string
	for _, c := range t.Configs {
		for _, e := range c.Errors {
			message := e.Message
			if message == "" {
				message = "(no message)"
			}
			if r := []rune(message); len(r) > 80 {
				message = string(r[:80]) + "..."
			}
			rows = append(rows, []string{c.Label, strconv.Itoa(e.Tasks), message})
		}
	}
	if len(rows) > 0 {
		p.head("Failures")
		p.table(3, []string{"configuration", "tasks", "message"}, rows)
	}
}

// WriteCSV writes one row a configuration.
func (t Throughput) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"config_id", "label", "engine", "nodes", "cores", "gpus", "tasks", "successful", "failed", "other", "success_rate", "span_seconds", "busy_seconds",
		"running_seconds", "idle_share", "offered_per_second", "throughput", "goodput", "goodput_per_core", "relative_efficiency", "mean_running", "peak_running"})
	for _, c := range t.Configs {
		o := c.Occupancy
		_ = out.Write(append(c.csv(), strconv.Itoa(c.Tasks), strconv.Itoa(c.Successful), strconv.Itoa(c.Failed), strconv.Itoa(c.Other), exact(c.SuccessRate), exact(o.Span), exact(o.Busy),
			exact(o.Running), exact(o.IdleShare), exact(c.Offered), exact(c.Throughput), exact(c.Goodput), exact(c.PerCore), exact(c.Efficiency), exact(o.Mean), strconv.Itoa(o.Peak)))
	}
	out.Flush()
	return out.Error() // of every Write above too
}

// csv is the columns that say which configuration a row is about.
func (s Shape) csv() []string {
	return []string{cell(s.ID.String()), cell(s.Label), cell(s.Engine), exact(s.Nodes), exact(s.Cores), exact(s.GPUs)}
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(text string) string {
	if text != "" && (text[0] == '=' || text[0] == '+' || text[0] == '-' || text[0] == '@' || text[0] == '\t' || text[0] == '\r') {
		return "'" + text
	}
	return text
}

// exact is all digits of a figure; empty where there is none.
func exact(x Number) string {
	if !known(x) {
		return ""
	}
	return strconv.FormatFloat(float64(x), 'g', -1, 64)
}
