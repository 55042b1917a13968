package report

import (
	"fmt"
	"path/filepath"

	"nodemeter/analysis"
	"nodemeter/analysis/tasks"
)

// TaskSections are the notebook's sections 1 to 4 and 6, in that order;
// section 5 is Recording's and belongs between the last two.
func (t *Tasks) TaskSections() []Section {
	return []Section{t.setup(), t.throughputSection(), t.latencySection(), t.scalingSection(), t.comparisonSection()}
}

func (t *Tasks) pictures(name string, more ...*Picture) Block {
	f, err := t.Figure(name)
	if err != nil { // only for names this package does not know
		return Block{Notes: []string{err.Error()}}
	}
	return Block{Pictures: append(f.Pictures, more...)}
}

// setup is section 1: what was read, and the summary by configuration.
func (t *Tasks) setup() Section {
	files := &Table{Caption: "Files", Head: []string{"File", "Tasks", "Left out", "Layout", "Times without a zone"}}
	rejected := 0
	var notes []string
	for _, f := range t.Set.Files {
		rejected += f.Rejected
		layout := ""
		for i, l := range f.Layouts {
			if i > 0 {
				layout += ", "
			}
			layout += l
		}
		naive := fmt.Sprint(f.NaiveTimes)
		if f.NaiveTimes > 0 {
			naive += ", taken as " + f.Zone
		}
		name := filepath.Base(f.Path)
		files.Rows = append(files.Rows, []string{name, analysis.FormatCount(int64(f.Rows)), analysis.FormatCount(int64(f.Rejected)), layout, naive})
		for _, w := range f.Warnings {
			notes = append(notes, name+": "+w)
		}
		for i, r := range f.Rejects {
			if i == 3 {
				notes = append(notes, fmt.Sprintf("%s: and %d more left out", name, f.Rejected-i))
				break
			}
			notes = append(notes, fmt.Sprintf("%s: line %d left out: %s", name, r.Line, r.Reason))
		}
	}
	facts := []Fact{
		{"Tasks", analysis.FormatCount(int64(t.Set.Len())), fmt.Sprintf("%d records left out", rejected)},
		{"Configurations", fmt.Sprint(len(t.Set.Configs)), fmt.Sprintf("%d engines", len(t.engines))},
	}
	return Section{ID: "setup", Title: "1. Setup and Data Loading", Blocks: []Block{
		{Facts: facts}, {Table: files.limit()}, {Heading: "Summary by configuration", Table: t.summaryTable()}, {Notes: notes},
	}}
}

// summaryTable is the notebook's, with failed tasks apart.
func (t *Tasks) summaryTable() *Table {
	out := &Table{Caption: "Seconds; of successful tasks, the success rate of all", Head: []string{"Configuration", "Engine", "Nodes", "Cores", "Tasks", "Success rate", "Execution mean", "std", "min", "max", "Wait mean", "std"}}
	for i, c := range t.Latency.Configs {
		rate := t.Throughput.Configs[i]
		out.Rows = append(out.Rows, []string{c.Label, engineName(c.Engine), figure(c.Nodes), figure(c.Cores), fmt.Sprint(rate.Tasks), part(rate.SuccessRate),
			figure(c.Exec.Mean), figure(c.Exec.Std), figure(c.Exec.Min), figure(c.Exec.Max), figure(c.Wait.Mean), figure(c.Wait.Std)})
	}
	return out.limit()
}

func (t *Tasks) throughputSection() Section {
	table := &Table{Caption: "Rates are tasks per second; intervals are 95 %", Head: []string{"Configuration", "Tasks", "Failed", "Success rate", "Interval", "Offered", "Throughput", "Goodput", "Goodput interval", "Goodput per core", "Efficiency", "Busy (s)", "Most at once"}}
	for _, c := range t.Throughput.Configs {
		table.Rows = append(table.Rows, []string{c.Label, fmt.Sprint(c.Tasks), fmt.Sprint(c.Failed), part(c.SuccessRate), interval(c.SuccessRateInterval, part), figure(c.Offered), figure(c.Throughput),
			figure(c.Goodput), interval(c.GoodputInterval, figure), figure(c.PerCore), part(c.Efficiency), figure(c.Occupancy.Busy), fmt.Sprint(c.Occupancy.Peak)})
	}
	return Section{ID: "throughput", Title: "2. Throughput Analysis", Blocks: []Block{
		{Text: "Task throughput across the configurations."}, t.pictures("throughput"), {Table: table.limit()}, {Notes: t.Throughput.Notes},
	}}
}

