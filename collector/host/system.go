package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/load"

	"nodemeter/collector/metric"
)

// System reads /proc/loadavg and the counts of /proc/stat: load, context
// switches, forks, tasks running and blocked.
type System struct {
	node    *metric.Entity
	env     common.EnvMap
	loadavg file
	stat    file
}

// NewSystem makes the source of load and task counts.
func NewSystem(cfg Config) *System {
	return &System{node: cfg.Node, env: cfg.env(), loadavg: file{path: cfg.proc("loadavg")}, stat: file{path: cfg.proc("stat")}}
}

// Descs lists the metrics of load and tasks.
func (s *System) Descs() []*metric.Desc {
	return []*metric.Desc{load1, load5, load15, contextSwitches, forks, procsRunning, procsBlocked}
}

// Read adds the figures of each of the two files that can be read.
func (s *System) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(s.readLoad(ctx, b), s.readStat(b))
}

// readLoad checks the file first: without it gopsutil panics, or gives the
// load of the machine it runs on, whatever the root.
func (s *System) readLoad(ctx context.Context, b *metric.Batch) error {
	data, err := s.loadavg.read()
	if err != nil {
		return err
	}
	if err := checkLoadavg(data); err != nil {
		return fmt.Errorf("%s: %w", s.loadavg.path, err)
	}
	avg, err := load.AvgWithContext(context.WithValue(ctx, common.EnvKey, s.env))
	if err != nil {
		return fmt.Errorf("%s: %w", s.loadavg.path, err)
	}
	b.Add(s.node, metric.Float(load1, avg.Load1), metric.Float(load5, avg.Load5), metric.Float(load15, avg.Load15))
	return nil
}

// readStat parses the file here: gopsutil's Misc lists every process to count
// them, and gives 0 for a line that is missing.
func (s *System) readStat(b *metric.Batch) error {
	data, err := s.stat.read()
	if err != nil {
		return err
	}
	a, err := parseActivity(data)
	if err != nil {
		return fmt.Errorf("%s: %w", s.stat.path, err)
	}
	b.Add(s.node,
		metric.Int(contextSwitches, int64(a.switches)), metric.Int(forks, int64(a.forks)),
		metric.Int(procsRunning, int64(a.running)), metric.Int(procsBlocked, int64(a.blocked)))
	return nil
}

// checkLoadavg wants what the kernel writes: "0.20 0.18 0.12 1/80 11206".
func checkLoadavg(data []byte) error {
	fields := bytes.Fields(data)
	if len(fields) != 5 || bytes.Count(data, []byte{'\n'}) != 1 {
		return fmt.Errorf("%.60q, want three loads, tasks and a process id", data)
	}
	for i, f := range fields[:3] {
		whole, hundredths, _ := bytes.Cut(f, []byte{'.'})
		_, err := number(whole)
		if err == nil && len(hundredths) != 2 {
			err = fmt.Errorf("%.40q has not two decimals", f)
		}
		if err == nil {
			_, err = number(hundredths)
		}
		if err != nil {
			return fmt.Errorf("load %d: %w", i+1, err)
		}
	}
	return nil
}

var (
	load1  = loadDesc("load1", "minute")
	load5  = loadDesc("load5", "5 minutes")
	load15 = loadDesc("load15", "15 minutes")

	contextSwitches = taskDesc("context_switches", metric.Counter, "Context switches since boot: ctxt of /proc/stat.")
	forks           = taskDesc("forks", metric.Counter, "Processes and threads started since boot: processes of /proc/stat.")
	procsRunning    = taskDesc("procs_running", metric.Gauge, "Tasks running or ready to run, the reader included: procs_running of /proc/stat.")
	procsBlocked    = taskDesc("procs_blocked", metric.Gauge, "Tasks blocked on I/O: procs_blocked of /proc/stat.")
)

func loadDesc(column, period string) *metric.Desc {
	return &metric.Desc{On: metric.Node, Column: column, Metric: "nodemeter_" + column,
		Help: "Tasks running, ready to run or in uninterruptible sleep, damped over the last " + period + " (/proc/loadavg).",
		Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.01, Absent: "/proc/loadavg could not be read"}
}

func taskDesc(column string, kind metric.Kind, help string) *metric.Desc {
	d := &metric.Desc{On: metric.Node, Column: column, Metric: "nodemeter_" + column, Help: help,
		Unit: metric.Count, Kind: kind, Type: metric.TypeInt, Absent: "/proc/stat could not be read"}
	if kind == metric.Counter {
		d.Metric += "_total"
	}
	return d
}
