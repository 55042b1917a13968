package tasks

import (
	"fmt"
	"math"
	"slices"
	"time"

	"nodemeter/analysis/stat"
)

// Throughput is what each configuration delivered, and how well for its size.
type Throughput struct {
	Configs []ConfigThroughput `json:"configurations"`
	// Engines are unweighted means over an engine's configurations, for what such a
	// mean is worth: configurations differ in size.
	Engines []EngineThroughput `json:"engines"`
	Notes   []string           `json:"notes,omitempty"`
}

// Shape says what a configuration is. Nodes, Cores and GPUs are totals; null where
// unknown.
type Shape struct {
	ID     ConfigID `json:"config_id"`
	Label  string   `json:"label"`
	Engine string   `json:"engine,omitempty"`
	Nodes  Number   `json:"nodes"`
	Cores  Number   `json:"cores"`
	GPUs   Number   `json:"gpus"`
}

func (c *Config) shape() Shape {
	return Shape{ID: c.ID, Label: c.Label, Engine: c.Engine, Nodes: Number(c.Nodes), Cores: Number(c.Cores), GPUs: Number(c.GPUs)}
}

// ConfigThroughput is one configuration. Rates are tasks per second.
type ConfigThroughput struct {
	Shape
	From       *time.Time `json:"from,omitempty"`
	To         *time.Time `json:"to,omitempty"`
	Tasks      int        `json:"tasks"`
	Successful int        `json:"successful"`
	Failed     int        `json:"failed"`
	Other      int        `json:"other_status"`
	// SuccessRate is successful over successful and failed, a fraction, with Wilson's
	// 95 % interval.
	SuccessRate         Number        `json:"success_rate"`
	SuccessRateInterval [2]Number     `json:"success_rate_ci95"`
	Occupancy           Occupancy     `json:"occupancy"`
	Errors              []ErrorCount  `json:"errors,omitempty"`
	Runs                []RunGoodput  `json:"runs"`
	ExecSeconds         SecondsByFate `json:"execution_seconds"`
	// Offered is the rate of submission; null where all was submitted at once.
	Offered Number `json:"offered_per_second"`
	// Throughput is all tasks over the span: the notebook's figure. Goodput is
	// successful tasks over the busy time.
	Throughput Number `json:"throughput"`
	Goodput    Number `json:"goodput"`
	// GoodputInterval is Student's 95 % interval over runs; null for fewer than three.
	GoodputInterval [2]Number `json:"goodput_ci95"`
	// ArrivalLimited says that tasks came no faster than they were done: goodput then
	// measures the submitter, not the configuration.
	ArrivalLimited bool `json:"arrival_limited"`
	// PerCore is goodput over cores. Efficiency is PerCore over that of Reference, the
	// engine's configuration with the fewest cores.
	PerCore    Number `json:"goodput_per_core"`
	Efficiency Number `json:"relative_efficiency"`
	Reference  string `json:"reference,omitempty"`
	// Occupied is execution seconds over busy core-seconds: the share of the cores
	// that tasks of one core each would have kept busy.
	Occupied Number `json:"execution_per_core_second"`

	unstated bool // no task has a status
}

// SecondsByFate splits execution seconds.
type SecondsByFate struct {
	Successful Number `json:"successful"`
	Failed     Number `json:"failed"`
	All        Number `json:"all"`
}

// ErrorCount is one error message and how often it occurred.
type ErrorCount struct {
	Message string `json:"message"`
	Tasks   int    `json:"tasks"`
}

// RunGoodput is one file of a configuration: the unit of repetition.
type RunGoodput struct {
	File    string `json:"file"`
	Tasks   int    `json:"tasks"`
	Goodput Number `json:"goodput"`
}

// EngineThroughput is the mean over an engine's configurations.
type EngineThroughput struct {
	Engine      string `json:"engine"`
	Configs     int    `json:"configurations"`
	Goodput     Number `json:"goodput"`
	PerCore     Number `json:"goodput_per_core"`
	SuccessRate Number `json:"success_rate"`
}

// NewThroughput measures every configuration.
func NewThroughput(s *Set) Throughput { return s.throughput() }

func (s *Set) newThroughput() Throughput {
	var t Throughput
	for _, c := range s.Configs {
		t.Configs = append(t.Configs, s.configThroughput(c))
	}
	t.relate()
	for _, name := range s.engines() {
		t.Engines = append(t.Engines, t.engine(name))
	}
	t.notes(s)
	return t
}

