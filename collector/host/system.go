package host

import (
	"bytes"
	"context"
	"fmt"

	"nodemeter/collector/metric"
)

// System reads /proc/loadavg.
type System struct {
	node    *metric.Entity
	other   *gopsutil
	loadavg file
}

// NewSystem makes the source of load.
func NewSystem(cfg Config) *System {
	return &System{node: cfg.Node, other: cfg.gopsutil(), loadavg: newFile(cfg.proc("loadavg"), 128)}
}

// Descs lists the metrics of load.
func (s *System) Descs() []*metric.Desc { return []*metric.Desc{load1, load5, load15} }

// Read adds the load averages.
func (s *System) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := s.loadavg.read()
	if err != nil {
		return err
	}
	avg, err := parseLoadavg(data)
	if err == nil && s.other != nil {
		avg, err = s.other.load(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.loadavg.path, err)
	}
	b.Add(s.node, metric.Float(load1, avg[0]), metric.Float(load5, avg[1]), metric.Float(load15, avg[2]))
	return nil
}

// loads are the averages over 1, 5 and 15 minutes.
type loads [3]float64

// parseLoadavg wants what the kernel writes: "0.20 0.18 0.12 1/80 11206".
func parseLoadavg(data []byte) (loads, error) {
	var avg loads
	if bytes.Count(data, []byte{'\n'}) != 1 || bytes.Count(data, []byte{' '}) != 4 {
		return loads{}, fmt.Errorf("%.60q, want three loads, tasks and a process id", data)
	}
	at := 0
	for i := range avg {
		word := wordAt(data, at)
		v, err := hundredths(word)
		if err != nil {
			return loads{}, fmt.Errorf("load %d: %w", i+1, err)
		}
		// The nearest to what is written, as strconv has it: both are exact
		// up to the one division.
		avg[i] = float64(v) / 100
		at += len(word) + 1
	}
	return avg, nil
}

// hundredths parses a number with two decimals.
func hundredths(word []byte) (uint64, error) {
	whole, decimals, _ := bytes.Cut(word, []byte{'.'})
	v, err := number(whole)
	if err != nil {
		return 0, err
	}
	if len(decimals) != 2 {
		return 0, fmt.Errorf("%.40q has not two decimals", word)
	}
	d, err := number(decimals)
	if err == nil && v > maxLoad {
		err = fmt.Errorf("%d is more than there can be tasks", v)
	}
	return v*100 + d, err
}

// maxLoad is above the number of tasks that any kernel can have (2^22).
const maxLoad = 1 << 32

var (
	load1  = loadDesc("load1", "minute")
	load5  = loadDesc("load5", "5 minutes")
	load15 = loadDesc("load15", "15 minutes")
)

func loadDesc(column, period string) *metric.Desc {
	return &metric.Desc{On: metric.Node, Column: column, Metric: "nodemeter_" + column,
		Help: "Tasks running, ready to run or in uninterruptible sleep, damped over the last " + period + " (/proc/loadavg).",
		Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.01, Absent: "/proc/loadavg could not be read"}
}
