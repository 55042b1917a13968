package tasks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"nodemeter/analysis"
	"nodemeter/collector/metric"
)

// Join is what the nodes did while each configuration ran: samples whose time lies
// within the stretches in which its tasks were there.
//
// The rows of a metrics.csv name no node, so a configuration stands against all nodes
// of the recording; what else ran on them at that time is in the figures too.
type Join struct {
	Configs []ConfigUse `json:"configurations"`
	// From and To are what the recording covers.
	From     time.Time `json:"recording_from"`
	To       time.Time `json:"recording_to"`
	Warnings []string  `json:"warnings,omitempty"`
}

// ConfigUse is one configuration. Means weigh each sample by the time it covers; CPU,
// Memory and GPU are fractions. A figure that the recording does not have is null.
type ConfigUse struct {
	Shape
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Nodes []string  `json:"nodes,omitempty"`
	// Reason says why there are no figures; empty where there are.
	Reason string `json:"reason,omitempty"`
	// Seconds is how much node time the samples cover, Coverage the part of the time it
	// should have been.
	Seconds  Number  `json:"node_seconds"`
	Coverage Number  `json:"coverage"`
	CPU      Number  `json:"cpu_util"`
	CPUPeak  Number  `json:"cpu_util_max"`
	Memory   Number  `json:"memory_util"`
	GPU      Number  `json:"gpu_util"`
	Network  Number  `json:"network_mbps"` // 10^6 bit/s, mean over nodes
	Cost     UseCost `json:"cost"`
	// Goodput and Tasks are of the same configuration, to stand beside.
	Goodput Number `json:"goodput"`
	Tasks   int    `json:"successful"`
	// IdleShare is the part of the span in which no task ran.
	IdleShare Number `json:"idle_share"`
	// Resource is what bound the run ("cpu", "gpu", "nothing", ...); Bottleneck is the
	// sentence.
	Resource   string   `json:"resource,omitempty"`
	Bottleneck string   `json:"bottleneck,omitempty"`
	Findings   []string `json:"findings,omitempty"`
	// Tasks running over time, and the nodes' use over the same time.
	Timeline *Timeline `json:"timeline,omitempty"`
	Curve    *UseCurve `json:"utilization,omitempty"`
}

// UseCost is what a configuration took. Per-task figures are over successful tasks.
type UseCost struct {
	CoreSeconds          Number `json:"core_seconds"`           // busy
	CoreSecondsAvailable Number `json:"core_seconds_available"` // of all nodes recorded
	GPUSeconds           Number `json:"gpu_seconds"`            // weighted by utilization
	GPUSecondsAvailable  Number `json:"gpu_seconds_available"`
	GPUJoules            Number `json:"gpu_joules"` // GPU boards only
	CoreSecondsPerTask   Number `json:"core_seconds_per_task"`
	GPUSecondsPerTask    Number `json:"gpu_seconds_per_task"`
	JoulesPerTask        Number `json:"gpu_joules_per_task"`
}

// UseCurve is the mean over nodes of each bin; a bin without samples is null.
type UseCurve struct {
	From    time.Time `json:"from"`
	Bin     float64   `json:"bin_seconds"`
	CPU     []Number  `json:"cpu_util"`
	Memory  []Number  `json:"memory_util"`
	GPU     []Number  `json:"gpu_util"`
	Network []Number  `json:"network_mbps"`
}

// timelineBins is how finely running tasks are drawn over a configuration's span.
const timelineBins = 300

// maxStretches bounds how often the recording is read for one configuration with
// gaps; beyond, its whole span is taken.
const maxStretches = 50