func (s *Set) configThroughput(c *Config) ConfigThroughput {
	t := ConfigThroughput{
		Shape: c.shape(), Tasks: len(c.Rows), Successful: s.count(c.Rows, StatusSuccess), Failed: s.count(c.Rows, StatusFailed),
		Occupancy: s.Occupied(c.Rows), Errors: s.errorCounts(c.Rows), Offered: s.offered(c.Rows),
		Throughput: none(), Goodput: none(), GoodputInterval: [2]Number{none(), none()}, Efficiency: none(),
	}
	t.Other = t.Tasks - t.Successful - t.Failed
	t.unstated = s.count(c.Rows, StatusMissing) == t.Tasks
	t.SuccessRate = Number(float64(t.Successful) / float64(t.Successful+t.Failed))
	i := stat.ProportionInterval(t.Successful, t.Successful+t.Failed)
	t.SuccessRateInterval = [2]Number{Number(i.Low), Number(i.High)}
	if from, to, ok := s.Span(c.Rows); ok {
		t.From, t.To = &from, &to
		if wall := to.Sub(from).Seconds(); wall > 0 {
			t.Throughput = Number(float64(t.Tasks) / wall)
		}
	}
	t.ExecSeconds = s.secondsByFate(c.Rows)
	t.Goodput = goodput(t.done(), t.Occupancy.Busy)
	t.Runs = s.runs(c, t)
	t.GoodputInterval = runInterval(t.Runs)
	t.ArrivalLimited = t.arrivalLimited()
	t.PerCore = t.Goodput / Number(c.Cores)
	t.Occupied = t.ExecSeconds.All / (t.Occupancy.Busy * Number(c.Cores))
	return t
}

// done is the tasks that count as delivered: those of a file without any status are
// all it has, because that format lists no failed ones.
func (t *ConfigThroughput) done() int {
	if t.unstated {
		return t.Tasks
	}
	return t.Successful
}

func goodput(n int, busy Number) Number {
	if !(busy > 0) {
		return none()
	}
	return Number(n) / busy
}

// offered is the arrival rate: submissions after the first over the time they took,
// in each run by itself.
func (s *Set) offered(rows []int32) Number {
	type span struct {
		first, last int64
		n           int
	}
	files := map[uint16]span{}
	for _, r := range rows {
		t := s.Submit[r]
		if t == NoTime {
			continue
		}
		f, ok := files[s.File[r]]
		if !ok {
			f = span{first: t, last: t}
		}
		f.first, f.last, f.n = min(f.first, t), max(f.last, t), f.n+1
		files[s.File[r]] = f
	}
	n, took := 0, int64(0)
	for _, f := range files {
		n, took = n+f.n-1, took+f.last-f.first
	}
	if n < 1 || took <= 0 {
		return none()
	}
	return Number(float64(n) / (float64(took) / 1e9))
}

// arrivalLimited compares the end of submission with the end of the work: when less than
// a fifth of the busy time is left after the last submission, the queue never filled.
// Where nothing was delivered, it is not the submitter that limits.
func (t *ConfigThroughput) arrivalLimited() bool {
	if !known(t.Offered) || !known(t.Occupancy.Busy) || t.Tasks < 10 || t.done() == 0 || t.Occupancy.Batches > 1 {
		return false
	}
	submitting := Number(t.Tasks-1) / t.Offered
	return submitting > 0.8*t.Occupancy.Busy
}

func (s *Set) secondsByFate(rows []int32) SecondsByFate {
	var f SecondsByFate
	for _, r := range rows {
		x := Number(s.Exec[r])
		if !known(x) {
			continue
		}
		f.All += x
		switch s.Status[r] {
		case StatusSuccess:
			f.Successful += x
		case StatusFailed:
			f.Failed += x
		}
	}
	return f
}

// errorCounts lists the five most frequent messages of failed tasks.
func (s *Set) errorCounts(rows []int32) []ErrorCount {
	counts := map[int32]int{}
	for _, r := range rows {
		if s.Status[r] == StatusFailed {
			counts[s.errors[r]]++
		}
	}
	var out []ErrorCount
	for i, n := range counts {
		out = append(out, ErrorCount{Message: s.ErrorTexts[i], Tasks: n})
	}
	slices.SortFunc(out, func(a, b ErrorCount) int {
		if a.Tasks != b.Tasks {
			return b.Tasks - a.Tasks
		}
		if a.Message < b.Message {
			return -1
		}
		return 1
	})
	return out[:min(len(out), 5)]
}

