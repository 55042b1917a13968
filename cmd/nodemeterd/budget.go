package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"nodemeter/collector"
)

// percent is a flag value: a share of one core, in percent, with or without the sign.
type percent struct {
	value float64
	told  bool // set by somebody
}

// The processor time that sampling may use when nobody says otherwise, in
// percent of one core. Sampling ten times a second and more is worth more.
const (
	defaultMaxCPU = 0.5
	fastMaxCPU    = 2
	fastInterval  = 100 * time.Millisecond
)

// Set implements pflag.Value.
func (p *percent) Set(s string) error {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
	if err != nil || !(v >= 0 && v <= 1e6) {
		return fmt.Errorf("%q is not a share of one core in percent, such as 0.5; 0 is no limit", s)
	}
	p.value, p.told = v, true
	return nil
}

// String implements pflag.Value.
func (p *percent) String() string { return strconv.FormatFloat(p.value, 'g', -1, 64) }

// Type implements pflag.Value.
func (p *percent) Type() string { return "percent" }

// budget is what sampling may use, and how the GPU reader's use is known.
func (d *daemon) budget() collector.Budget {
	limit := d.maxCPU.value
	if !d.maxCPU.told && d.interval <= fastInterval {
		limit = fastMaxCPU
	}
	b := collector.Budget{Cores: limit / 100}
	if d.table.gpu != nil {
		var reader readerTime
		b.Beside = func() time.Duration { return reader.grow(d.table.gpu.Status().ReaderPID) }
	}
	return b
}

// readerTime adds up the processor time of GPU readers, one after the other. A
// new one begins with what its start took, which sampling less would not save.
type readerTime struct {
	pid       int
	last, sum time.Duration
}

func (r *readerTime) grow(pid int) time.Duration {
	now := time.Duration(0)
	if pid > 0 {
		now = processTime(pid)
	}
	if pid == r.pid && now > r.last {
		r.sum += now - r.last
	}
	r.pid, r.last = pid, now
	return r.sum
}

// processTime is the processor time of a process, by its clock: its number,
// inverted, above the three bits that say which clock (clock_getcpuclockid(3)).
// It is 0 when the process has ended.
func processTime(pid int) time.Duration {
	const schedClock = 2
	var ts unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|schedClock), &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// pace is the agent's budget and what keeping it has cost, as metrics.
type pace struct {
	budget                          float64
	interval                        time.Duration
	now                             func() collector.Pace
	limit, used, effective, slowing *prometheus.Desc
}

func newPace(budget float64, interval time.Duration, now func() collector.Pace) *pace {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc("nodemeter_"+name, help, nil, nil) }
	return &pace{budget: budget, interval: interval, now: now,
		limit:     desc("cpu_budget_cores", "Most processor time that sampling may use, in cores (--max-cpu); 0 is no limit."),
		used:      desc("cpu_used_cores", "Processor time that sampling used over the last "+collector.BudgetSpan.String()+", the GPU reader included, scrapes and the sealing of windows not, in cores. Absent before the first such span."),
		effective: desc("interval_effective_seconds", "The time between ticks now: longer than nodemeter_interval_seconds when the agent was over its budget."),
		slowing:   desc("slow_tiers_factor", "By how much the agent's rarer reads are lengthened now; 1 within its budget."),
	}
}

// Describe implements prometheus.Collector.
func (p *pace) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.limit, p.used, p.effective, p.slowing} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (p *pace) Collect(ch chan<- prometheus.Metric) {
	now := p.now()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(p.limit, p.budget)
	gauge(p.effective, (p.interval * time.Duration(now.Stretch)).Seconds())
	gauge(p.slowing, float64(now.Slow))
	if now.Measured {
		gauge(p.used, now.Used)
	}
}
