package analysis

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// Options says what to analyze.
type Options struct {
	// Paths are directories or files of windows, or one CSV ("-": Stdin).
	Paths []string
	Stdin io.Reader
	// From and To bound the samples used, half open; zero is unbounded.
	From, To time.Time
	// Zone is where times are shown, and where a CSV's timestamps without a
	// zone were taken. Nil means UTC.
	Zone *time.Location
	// By is the kind of entity to tabulate: Node, Worker, GPU, NIC, CPU or Disk;
	// 0 is nodes, with their workers.
	By metric.EntityKind
	// Group is the label by whose value workers are added up: job or user; "" for none.
	Group string
	// Job narrows the groups to one job; "" for all.
	Job string
	// Kinds and Columns to read beyond what the summary and the rules need.
	Kinds   []metric.EntityKind
	Columns []string
	// Nodes narrows to some nodes; those of them without data are named.
	Nodes []string
	// Bins is the most time bins a series may have; 0 means DefaultBins.
	Bins int
	// Rules are the findings' thresholds; nil means DefaultRules.
	Rules *Rules
	// Progress is called as files are read, with bytes; nil for none.
	Progress func(done, total int64)
}

// DefaultBins is the number of time bins that findings and pictures work on.
const DefaultBins = 1024

// maxCells bounds the memory of all series together (40 bytes a cell while
// reading, 28 in the Result).
const maxCells = 1 << 19

// Result is what a recording says. Nothing changes it any more.
type Result struct {
	Inputs   Inputs
	Zone     *time.Location
	From, To time.Time // first and last sample of all
	Interval time.Duration
	// Entities have one entry an entity that was read, by node, kind and id.
	Entities []*EntityResult
	// Overall are the figures over all nodes (or workers of a CSV), by column.
	Overall map[string]*Stats
	Grid    Grid
	// Frame is the notebook's DataFrame; nil where there were more than
	// frameLimit rows.
	Frame    *Frame
	Use      Use
	Findings []Finding
	Bound    BoundBy
	Events   []metric.Event
	// Missing are nodes asked for of which there is nothing.
	Missing  []string
	Notes    []string
	Problems []window.Problem

	// Axis is what pictures have a line or a row for.
	Axis Axis
	// Groups are the jobs or users asked for.
	Groups []*Group

	by         metric.EntityKind
	group      string
	groupWidth time.Duration // of the bins that groups were added up in, where longer than a tick
}

// frameLimit is the number of rows up to which the notebook's own figures are computed from windows.
const frameLimit = 50_000

// section5Limit is the number of rows up to which they are computed at all: a
// list an offset is for the notebook's sizes.
const section5Limit = 500_000

// errNothing is returned when there is no sample at all.
var errNothing = errors.New("no samples")

// summaryColumns are what the summary and the rules need.
var summaryColumns = []string{
	"cpu_util", "memory_util", "gpu_util", "network_mbps", "cpu_count", "gpu_count", "gpu_state", "cpu_busiest_util",
	"memory_total_bytes", "memory_available_bytes", "network_receive_mbps", "network_transmit_mbps",
	"disk_read_bytes", "disk_written_bytes", "disk_io_seconds", "cpu_iowait_seconds",
	"pressure_cpu_some_ratio", "pressure_memory_some_ratio", "pressure_io_some_ratio", "pressure_io_full_ratio",
	"gpu_power_watts", "gpu_energy_joules", "gpu_memory_util", "gpu_memory_used_bytes", "gpu_util_max",
	"network_receive_bytes", "network_transmit_bytes", "network_busiest_util", "network_util", "gpu_sm_active",
	"gpu_throttled_power_seconds", "gpu_throttled_thermal_seconds", "gpu_throttled_hardware_seconds",
}

// seriesColumns are kept over time too, for the rules and the pictures.
var seriesColumns = []string{
	"cpu_util", "memory_util", "gpu_util", "network_mbps", "network_busiest_util", "network_util", "disk_read_bytes", "disk_written_bytes",
	"pressure_cpu_some_ratio", "pressure_memory_some_ratio", "pressure_io_some_ratio", "gpu_power_watts",
}

func (o *Options) query() window.Query {
	kinds := append(kindsOf(o.By), o.Kinds...)
	slices.Sort(kinds)
	columns := append(slices.Clone(summaryColumns), o.Columns...)
	if o.By == metric.Worker {
		columns = append(columns, workerColumns...)
	}
	slices.Sort(columns)
	return window.Query{From: o.From, To: o.To, Kinds: slices.Compact(kinds), Columns: slices.Compact(columns), Nodes: o.Nodes}
}

// Analyze reads a recording and computes all figures. An error is input that
// cannot be used at all; damage within it is in Result.Problems. A context
// that ends stops it within a chunk.
func Analyze(ctx context.Context, o Options) (*Result, error) {
	if o.Bins <= 0 {
		o.Bins = DefaultBins
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	in, err := openInputs(&o)
	if err != nil {
		return nil, err
	}
	return analyze(ctx, o, in)
}

// analyze is Analyze of inputs that are open.
func analyze(ctx context.Context, o Options, in *opened) (*Result, error) {
	csv := in.csv
	a := newAnalyzer(&o, csv != nil)
	a.result.Inputs, a.result.Problems = in.Inputs, in.problems
	if err := a.read(ctx, in.sources); err != nil {
		return nil, err
	}
	if csv != nil {
		a.result.Notes = append(a.result.Notes, csv.notes()...)
		a.result.Frame = csv.frame
	}
	return a.finish()
}