// NewJoin reads the recording that o names for each configuration's time. An error is
// a recording that cannot be read at all; one that does not overlap is a warning.
func NewJoin(ctx context.Context, s *Set, o analysis.Options) (*Join, error) {
	throughput := NewThroughput(s)
	all := make([]int32, s.Len())
	for i := range all {
		all[i] = int32(i)
	}
	whole, err := analysis.Analyze(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("join tasks with the recording: %w", err)
	}
	j := &Join{From: whole.From, To: whole.To}
	for i, c := range s.Configs {
		use, err := s.configUse(ctx, c, &throughput.Configs[i], o, j)
		if err != nil {
			return nil, err
		}
		j.Configs = append(j.Configs, use)
	}
	j.warn(s, all)
	return j, nil
}

// configUse reads the recording for one configuration.
func (s *Set) configUse(ctx context.Context, c *Config, t *ConfigThroughput, o analysis.Options, j *Join) (ConfigUse, error) {
	u := newConfigUse(c, t)
	stretches := s.stretches(c.Rows)
	if len(stretches) == 0 {
		u.Reason = "its tasks have no times"
		return u, nil
	}
	u.From, u.To = time.Unix(0, stretches[0].From).UTC(), time.Unix(0, stretches[len(stretches)-1].To).UTC()
	u.Timeline = NewTimeline(s, c.Rows, timelineBins)
	if u.To.Before(j.From) || u.From.After(j.To) {
		u.Reason = "the recording has no samples of its time"
		return u, nil
	}
	if len(stretches) > maxStretches {
		stretches = []Stretch{{stretches[0].From, stretches[len(stretches)-1].To}}
	}
	sum, err := readStretches(ctx, stretches, o)
	if err != nil {
		return u, err
	}
	if sum.results == 0 {
		u.Reason = "no sample falls into its time"
		return u, nil
	}
	sum.into(&u)
	return u, nil
}

// readStretches adds up the recording over some stretches of time.
func readStretches(ctx context.Context, stretches []Stretch, o analysis.Options) (*useSum, error) {
	sum := &useSum{}
	for _, st := range stretches {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// A sample tells of the time before it: the first to count is the first after
		// the beginning, and the last may come just at the end.
		o.From, o.To = time.Unix(0, st.From).Add(time.Nanosecond), time.Unix(0, st.To).Add(time.Nanosecond)
		r, err := analysis.Analyze(ctx, o)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
		if err != nil {
			continue // a stretch between two samples has none; Coverage shows it
		}
		sum.add(r, float64(st.To-st.From)/1e9)
	}
	return sum, nil
}

func newConfigUse(c *Config, t *ConfigThroughput) ConfigUse {
	n := none()
	return ConfigUse{
		Shape: c.shape(), Seconds: n, Coverage: n, CPU: n, CPUPeak: n, Memory: n, GPU: n, Network: n,
		Cost:    UseCost{n, n, n, n, n, n, n, n},
		Goodput: t.Goodput, Tasks: t.done(), IdleShare: t.Occupancy.IdleShare,
	}
}

// stretches is when tasks of some rows were there, gaps of less than a second closed.
func (s *Set) stretches(rows []int32) []Stretch {
	var there []Stretch
	for _, r := range rows {
		if end, ok := s.End(int(r)); ok && s.Submit[r] != NoTime {
			there = append(there, Stretch{min(s.Submit[r], end), end})
		}
	}
	return union(there, int64(time.Second))
}

// useSum adds up the recordings of a configuration's stretches.
type useSum struct {
	results  int
	nodes    []string
	seconds  float64 // node seconds sampled
	expected float64
	weighted map[string][2]float64 // by column: sum of value x seconds, and of seconds
	peak     float64
	cost     UseCost
	longest  *analysis.Result
	length   float64
}

