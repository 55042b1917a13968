package tasks

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"nodemeter/analysis/stat"
)

// significance is the level of every verdict, after Holm's correction.
const significance = 0.05

// Comparison sets samples of execution seconds side by side: engines at equal cores
// first, because engines pooled over different core counts differ for that
// reason alone; then every pair of configurations; last the pooled engines.
type Comparison struct {
	Samples []SampleSummary `json:"samples"`
	// Strata compare engines at one number of cores each.
	Strata []Pair `json:"strata"`
	// Pairs compare configurations two by two.
	Pairs []Pair `json:"pairs"`
	// Pooled compares engines over everything they ran.
	Pooled []Pair `json:"pooled"`
	// Scores are the notebook's normalized scores, for any number of engines.
	Scores []Score  `json:"scores"`
	Notes  []string `json:"notes,omitempty"`
}

// SampleSummary is one group of execution seconds of tasks that did not fail.
type SampleSummary struct {
	Name string `json:"name"`
	Distribution
}

// Score is one engine on the notebook's last panel. Each is a part of the best
// configuration's, success a fraction, LowLatency the median total of the fastest
// configuration over this engine's mean median: 1 is best throughout.
type Score struct {
	Engine      string `json:"engine"`
	Goodput     Number `json:"goodput"`
	PerCore     Number `json:"goodput_per_core"`
	SuccessRate Number `json:"success_rate"`
	LowLatency  Number `json:"low_latency"`
}

// Pair compares the execution seconds of X with those of Y.
type Pair struct {
	X       string `json:"x"`
	Y       string `json:"y"`
	Stratum string `json:"stratum"`
	NX      int    `json:"n_x"`
	NY      int    `json:"n_y"`
	MeanX   Number `json:"mean_x"`
	MeanY   Number `json:"mean_y"`
	MedianX Number `json:"median_x"`
	MedianY Number `json:"median_y"`
	// Student pools the variances, Welch does not; Welch decides.
	Student TestOfMeans `json:"student"`
	Welch   TestOfMeans `json:"welch"`
	// Asymptotic and Exact are the two ways to the p-value of Mann and Whitney's U;
	// Exact is null with ties or many tasks.
	Asymptotic TestOfRanks  `json:"mann_whitney_asymptotic"`
	Exact      *TestOfRanks `json:"mann_whitney_exact,omitempty"`
	// A is the chance that a task of X takes longer than one of Y.
	A            Number    `json:"vargha_delaney_a"`
	AInterval    [2]Number `json:"vargha_delaney_a_ci95"`
	RankBiserial Number    `json:"rank_biserial"`
	HedgesG      Number    `json:"hedges_g"`
	Magnitude    string    `json:"magnitude,omitempty"`
	// WelchHolm and RanksHolm are p-values corrected for all pairs of the same table.
	WelchHolm Number `json:"welch_p_holm"`
	RanksHolm Number `json:"mann_whitney_p_holm"`
	Confound  string `json:"confounded,omitempty"`
	Verdict   string `json:"verdict"`
}

// TestOfMeans is a t test; Difference is mean(X) - mean(Y) in seconds.
type TestOfMeans struct {
	T          Number    `json:"t"`
	DF         Number    `json:"df"`
	P          Number    `json:"p"`
	Difference Number    `json:"difference"`
	Interval   [2]Number `json:"ci95"`
}

// TestOfRanks is Mann and Whitney's test; U counts pairs in which X is larger.
type TestOfRanks struct {
	U    Number `json:"u"`
	P    Number `json:"p"`
	Ties bool   `json:"ties"`
}

// sampleOf is a named group of tasks.
type sampleOf struct {
	name        string
	engine      string
	cores       float64
	xs          []float64
	coreSummary string
}

// NewComparison compares everything with everything that it is fair to compare.
func NewComparison(s *Set) Comparison { return s.comparison() }