func (t *Tasks) latencySection() Section {
	slow := &Table{Caption: "The slowest successful tasks", Head: []string{"Task", "Configuration", "File and line", "Execution (s)", "Wait (s)"}}
	for _, c := range t.Latency.Configs {
		for i, r := range c.Slowest {
			if i == 3 {
				break
			}
			slow.Rows = append(slow.Rows, []string{r.Task, c.Label, fmt.Sprintf("%s:%d", filepath.Base(r.File), r.Line), figure(r.Exec), figure(r.Wait)})
		}
	}
	return Section{ID: "latency", Title: "3. Latency Analysis", Blocks: []Block{
		{Text: "How long tasks waited and ran, and which took longest."}, t.pictures("latency", t.meanBars()), {Table: slow.limit()}, {Notes: t.Latency.Notes},
	}}
}

func (t *Tasks) scalingSection() Section {
	var laws []string
	all := t.Scaling.Studies
	notes := append([]string(nil), t.Scaling.Notes...)
	for _, s := range all {
		if s.Law != nil {
			laws = append(laws, lawSentence(s, len(all)))
		}
		for _, n := range s.Notes {
			notes = append(notes, s.Kind+" scaling, "+studyName(s, 2)+": "+n)
		}
	}
	b := Section{ID: "scaling", Title: "4. Scaling Efficiency", Blocks: []Block{{Text: "Strong scaling: the same work on more nodes. Weak scaling: work that grows with the nodes."}}}
	if len(all) == 0 {
		b.Blocks = append(b.Blocks, Block{Notes: append([]string{"No scaling study in this data."}, notes...)})
		return b
	}
	b.Blocks = append(b.Blocks, t.pictures("scaling"), Block{Notes: append(laws, notes...)})
	return b
}

// lawSentence says what the fitted law means.
func lawSentence(s tasks.ScalingStudy, n int) string {
	line := fmt.Sprintf("%s scaling (%s): %s's serial fraction is %s", s.Kind, studyName(s, n), s.Law.Name, figure(s.Law.Serial))
	if i := interval(s.Law.Interval, figure); i != "-" {
		line += " (95 % " + i + ")"
	}
	if !s.Law.Limit.IsNaN() {
		line += fmt.Sprintf(", which limits the speed-up to %s", figure(s.Law.Limit))
	}
	if !s.GoodUpTo.IsNaN() {
		line += fmt.Sprintf("; 80 %% efficient up to %s %s", figure(s.GoodUpTo), s.Unit)
	}
	return line + "."
}

func (t *Tasks) comparisonSection() Section {
	s := Section{ID: "comparison", Title: "6. Comparative Analysis", Blocks: []Block{
		{Text: "Execution times set side by side: engines at equal cores first, because engines pooled over different cores differ for that reason alone."},
		t.pictures("comparative"),
	}}
	for _, table := range []struct {
		name  string
		pairs []tasks.Pair
	}{{"Engines at equal cores", t.Comparison.Strata}, {"Engines, all cores pooled", t.Comparison.Pooled}, {"Configurations two by two", t.Comparison.Pairs}} {
		if len(table.pairs) > 0 {
			s.Blocks = append(s.Blocks, Block{Heading: table.name, Table: pairTable(table.pairs)}, Block{Notes: verdicts(table.pairs)})
		}
	}
	s.Blocks = append(s.Blocks, Block{Notes: t.Comparison.Notes})
	return s
}

func pairTable(pairs []tasks.Pair) *Table {
	out := &Table{Caption: "Execution seconds of tasks that did not fail; p-values corrected by Holm within this table", Head: []string{"Pair", "At", "Tasks", "Mean", "Median", "Difference of means (95 %)", "p, Welch", "p, Mann-Whitney", "First is longer", "Effect"}}
	for _, p := range pairs {
		out.Rows = append(out.Rows, []string{p.X + " / " + p.Y, p.Stratum, fmt.Sprintf("%d / %d", p.NX, p.NY), figure(p.MeanX) + " / " + figure(p.MeanY), figure(p.MedianX) + " / " + figure(p.MedianY),
			figure(p.Welch.Difference) + " (" + interval(p.Welch.Interval, figure) + ")", figure(p.WelchHolm), figure(p.RanksHolm), part(p.A), p.Magnitude})
	}
	return out.limit()
}

// verdicts state each pair's direction and size in words.
func verdicts(pairs []tasks.Pair) []string {
	var out []string
	for i, p := range pairs {
		if i == maxTableRows {
			return append(out, fmt.Sprintf("and %d more pairs: nodemeter tasks compare has all", len(pairs)-i))
		}
		line := fmt.Sprintf("%s and %s, %s: %s", p.X, p.Y, p.Stratum, p.Verdict)
		if p.Confound != "" {
			line += ". Confounded: " + p.Confound
		}
		out = append(out, line+".")
	}
	return out
}
