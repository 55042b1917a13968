package tasks

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"nodemeter/analysis"
)

// Summary is everything at a glance: what was read, the notebook's table, and what
// follows from the data.
type Summary struct {
	Notebook  NotebookSummary   `json:"notebook_summary"`
	Benchmark NotebookBenchmark `json:"notebook_benchmark"`
	First     []FirstRow        `json:"first_rows"`
	Takeaways []string          `json:"takeaways"`
}

// FirstRow is one of the first ten tasks, which the notebook shows.
type FirstRow struct {
	Task   string     `json:"task_id"`
	Config string     `json:"configuration"`
	Submit *time.Time `json:"submit_time"`
	Wait   Number     `json:"wait_time_secs"`
	Exec   Number     `json:"execution_secs"`
	Total  Number     `json:"total_time_secs"`
	Status string     `json:"status"`
}

// NewSummary summarizes a Set. scaling and join may be nil.
func NewSummary(s *Set, scaling *Scaling, join *Join) Summary {
	out := Summary{Notebook: NewNotebookSummary(s), Benchmark: NewNotebookBenchmark(s), Takeaways: Takeaways(s, scaling, join)}
	for i := range min(10, s.Len()) {
		r := FirstRow{Task: s.ID(i), Wait: Number(s.Wait[i]), Exec: Number(s.Exec[i]), Total: Number(s.Total(i)), Status: s.Statuses[s.Status[i]]}
		if c := s.Groups[s.Group[i]].Config; c >= 0 {
			r.Config = s.Configs[c].Label
		}
		if s.Submit[i] != NoTime {
			t := time.Unix(0, s.Submit[i]).UTC()
			r.Submit = &t
		}
		out.First = append(out.First, r)
	}
	return out
}

// WriteText prints the summary, takeaways last.
func (s Summary) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("%s", countNoun(s.Notebook.Records, "benchmark record"))
	var rows [][]string
	for _, r := range s.First {
		submit := "-"
		if r.Submit != nil {
			submit = r.Submit.Format("2006-01-02 15:04:05.000000")
		}
		rows = append(rows, []string{r.Task, r.Config, submit, fixed(r.Wait, 6), fixed(r.Exec, 6), fixed(r.Total, 6), r.Status})
	}
	p.table(2, []string{"task_id", "configuration", "submit_time (UTC)", "wait s", "execution s", "total s", "status"}, rows)
	if len(s.Notebook.Rows) > 0 {
		p.head("Summary by configuration, as the notebook has it (seconds)")
		rows = nil
		for _, r := range s.Notebook.Rows {
			rows = append(rows, []string{r.ConfigID.String(), r.Engine, count(r.Nodes), count(r.Cores), fixed(r.ExecMean, 4), fixed(r.ExecStd, 4), fixed(r.ExecMin, 4), fixed(r.ExecMax, 4),
				count(r.ExecCount), fixed(r.WaitMean, 4), fixed(r.WaitStd, 4), fixed(r.SuccessRate, 1)})
		}
		p.table(2, []string{"config", "engine", "nodes", "cores", "exec mean", "std", "min", "max", "count", "wait mean", "std", "success %"}, rows)
	}
	s.Benchmark.write(p)
	if len(s.Takeaways) > 0 {
		p.head("Key takeaways")
		p.notes(s.Takeaways)
	}
	return p.done()
}

// write prints the notebook's closing block.
func (b NotebookBenchmark) write(p *page) {
	p.head("BENCHMARK SUMMARY")
	p.line("  Total benchmarks run: %d", b.Total)
	p.line("  Configurations tested: %d", b.Configurations)
	if b.ConfigID == nil {
		p.line("  Best performing configuration: none has a throughput")
		return
	}
	engine := b.Engine
	if engine == "" {
		engine = "unknown"
	}
	p.line("  Best performing configuration (highest throughput, failed tasks counted):")
	p.line("    Engine: %s", analysis.Escape(engine))
	p.line("    Nodes: %s", count(b.Nodes))
	p.line("    Cores: %s", count(b.Cores))
	p.line("    Throughput: %s", b.Display)
}

// WriteCSV writes the notebook's summary table.
func (s Summary) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"config_id", "engine", "nodes", "cores", "execution_secs_mean", "execution_secs_std", "execution_secs_min", "execution_secs_max", "execution_secs_count",
		"wait_time_secs_mean", "wait_time_secs_std", "success_rate_pct"})
	for _, r := range s.Notebook.Rows {
		_ = out.Write([]string{cell(r.ConfigID.String()), cell(r.Engine), exact(r.Nodes), exact(r.Cores), exact(r.ExecMean), exact(r.ExecStd), exact(r.ExecMin), exact(r.ExecMax), exact(r.ExecCount),
			exact(r.WaitMean), exact(r.WaitStd), exact(r.SuccessRate)})
	}
	out.Flush()
	return out.Error() // of every Write above too
}

// Takeaways are sentences that follow from the data, each with its figures. scaling
// and join may be nil.
func Takeaways(s *Set, scaling *Scaling, join *Join) []string {
	t := NewThroughput(s)
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	sayBest(say, t)
	sayEngines(say, s, NewComparison(s))
	sayLatency(say, NewLatency(s))
	sayFailures(say, t)
	if scaling != nil {
		sayScaling(say, *scaling, t)
	}
	if join != nil {
		sayUse(say, join)
	} else if s.Len() > 0 {
		say("What the nodes did meanwhile is not known here: give --windows to see CPU, memory, GPU and energy beside these figures.")
	}
	return out
}