func (s *Set) newComparison() Comparison {
	var c Comparison
	configs, engines := s.configSamples(), s.engineSamples()
	for _, x := range slices.Concat(engines, configs) {
		c.Samples = append(c.Samples, SampleSummary{Name: x.name, Distribution: newDistribution(x.xs)})
	}
	c.Strata = s.strata()
	c.Pairs = pairs(configs, "configurations")
	c.Pooled = pairs(engines, "all cores pooled")
	confounded(c.Pooled, engines)
	for _, table := range [][]Pair{c.Strata, c.Pairs, c.Pooled} {
		correct(table)
	}
	c.Scores = scores(s)
	c.notes(s, engines)
	return c
}

func (s *Set) configSamples() []sampleOf {
	var out []sampleOf
	for _, c := range s.Configs {
		out = append(out, sampleOf{name: c.Label, engine: c.Engine, cores: c.Cores, xs: s.deliveredExec(c.Rows)})
	}
	return out
}

// deliveredExec is the execution seconds of the tasks that did not fail.
func (s *Set) deliveredExec(rows []int32) []float64 {
	out := make([]float64, 0, len(rows))
	for _, r := range rows {
		if s.Status[r] != StatusFailed && !math.IsNaN(s.Exec[r]) {
			out = append(out, s.Exec[r])
		}
	}
	return out
}

func (s *Set) engineSamples() []sampleOf {
	var out []sampleOf
	for _, name := range s.engines() {
		var rows []int32
		var cores []float64
		for _, c := range s.Configs {
			if c.Engine == name {
				rows = append(rows, c.Rows...)
				if !slices.Contains(cores, c.Cores) {
					cores = append(cores, c.Cores)
				}
			}
		}
		slices.Sort(cores)
		out = append(out, sampleOf{name: name, engine: name, xs: s.deliveredExec(rows), coreSummary: coresSummary(cores)})
	}
	return out
}

func coresSummary(cores []float64) string {
	var words []string
	for _, c := range cores {
		if math.IsNaN(c) {
			words = append(words, "unknown")
			continue
		}
		words = append(words, strconv.FormatFloat(c, 'g', -1, 64))
	}
	return list(words)
}

// strata compares engines at each number of cores that at least two of them ran on.
func (s *Set) strata() []Pair {
	var cores []float64
	for _, c := range s.Configs {
		if !math.IsNaN(c.Cores) && !slices.Contains(cores, c.Cores) {
			cores = append(cores, c.Cores)
		}
	}
	slices.Sort(cores)
	var out []Pair
	for _, n := range cores {
		var samples []sampleOf
		for _, name := range s.engines() {
			var rows []int32
			for _, c := range s.Configs {
				if c.Engine == name && c.Cores == n {
					rows = append(rows, c.Rows...)
				}
			}
			if len(rows) > 0 {
				samples = append(samples, sampleOf{name: name, engine: name, xs: s.deliveredExec(rows)})
			}
		}
		out = append(out, pairs(samples, strconv.FormatFloat(n, 'g', -1, 64)+" cores")...)
	}
	return out
}

// maxCompared bounds how many samples are compared two by two: 40 are 780 pairs, more
// than anyone reads.
const maxCompared = 40

// pairs compares each sample with each later one; none where there are too many.
func pairs(samples []sampleOf, stratum string) []Pair {
	if len(samples) > maxCompared {
		return nil
	}
	var out []Pair
	for i, x := range samples {
		for _, y := range samples[i+1:] {
			out = append(out, newPair(x, y, stratum))
		}
	}
	return out
}

func newPair(x, y sampleOf, stratum string) Pair {
	sx, sy := finite(x.xs), finite(y.xs)
	p := Pair{
		X: x.name, Y: y.name, Stratum: stratum, NX: len(x.xs), NY: len(y.xs),
		MeanX: Number(sx.Mean()), MeanY: Number(sy.Mean()), MedianX: Number(sx.Median()), MedianY: Number(sy.Median()),
		Student: testOfMeans(stat.Student(x.xs, y.xs)), Welch: testOfMeans(stat.Welch(x.xs, y.xs)),
	}
	m := stat.AsymptoticMannWhitney(x.xs, y.xs)
	p.Asymptotic = TestOfRanks{U: Number(m.UX), P: Number(m.P), Ties: m.Ties}
	if m, ok := stat.ExactMannWhitney(x.xs, y.xs); ok {
		p.Exact = &TestOfRanks{U: Number(m.UX), P: Number(m.P)}
	}
	e := stat.Effects(x.xs, y.xs)
	p.A, p.AInterval = Number(e.A), [2]Number{Number(e.ALow), Number(e.AHigh)}
	p.RankBiserial, p.HedgesG, p.Magnitude = Number(e.RankBiserial), Number(e.HedgesG), stat.Magnitude(e.A)
	return p
}

