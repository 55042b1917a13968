package tasks

import (
	"encoding/csv"
	"io"
	"strconv"
)

// WriteText prints the notebook's section 6.
func (c NotebookComparison) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("Statistical Comparison: as the notebook has it (all tasks of an engine pooled, failed ones too)")
	if c.Omitted != "" {
		p.paragraph("", "Left out: "+c.Omitted+".")
		return p.done()
	}
	var rows [][]string
	for _, r := range c.Display {
		rows = append(rows, []string{r[0], r[1], r[2]})
	}
	p.table(1, []string{"Metric", "Dask", "Ray"}, rows)
	p.line("")
	p.line("  %s (t %s, %s degrees of freedom)", c.TTest.Display, four(c.TTest.Statistic), count(c.TTest.DF))
	p.line("  %s (U %s, %s)", c.MannWhitney.Display, count(c.MannWhitney.UDask), c.MannWhitney.Method)
	p.line("")
	p.line("  Conclusion: %s at α=0.05", c.Conclusion)
	return p.done()
}

// WriteText prints the fair comparisons first.
func (c Comparison) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("Comparison of execution times (tasks that did not fail)")
	for _, t := range []struct {
		title string
		pairs []Pair
	}{
		{"Engines at equal cores", c.Strata}, {"Configurations, two by two", c.Pairs}, {"Engines, everything pooled", c.Pooled},
	} {
		if len(t.pairs) == 0 {
			continue
		}
		p.head("%s", t.title)
		pairTable(p, t.pairs)
		for _, pair := range t.pairs {
			p.paragraph("- ", pairName(pair)+": "+pair.Verdict+".")
			if pair.Confound != "" {
				p.paragraph("  confounded: ", pair.Confound+".")
			}
		}
	}
	if len(c.Scores) > 0 {
		p.head("Scores (1 is the best configuration; success is a fraction)")
		var rows [][]string
		for _, s := range c.Scores {
			rows = append(rows, []string{s.Engine, fixed(s.Goodput, 3), fixed(s.PerCore, 3), fixed(s.SuccessRate, 3), fixed(s.LowLatency, 3)})
		}
		p.table(1, []string{"engine", "goodput", "per core", "success", "low latency"}, rows)
	}
	if len(c.Notes) > 0 {
		p.head("Notes")
		p.notes(c.Notes)
	}
	return p.done()
}

func pairName(x Pair) string {
	name := x.X + " against " + x.Y
	if x.Stratum != "configurations" && x.Stratum != "all cores pooled" {
		name = x.Stratum + ", " + name
	}
	return name
}

func pairTable(p *page, pairs []Pair) {
	var rows [][]string
	for _, x := range pairs {
		exact := "-"
		if x.Exact != nil {
			exact = probability(x.Exact.P)
		}
		rows = append(rows, []string{pairName(x), strconv.Itoa(x.NX) + "/" + strconv.Itoa(x.NY), four(x.Welch.Difference), between(x.Welch.Interval),
			probability(x.Student.P), probability(x.Welch.P), probability(x.Asymptotic.P), exact, fixed(x.A, 3), between(x.AInterval), fixed(x.HedgesG, 2),
			probability(x.WelchHolm), probability(x.RanksHolm)})
	}
	p.table(1, []string{"x against y", "n", "x - y s", "95%", "Student p", "Welch p", "MW p", "MW exact", "A", "95%", "g", "Holm: Welch", "MW"}, rows)
}

// probability shows a p-value.
func probability(x Number) string {
	switch {
	case !known(x):
		return "-"
	case x < 1e-4:
		return strconv.FormatFloat(float64(x), 'e', 1, 64)
	}
	return significant(float64(x), 2)
}

// WriteCSV writes one row a pair.
func (c Comparison) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"stratum", "x", "y", "n_x", "n_y", "mean_x", "mean_y", "median_x", "median_y", "difference", "difference_low", "difference_high", "student_t", "student_p",
		"welch_t", "welch_df", "welch_p", "mann_whitney_u", "mann_whitney_p", "mann_whitney_exact_p", "vargha_delaney_a", "a_low", "a_high", "rank_biserial", "hedges_g",
		"welch_p_holm", "mann_whitney_p_holm", "confounded", "verdict"})
	for _, table := range [][]Pair{c.Strata, c.Pairs, c.Pooled} {
		for _, x := range table {
			byExact := ""
			if x.Exact != nil {
				byExact = exact(x.Exact.P)
			}
			_ = out.Write([]string{x.Stratum, cell(x.X), cell(x.Y), strconv.Itoa(x.NX), strconv.Itoa(x.NY), exact(x.MeanX), exact(x.MeanY), exact(x.MedianX), exact(x.MedianY),
				exact(x.Welch.Difference), exact(x.Welch.Interval[0]), exact(x.Welch.Interval[1]), exact(x.Student.T), exact(x.Student.P),
				exact(x.Welch.T), exact(x.Welch.DF), exact(x.Welch.P), exact(x.Asymptotic.U), exact(x.Asymptotic.P), byExact, exact(x.A), exact(x.AInterval[0]), exact(x.AInterval[1]),
				exact(x.RankBiserial), exact(x.HedgesG), exact(x.WelchHolm), exact(x.RanksHolm), cell(x.Confound), cell(x.Verdict)})
		}
	}
	out.Flush()
	return out.Error() // of every Write above too
}