func sayBest(say func(string, ...any), t Throughput) {
	best, perCore := -1, -1
	for i, c := range t.Configs {
		if known(c.Goodput) && (best < 0 || c.Goodput > t.Configs[best].Goodput) {
			best = i
		}
		if known(c.PerCore) && (perCore < 0 || c.PerCore > t.Configs[perCore].PerCore) {
			perCore = i
		}
	}
	if best < 0 {
		say("No configuration has a rate: no task has times that follow one another.")
		return
	}
	b := t.Configs[best]
	caveat := ""
	if b.ArrivalLimited {
		caveat = fmt.Sprintf(", but tasks came at %s/s, so this is the submitter's rate", four(b.Offered))
	}
	if len(t.Configs) == 1 {
		say("%s delivered %s successful tasks a second over %s s%s.", b.Label, four(b.Goodput), four(b.Occupancy.Busy), caveat)
		return
	}
	say("Most is delivered by %s: %s successful tasks a second%s.", b.Label, four(b.Goodput), caveat)
	if perCore >= 0 && perCore != best {
		c := t.Configs[perCore]
		text := fmt.Sprintf("Most for its cores is delivered by %s: %s tasks a second and core", c.Label, four(c.PerCore))
		if known(b.PerCore) {
			text += fmt.Sprintf(", against %s of %s", four(b.PerCore), b.Label)
		}
		say("%s.", text)
	}
}

func sayEngines(say func(string, ...any), s *Set, c Comparison) {
	for _, p := range c.Strata {
		say("At %s: %s.", p.Stratum, p.Verdict)
	}
	if len(c.Strata) == 0 {
		for _, p := range c.Pooled {
			text := p.Verdict
			if p.Confound != "" {
				text += "; confounded: " + p.Confound
			}
			say("%s against %s: %s.", p.X, p.Y, text)
		}
	}
	if len(c.Strata) > 0 {
		for _, p := range c.Pooled {
			if p.Confound != "" {
				say("Pooling %s and %s over all cores is not a comparison of engines: %s.", p.X, p.Y, p.Confound)
			}
		}
	}
}

func sayLatency(say func(string, ...any), l Latency) {
	for _, c := range l.Configs {
		if c.WaitShare > 0.5 {
			say("Tasks of %s spend %.0f%% of their time waiting (mean wait %s s, mean execution %s s): more workers, or fewer tasks at once, would shorten them.", c.Label, 100*float64(c.WaitShare), short(c.Wait.Mean), short(c.Exec.Mean))
		}
		if p50, p99 := c.Exec.At(50), c.Exec.At(99); p50 > 0 && p99 > 10*p50 && c.Exec.N >= 100 {
			say("%s has a long tail: one task in a hundred runs %s s or more, the median %s s.", c.Label, short(p99), short(p50))
		}
	}
}

func sayFailures(say func(string, ...any), t Throughput) {
	failed, all := 0, 0
	lost := Number(0)
	for _, c := range t.Configs {
		failed, all, lost = failed+c.Failed, all+c.Tasks, lost+c.ExecSeconds.Failed
	}
	if failed == 0 {
		return
	}
	worst := t.Configs[0]
	for _, c := range t.Configs[1:] {
		if known(c.SuccessRate) && !(worst.SuccessRate <= c.SuccessRate) {
			worst = c
		}
	}
	text := strconv.Itoa(failed) + " of " + strconv.Itoa(all) + " tasks failed and used " + four(lost) + " s of execution"
	if len(t.Configs) > 1 {
		text += fmt.Sprintf("; most often in %s (%s succeeded)", worst.Label, percent(worst.SuccessRate))
	}
	if len(worst.Errors) > 0 && worst.Errors[0].Message != "" {
		text += fmt.Sprintf("; most frequent message: %q", firstLine(worst.Errors[0].Message))
	}
	say("%s.", text)
}

func firstLine(text string) string {
	for i, r := range text {
		if r == '\n' || i >= 80 {
			return text[:i]
		}
	}
	return text
}

func sayScaling(say func(string, ...any), s Scaling, t Throughput) {
	for _, st := range s.Studies {
		if len(st.Points) < 2 {
			continue
		}
		if st.Series != "" && slices.ContainsFunc(t.Configs, func(c ConfigThroughput) bool { return c.Engine == st.Series && c.ArrivalLimited }) {
			say("How %s scales cannot be told from this data: its tasks were submitted no faster than they were done.", st.Series)
			continue
		}
		last := st.Points[len(st.Points)-1]
		name := st.Kind + " scaling"
		if st.Series != "" {
			name += " of " + st.Series
		}
		text := fmt.Sprintf("%s: %s of ideal at %s %s", upperFirst(name), percent(last.Efficiency), count(st.size(last)), st.Unit)
		if st.Law != nil {
			text += fmt.Sprintf("; %s's serial fraction %.3f", st.Law.Name, float64(st.Law.Serial))
			if known(st.Law.Limit) {
				text += fmt.Sprintf(", so at most %s times the smallest run", short(st.Law.Limit))
			}
		}
		say("%s.", text)
	}
}

func upperFirst(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-32) + s[1:]
}