func testOfMeans(t stat.TTest) TestOfMeans {
	return TestOfMeans{T: Number(t.Statistic), DF: Number(t.DF), P: Number(t.P), Difference: Number(t.Difference), Interval: [2]Number{Number(t.Low), Number(t.High)}}
}

// ranksP is the exact p-value where there is one.
func (p *Pair) ranksP() Number {
	if p.Exact != nil {
		return p.Exact.P
	}
	return p.Asymptotic.P
}

// correct fills in Holm's corrected p-values and the verdicts of one table.
func correct(table []Pair) {
	var welch, ranks []float64
	for i := range table {
		welch, ranks = append(welch, float64(table[i].Welch.P)), append(ranks, float64(table[i].ranksP()))
	}
	welch, ranks = stat.Holm(welch), stat.Holm(ranks)
	for i := range table {
		table[i].WelchHolm, table[i].RanksHolm = Number(welch[i]), Number(ranks[i])
		table[i].Verdict = table[i].conclude()
	}
}

// confounded marks pairs of engines that did not run on the same cores.
func confounded(table []Pair, engines []sampleOf) {
	cores := map[string]string{}
	for _, e := range engines {
		cores[e.name] = e.coreSummary
	}
	for i := range table {
		if x, y := cores[table[i].X], cores[table[i].Y]; x != y {
			table[i].Confound = fmt.Sprintf("%s ran on %s cores, %s on %s: the difference may be the cores'", table[i].X, x, table[i].Y, y)
		}
	}
}

func (c *Comparison) notes(s *Set, engines []sampleOf) {
	if len(engines) < 2 {
		c.Notes = append(c.Notes, fmt.Sprintf("%s: nothing to compare engines with", countNoun(len(engines), "engine")))
	} else if len(c.Strata) == 0 {
		c.Notes = append(c.Notes, "no two engines ran on the same number of cores: engines cannot be compared fairly with this data")
	}
	if len(s.Configs) > maxCompared {
		c.Notes = append(c.Notes, fmt.Sprintf("%d configurations: more than the %d that are compared two by two", len(s.Configs), maxCompared))
	}
	runs := 0
	for _, cfg := range NewThroughput(s).Configs {
		runs = max(runs, len(cfg.Runs))
	}
	if runs < 3 && len(s.Configs) > 1 {
		c.Notes = append(c.Notes, "tasks of one run are not independent of each other, so these p-values are smaller than they should be; repeat whole runs to know better")
	}
	if n := s.countAll(StatusFailed); n > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("%s left out here; the notebook counts failed tasks in", countNoun(n, "failed task")))
	}
}

func (s *Set) countAll(status Status) int {
	n := 0
	for _, st := range s.Status {
		if st == status {
			n++
		}
	}
	return n
}

func countNoun(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// scores are the notebook's last panel for every engine.
func scores(s *Set) []Score {
	t, l := NewThroughput(s), NewLatency(s)
	top, perCore, fastest := math.NaN(), math.NaN(), math.NaN()
	for i, c := range t.Configs {
		top, perCore = larger(top, float64(c.Goodput)), larger(perCore, float64(c.PerCore))
		fastest = -larger(-fastest, -float64(l.Configs[i].Total.At(50)))
	}
	var out []Score
	for _, e := range t.Engines {
		var medians []float64
		for _, c := range l.Configs {
			if c.Engine == e.Engine {
				medians = append(medians, float64(c.Total.At(50)))
			}
		}
		out = append(out, Score{Engine: e.Engine, Goodput: e.Goodput / Number(top), PerCore: e.PerCore / Number(perCore),
			SuccessRate: e.SuccessRate, LowLatency: Number(fastest / stat.Mean(medians))})
	}
	return out
}

// larger is the larger number, NaN only when both are.
func larger(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}