func (a *useSum) add(r *analysis.Result, length float64) {
	if a.results == 0 {
		a.weighted, a.peak = map[string][2]float64{}, math.NaN()
		n := none()
		a.cost = UseCost{n, n, n, n, n, n, n, n}
	}
	a.results++
	if length > a.length || a.longest == nil {
		a.longest, a.length = r, length
	}
	nodes := 0
	for _, e := range r.Entities {
		if e.Entity.Kind != metric.Node {
			continue
		}
		nodes++
		if name := e.Entity.Label(); !slices.Contains(a.nodes, name) {
			a.nodes = append(a.nodes, name)
		}
		a.addNode(e)
	}
	a.expected += length * float64(nodes)
	u := r.Use
	for _, p := range []struct {
		to   *Number
		from Number
	}{
		{&a.cost.CoreSeconds, u.CoreHoursUsed * 3600}, {&a.cost.CoreSecondsAvailable, u.CoreHours * 3600},
		{&a.cost.GPUSeconds, u.GPUHoursUsed * 3600}, {&a.cost.GPUSecondsAvailable, u.GPUHours * 3600}, {&a.cost.GPUJoules, gpuJoules(r)},
	} {
		if known(p.from) {
			*p.to = Number(zeroIfNaN(float64(*p.to))) + p.from
		}
	}
}

// gpuJoules is the energy of all GPUs. A counter grows between its first and last
// sample only, one interval less than the samples cover: its mean power is taken for
// all of them, or the measured power where there is no counter.
func gpuJoules(r *analysis.Result) Number {
	total := none()
	for _, e := range r.Entities {
		if e.Entity.Kind != metric.GPU {
			continue
		}
		joules := math.NaN()
		power, util := e.Stats["gpu_power_watts"], e.Stats["gpu_util"]
		if inc, ok := e.Increase["gpu_energy_joules"]; ok && util != nil && e.Presence.Duration() > 0 {
			joules = inc.Total / e.Presence.Duration().Seconds() * float64(util.Seconds)
		} else if power != nil {
			joules = float64(power.Mean * power.Seconds)
		}
		if !math.IsNaN(joules) {
			total = Number(zeroIfNaN(float64(total)) + joules)
		}
	}
	return total
}

func (a *useSum) addNode(e *analysis.EntityResult) {
	for _, column := range []string{"cpu_util", "memory_util", "gpu_util", "network_mbps"} {
		st := e.Stats[column]
		if st == nil || st.Samples == 0 {
			continue
		}
		weight := float64(st.Seconds)
		if !(weight > 0) {
			weight = float64(st.Samples)
		}
		w := a.weighted[column]
		a.weighted[column] = [2]float64{w[0] + float64(st.Mean)*weight, w[1] + weight}
		if column == "cpu_util" {
			a.seconds += weight
			a.peak = larger(a.peak, float64(st.Max))
		}
	}
}

func (a *useSum) mean(column string) Number {
	w := a.weighted[column]
	return Number(w[0] / w[1])
}

// into writes the sums into a configuration.
func (a *useSum) into(u *ConfigUse) {
	slices.SortFunc(a.nodes, analysis.CompareNames)
	u.Nodes, u.Seconds = a.nodes, Number(a.seconds)
	if a.expected > 0 {
		u.Coverage = Number(min(1, a.seconds/a.expected))
	}
	u.CPU, u.Memory, u.GPU, u.Network, u.CPUPeak = a.mean("cpu_util"), a.mean("memory_util"), a.mean("gpu_util"), a.mean("network_mbps"), Number(a.peak)
	c := a.cost
	n := Number(u.Tasks)
	c.CoreSecondsPerTask, c.GPUSecondsPerTask, c.JoulesPerTask = c.CoreSeconds/n, c.GPUSeconds/n, c.GPUJoules/n
	u.Cost = c
	u.Resource, u.Bottleneck = a.longest.Bound.Resource, a.longest.Bound.Sentence
	for _, f := range a.longest.Findings {
		if f.Verdict == analysis.Found {
			u.Findings = append(u.Findings, f.Sentence)
		}
	}
	u.bottleneck()
	u.Curve = newUseCurve(a.longest)
}

// bottleneck refines the nodes' verdict by what the tasks say: nodes that idle because
// nothing was there to run are not short of anything.
func (u *ConfigUse) bottleneck() {
	if u.Resource != "nothing" && u.Resource != "" {
		return
	}
	if u.IdleShare > 0.5 {
		u.Resource = "tasks"
		u.Bottleneck = fmt.Sprintf("Tasks were missing: none ran for %.0f%% of the time. %s", 100*float64(u.IdleShare), u.Bottleneck)
	}
}