// runs measures each file of a configuration by itself; whole is the configuration.
func (s *Set) runs(c *Config, whole ConfigThroughput) []RunGoodput {
	byFile, order := s.byFile(c.Rows)
	if len(order) == 1 {
		return []RunGoodput{{File: s.Files[order[0]].Path, Tasks: whole.Tasks, Goodput: whole.Goodput}}
	}
	var out []RunGoodput
	for _, f := range order {
		rows := byFile[f]
		t := ConfigThroughput{Tasks: len(rows), Successful: s.count(rows, StatusSuccess)}
		t.unstated = s.count(rows, StatusMissing) == t.Tasks
		out = append(out, RunGoodput{File: s.Files[f].Path, Tasks: len(rows), Goodput: goodput(t.done(), s.Occupied(rows).Busy)})
	}
	return out
}

// byFile splits rows by the file they come from; order is that of first appearance.
func (s *Set) byFile(rows []int32) (byFile map[uint16][]int32, order []uint16) {
	byFile = map[uint16][]int32{}
	for i := 0; i < len(rows); {
		f := s.File[rows[i]]
		n := i + 1
		for n < len(rows) && s.File[rows[n]] == f {
			n++
		}
		if _, ok := byFile[f]; ok {
			byFile[f] = append(slices.Clip(byFile[f]), rows[i:n]...)
		} else {
			byFile[f], order = rows[i:n], append(order, f)
		}
		i = n
	}
	return byFile, order
}

func runInterval(runs []RunGoodput) [2]Number {
	var xs []float64
	for _, r := range runs {
		xs = append(xs, float64(r.Goodput))
	}
	sample := finite(xs)
	if sample.N() < 3 {
		return [2]Number{none(), none()}
	}
	i := sample.MeanInterval()
	return [2]Number{Number(i.Low), Number(i.High)}
}

// relate computes efficiencies against each engine's smallest configuration.
func (t *Throughput) relate() {
	smallest := map[string]*ConfigThroughput{}
	for i := range t.Configs {
		c := &t.Configs[i]
		if ref, ok := smallest[c.Engine]; known(c.PerCore) && (!ok || c.Cores < ref.Cores) {
			smallest[c.Engine] = c
		}
	}
	for i := range t.Configs {
		c := &t.Configs[i]
		if ref, ok := smallest[c.Engine]; ok && known(c.PerCore) {
			c.Efficiency, c.Reference = c.PerCore/ref.PerCore, ref.Label
		}
	}
}

func (t *Throughput) engine(name string) EngineThroughput {
	e := EngineThroughput{Engine: name}
	var goodput, perCore, success []float64
	for _, c := range t.Configs {
		if c.Engine == name {
			e.Configs++
			goodput, perCore, success = append(goodput, float64(c.Goodput)), append(perCore, float64(c.PerCore)), append(success, float64(c.SuccessRate))
		}
	}
	e.Goodput, e.PerCore, e.SuccessRate = Number(stat.Mean(goodput)), Number(stat.Mean(perCore)), Number(stat.Mean(success))
	return e
}

func (t *Throughput) notes(s *Set) {
	var limited, single, gaps []string
	for _, c := range t.Configs {
		if c.ArrivalLimited {
			limited = append(limited, c.Label)
		}
		if len(c.Runs) < 3 {
			single = append(single, c.Label)
		}
		if c.Occupancy.Batches > 1 {
			gaps = append(gaps, c.Label)
		}
		if c.Occupancy.Untimed > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("%s: %d of %d tasks have no times and are in no rate", c.Label, c.Occupancy.Untimed, c.Tasks))
		}
		if math.IsNaN(float64(c.Cores)) {
			t.Notes = append(t.Notes, fmt.Sprintf("%s: cores unknown, so no efficiency; give --cores or a manifest", c.Label))
		}
		if c.unstated {
			t.Notes = append(t.Notes, fmt.Sprintf("%s: no task has a status; such files list only tasks that finished, and all count as delivered", c.Label))
		}
	}
	for _, c := range s.Configs {
		if c.Mixed {
			t.Notes = append(t.Notes, fmt.Sprintf("%s: rows of one config_id disagree about engine, nodes or cores; the first row's are taken", c.Label))
		}
	}
	if len(limited) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("arrival-limited: %s. Tasks were submitted no faster than they were done, so throughput and efficiency measure the submitter; submit faster to measure the configuration", list(limited)))
	}
	if len(gaps) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("separate batches: %s. Goodput is over the time in which tasks were there; the notebook's throughput counts the gaps", list(gaps)))
	}
	if len(single) == len(t.Configs) && len(single) > 0 {
		t.Notes = append(t.Notes, "fewer than three runs of each configuration: no interval for goodput, because tasks of one run are not independent")
	}
}
