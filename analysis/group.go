package analysis

import (
	"maps"
	"math"
	"slices"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// maxGroupCells bounds the memory of all groups together, at about 130 bytes a
// cell: the ticks of six jobs over a day at one second.
const maxGroupCells = 1 << 19

// groupColumns are what is added up over the workers of a group, tick by tick.
// gpu_util is in devices: 1.5 is one and a half GPUs busy.
var groupColumns = [...]struct {
	name string
	unit metric.Unit
}{
	{"cpu_util", metric.Ratio}, {"worker_cpu_cores", metric.Count}, {"memory_util", metric.Ratio}, {"worker_memory_bytes", metric.Bytes},
	{"gpu_util", metric.Ratio}, {"worker_gpus", metric.Count}, {"worker_gpus_allocated", metric.Count},
	{"worker_cpus_allocated", metric.Count}, {"worker_memory_allocated_bytes", metric.Bytes},
}

// Places in groupColumns.
const (
	groupCPUUtil       = 0
	groupMemoryUtil    = 2
	groupGPUUtil       = 4
	groupGPUs          = 5
	groupGPUsAllocated = 6
)

// Group is what the workers of one job or user used together.
type Group struct {
	// Name is the value of the label; empty for the workers that have none.
	Name string
	// Info are labels that all workers of the group agree on.
	Info    map[string]string
	Workers int
	Nodes   []string
	// Start and End are of the first worker that began and the last that
	// ended; zero where not recorded, End also while a worker has not ended.
	Start, End time.Time
	// Whole is true where every worker began and ended during the recording.
	Whole bool
	// Lived adds up the time from start to end, or to its last sample, of all workers.
	Lived time.Duration
	// Presence adds up the samples of all workers; its gaps are not kept.
	Presence Presence
	// Stats are by column, over the sums at each tick: cpu_util and memory_util
	// in whole nodes, gpu_util in whole GPUs, worker_cpu_cores in cores.
	Stats map[string]*Stats
	// Increase is by how much the workers' counters grew, added up, with all
	// that a worker used which began during the recording.
	Increase map[string]float64
	// GPUHours are worker_gpus over time, GPUHoursAllocated what the scheduler
	// gave, GPUHoursUsed weighted by utilization; NaN where not recorded.
	GPUHours, GPUHoursAllocated, GPUHoursUsed Number
}

// grouping adds up workers that share the value of a label.
type grouping struct {
	label  string
	job    string // the only one to keep, or ""
	width  int64  // of a bin in nanoseconds: the interval, unless it had to be coarsened
	tick   int64  // the longest interval of all windows
	groups map[string]*groupTrack
	cells  int
}

type groupTrack struct {
	group  Group
	cells  map[int64]*groupCell
	hours  [len(groupColumns)]float64
	has    [len(groupColumns)]bool
	info   map[string]string
	ends   int
	began  int
	latest time.Time
}

// groupCell is one tick of a group: sums of value x seconds, and the seconds
// that the worker seen longest covers.
type groupCell struct {
	sum     [len(groupColumns)]float64
	has     [len(groupColumns)]bool
	seconds float64
}

// groupMember is one worker of a group while its node is read.
type groupMember struct {
	owner      *grouping
	track      *groupTrack
	last       int64
	seconds    float64 // of the bin that last is in
	start, end float64 // seconds since the epoch; 0 unknown
}

func newGrouping(label string) *grouping {
	return &grouping{label: label, groups: map[string]*groupTrack{}}
}

// window takes note of a window's interval: a bin is never shorter than a tick.
func (g *grouping) window(interval time.Duration) {
	g.tick = max(g.tick, int64(interval))
	if g.width == 0 {
		g.width = max(int64(interval), 1)
	}
	for g.width < int64(interval) {
		g.coarsen()
	}
}

// member makes a worker one of its group; nil is one of a job that nobody asked for.
func (g *grouping) member(node string, info []metric.Label) *groupMember {
	if g.job != "" && !isJob(info, g.job) {
		return nil
	}
	name := ""
	for _, l := range info {
		if l.Name == g.label {
			name = l.Value
		}
	}
	t := g.groups[name]
	if t == nil {
		t = &groupTrack{group: Group{Name: name, Increase: map[string]float64{}}, cells: map[int64]*groupCell{}, info: map[string]string{}}
		g.groups[name] = t
	}
	t.group.Workers++
	if !slices.Contains(t.group.Nodes, node) {
		t.group.Nodes = append(t.group.Nodes, node)
	}
	for _, l := range info {
		if known, ok := t.info[l.Name]; ok && known != l.Value {
			t.info[l.Name] = "" // they do not agree
		} else if !ok {
			t.info[l.Name] = l.Value
		}
	}
	return &groupMember{owner: g, track: t, last: math.MinInt64}
}

// add adds a worker's rows, which must be new ones in ascending time.
func (m *groupMember) add(c *window.Chunk, weights []float64) {
	var columns [len(groupColumns)]*window.Column
	for i := range groupColumns {
		columns[i] = c.Column(groupColumns[i].name)
	}
	for i, at := range c.Time {
		cell := m.cell(at, weights[i])
		for j, col := range columns {
			v, ok := valueAt(col, i)
			if !ok {
				continue
			}
			if n, counted := valueAt(columns[groupGPUs], i); j == groupGPUUtil && counted {
				v *= n // the column is the mean over the worker's GPUs
			}
			cell.sum[j] += v * weights[i]
			cell.has[j], m.track.has[j] = true, true
			m.track.hours[j] += v * weights[i] / 3600
		}
		m.edges(c, i)
	}
	if m.owner.cells > maxGroupCells {
		m.owner.coarsen()
	}
}

func valueAt(c *window.Column, row int) (float64, bool) {
	if c == nil {
		return 0, false
	}
	v, ok := c.At(row)
	return v, ok && v-v == 0
}

// cell finds or makes the tick that a row belongs to. A last sample taken
// between two ticks counts as the tick that it would have become.
func (m *groupMember) cell(at int64, seconds float64) *groupCell {
	g := m.owner
	bin := -floorDiv(-at, g.width)
	if m.last == math.MinInt64 || -floorDiv(-m.last, g.width) != bin {
		m.seconds = 0
	}
	m.seconds += seconds
	m.last = at
	cell := m.track.cells[bin]
	if cell == nil {
		cell = new(groupCell)
		m.track.cells[bin] = cell
		g.cells++
	}
	cell.seconds = max(cell.seconds, m.seconds)
	return cell
}

// edges keeps when the worker began and ended.
func (m *groupMember) edges(c *window.Chunk, row int) {
	if v, ok := valueAt(c.Column("worker_start_seconds"), row); ok {
		m.start = v
	}
	if v, ok := valueAt(c.Column("worker_end_seconds"), row); ok {
		m.end = v
	}
}

// coarsen makes bins twice as wide. What workers did one after another in one
// bin then counts as if at once; the sums over time stay.
func (g *grouping) coarsen() {
	g.width *= 2
	g.cells = 0
	for _, t := range g.groups {
		wide := make(map[int64]*groupCell, len(t.cells)/2+1)
		for _, bin := range slices.Sorted(maps.Keys(t.cells)) {
			c, at := t.cells[bin], -floorDiv(-bin, 2)
			to := wide[at]
			if to == nil {
				wide[at] = c
				continue
			}
			to.seconds += c.seconds
			for i := range c.sum {
				to.sum[i] += c.sum[i]
				to.has[i] = to.has[i] || c.has[i]
			}
		}
		t.cells = wide
		g.cells += len(wide)
	}
}

// leave closes a worker's account when its node has been read. nodeFirst is the
// node's first sample: what a worker that began later used was used here.
func (m *groupMember) leave(t *track, r *EntityResult, nodeFirst int64) {
	g := &m.track.group
	began := m.start > 0 && nodeFirst > 0 && m.start*1e9 >= float64(nodeFirst)
	if began {
		m.track.began++
	}
	for _, a := range t.columns {
		if a.field.Kind != metric.Counter || !a.hasPrevious {
			continue
		}
		grown := a.increase
		if began {
			grown += a.initial
		}
		g.Increase[a.field.Column] += grown
	}
	p := r.Presence
	if g.Presence.Seen == 0 || p.First.Before(g.Presence.First) {
		g.Presence.First = p.First
	}
	if p.Last.After(g.Presence.Last) {
		g.Presence.Last = p.Last
	}
	g.Presence.Seen += p.Seen
	g.Presence.Expected += p.Expected
	if start := epoch(m.start); m.start > 0 && (g.Start.IsZero() || start.Before(g.Start)) {
		g.Start = start
	}
	if m.start > 0 {
		last := p.Last
		if m.end > 0 {
			last = epoch(m.end)
		}
		g.Lived += max(last.Sub(epoch(m.start)), 0)
	}
	if m.end > 0 {
		m.track.ends++
		if end := epoch(m.end); end.After(m.track.latest) {
			m.track.latest = end
		}
	}
}

// epoch is a time recorded in seconds, to a hundredth.
func epoch(seconds float64) time.Time {
	return time.UnixMilli(int64(math.Round(seconds*100)) * 10)
}

// finish returns the groups by name, the one without a name last.
func (g *grouping) finish() []*Group {
	out := []*Group{}
	for _, name := range slices.SortedFunc(maps.Keys(g.groups), CompareNames) {
		if name != "" {
			out = append(out, g.groups[name].finish(g.label))
		}
	}
	if t := g.groups[""]; t != nil {
		out = append(out, t.finish(g.label))
	}
	return out
}

func (t *groupTrack) finish(label string) *Group {
	g := &t.group
	slices.SortFunc(g.Nodes, CompareNames)
	g.Stats, g.Info = map[string]*Stats{}, map[string]string{}
	for _, name := range []string{"job", "job_name", "user", "partition", "account"} {
		if v := t.info[name]; v != "" && name != label {
			g.Info[name] = v
		}
	}
	g.Whole = t.ends == g.Workers && t.began == g.Workers
	if t.ends == g.Workers {
		g.End = t.latest
	}
	bins := slices.Sorted(maps.Keys(t.cells))
	for i, column := range groupColumns {
		// Count: sums of ratios pass 1, which the bins of ratios end at.
		d := newDistribution(metric.Count, exactLimit)
		d.expected = int64(len(bins))
		for _, bin := range bins {
			if c := t.cells[bin]; c.has[i] && c.seconds > 0 {
				d.add(c.sum[i]/c.seconds, c.seconds)
			}
		}
		if d.n > 0 {
			g.Stats[column.name] = d.stats()
			g.Stats[column.name].Unit = column.unit
		}
	}
	hours := func(i int) Number {
		if !t.has[i] {
			return NaN()
		}
		return Number(t.hours[i])
	}
	g.GPUHours, g.GPUHoursAllocated, g.GPUHoursUsed = hours(groupGPUs), hours(groupGPUsAllocated), hours(groupGPUUtil)
	return g
}