func newUseCurve(r *analysis.Result) *UseCurve {
	if r.Grid.Bins == 0 {
		return nil
	}
	// A sample stands at the end of what it covers, a bin at its beginning.
	c := &UseCurve{From: r.Grid.From.Add(-r.Interval), Bin: r.Grid.Width.Seconds()}
	for column, to := range map[string]*[]Number{"cpu_util": &c.CPU, "memory_util": &c.Memory, "gpu_util": &c.GPU, "network_mbps": &c.Network} {
		var series []*analysis.Series
		for _, e := range r.Entities {
			if e.Entity.Kind == metric.Node && e.Series[column] != nil {
				series = append(series, e.Series[column])
			}
		}
		if avg := analysis.Average(series); avg != nil {
			*to = numbers(avg.Mean)
		}
	}
	return c
}

// warn says what a reader must know before believing the figures.
func (j *Join) warn(s *Set, all []int32) {
	say := func(format string, args ...any) { j.Warnings = append(j.Warnings, fmt.Sprintf(format, args...)) }
	overlap := false
	for _, c := range j.Configs {
		overlap = overlap || c.Reason == ""
	}
	if from, to, ok := s.Span(all); !overlap && ok {
		say("tasks and samples do not overlap: tasks ran %s to %s, samples are of %s to %s (UTC); is --zone right for the tasks?", from.Format(time.DateTime), to.Format(time.DateTime), j.From.UTC().Format(time.DateTime), j.To.UTC().Format(time.DateTime))
		return
	}
	say("the rows of the task file name no node: each configuration stands against all nodes of the recording")
	var overlapping []string
	for i, c := range j.Configs {
		if c.Reason == "" && c.Coverage < 0.95 {
			say("%s: samples cover %s of its time; figures are of that part", c.Label, percent(c.Coverage))
		}
		if c.Reason == "" && known(c.Shape.Nodes) && float64(c.Shape.Nodes) != float64(len(c.Nodes)) {
			say("%s ran on %s, the recording has %d: %s", c.Label, countNoun(int(c.Shape.Nodes), "node"), len(c.Nodes), strings.Join(firstNames(c.Nodes), ", "))
		}
		if slices.ContainsFunc(j.Configs, func(d ConfigUse) bool { return d.Label != c.Label && c.From.Before(d.To) && d.From.Before(c.To) }) {
			overlapping = append(overlapping, j.Configs[i].Label)
		}
	}
	if len(overlapping) > 0 {
		say("%s overlap in time: what each used cannot be told apart", list(overlapping))
	}
}

// firstNames shortens a long list of nodes.
func firstNames(nodes []string) []string {
	const few = 6
	if len(nodes) <= few {
		return nodes
	}
	return append(slices.Clone(nodes[:few]), fmt.Sprintf("and %d more", len(nodes)-few))
}

// sayUse adds what the nodes did to the takeaways.
func sayUse(say func(string, ...any), j *Join) {
	for _, c := range j.Configs {
		if c.Reason != "" {
			say("%s: no use figures, %s.", c.Label, c.Reason)
			continue
		}
		text := fmt.Sprintf("%s kept the CPUs %s busy", c.Label, percent(c.CPU))
		if known(c.GPU) {
			text += fmt.Sprintf(" and the GPUs %s", percent(c.GPU))
		}
		if known(c.Cost.CoreSecondsPerTask) {
			text += fmt.Sprintf("; a successful task took %s core-seconds", four(c.Cost.CoreSecondsPerTask))
		}
		if known(c.Cost.JoulesPerTask) {
			text += fmt.Sprintf(" and %s J of GPU energy", four(c.Cost.JoulesPerTask))
		}
		if c.Bottleneck != "" {
			text += ". " + strings.TrimSuffix(c.Bottleneck, ".")
		}
		say("%s.", text)
	}
}
