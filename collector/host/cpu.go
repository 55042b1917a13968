package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/cpu"

	"nodemeter/collector/metric"
)

// The modes of processor time, in the order of /proc/stat. Guest time is part
// of user, guest_nice part of nice (proc(5)), so a total is the sum of the
// modes before modeGuest.
const (
	modeUser = iota
	modeNice
	modeSystem
	modeIdle
	modeIOWait
	modeIRQ
	modeSoftIRQ
	modeSteal
	modeGuest
	modeGuestNice
	modes
)

// times is processor time per mode since boot, in seconds.
type times [modes]float64

// resetStep tells a counter that restarted from one that wavers, in seconds.
// The kernel moves the time of a sleep from iowait to idle when the waiting
// task wakes up on another core, so a mode can step back by one such sleep.
const resetStep = 5.0

// CPU reads /proc/stat: processor time per mode and utilization, of the node
// and of each core.
type CPU struct {
	cfg   Config
	env   common.EnvMap
	stat  file
	descs []*metric.Desc
	total clock
	cores map[string]*core
	round uint64
	utils []float64
}

type core struct {
	entity *metric.Entity
	clock  clock
	round  uint64
}

// NewCPU makes the source of processor time.
func NewCPU(cfg Config) *CPU {
	c := &CPU{cfg: cfg, env: cfg.env(), stat: file{path: cfg.proc("stat")}, cores: map[string]*core{}}
	c.descs = append(c.descs, cpuUtil, cpuCount, cpuBusiest, cpuP95, cpuImbalance)
	c.descs = append(c.descs, nodeModes[:]...)
	if cfg.PerCore {
		c.descs = append(append(c.descs, coreUtil), coreModes[:]...)
	}
	return c
}

// Descs lists the metrics of the node and, if asked for, of each core.
func (c *CPU) Descs() []*metric.Desc { return c.descs }

// Read adds the node's times and utilization and those of each core.
// cpu.Percent is not used: it keeps the last times for the whole process.
func (c *CPU) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := c.stat.read()
	if err != nil {
		return err
	}
	if err := checkCPULines(data); err != nil {
		return fmt.Errorf("%s: %w", c.stat.path, err)
	}
	total, cores, err := c.times(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", c.stat.path, err)
	}
	now := timesOf(total)
	// When a core comes or goes the kernel takes its idle time from another
	// clock, so the sum may jump either way.
	if util, ok := c.total.advance(now); ok && c.same(cores) {
		b.Add(c.cfg.Node, metric.Float(cpuUtil, util))
	}
	c.total.publish(b, c.cfg.Node, now, &nodeModes)
	b.Add(c.cfg.Node, metric.Int(cpuCount, int64(len(cores))))
	c.readCores(b, cores)
	return nil
}

// times asks gopsutil for the sum and for each core. It gives empty lists and
// no error where it cannot read.
func (c *CPU) times(ctx context.Context) (*cpu.TimesStat, []cpu.TimesStat, error) {
	ctx = context.WithValue(ctx, common.EnvKey, c.env)
	total, err := cpu.TimesWithContext(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	if len(total) != 1 || total[0].CPU != "cpu-total" {
		return nil, nil, errors.New("no sum over processors")
	}
	cores, err := cpu.TimesWithContext(ctx, true)
	if err != nil {
		return nil, nil, err
	}
	if len(cores) == 0 {
		return nil, nil, errors.New("no processors")
	}
	return &total[0], cores, nil
}

func (c *CPU) readCores(b *metric.Batch, cores []cpu.TimesStat) {
	c.round++
	c.utils = c.utils[:0]
	for i := range cores {
		k := c.core(coreID(&cores[i]))
		now := timesOf(&cores[i])
		util, ok := k.clock.advance(now)
		if ok {
			c.utils = append(c.utils, util)
		}
		if !c.cfg.PerCore {
			continue
		}
		if ok {
			b.Add(k.entity, metric.Float(coreUtil, util))
		}
		k.clock.publish(b, k.entity, now, &coreModes)
	}
	for id, k := range c.cores {
		if k.round != c.round { // taken offline; its counters may restart
			delete(c.cores, id)
		}
	}
	if len(c.utils) > 0 {
		busiest, p95, imbalance := spread(c.utils)
		b.Add(c.cfg.Node, metric.Float(cpuBusiest, busiest), metric.Float(cpuP95, p95), metric.Float(cpuImbalance, imbalance))
	}
}

// same reports whether the cores are those of the read before.
func (c *CPU) same(cores []cpu.TimesStat) bool {
	for i := range cores {
		if c.cores[coreID(&cores[i])] == nil {
			return false
		}
	}
	return len(cores) == len(c.cores)
}

func coreID(s *cpu.TimesStat) string { return strings.TrimPrefix(s.CPU, "cpu") }

func (c *CPU) core(id string) *core {
	k := c.cores[id]
	if k == nil {
		k = &core{entity: &metric.Entity{Kind: metric.CPU, ID: id, Info: coreInfo(c.cfg, id)}}
		c.cores[id] = k
	}
	k.round = c.round
	return k
}

// coreInfo tells threads of one core and cores of one package apart; machines
// without topology in sysfs have none.
func coreInfo(cfg Config, id string) []metric.Label {
	var info []metric.Label
	for _, f := range []struct{ label, file string }{{"core", "core_id"}, {"package", "physical_package_id"}} {
		if v := readWord(cfg.sys("devices/system/cpu/cpu"+id, "topology", f.file)); v != "" {
			info = append(info, metric.Label{Name: f.label, Value: v})
		}
	}
	return info
}

func timesOf(s *cpu.TimesStat) times {
	return times{s.User, s.Nice, s.System, s.Idle, s.Iowait, s.Irq, s.Softirq, s.Steal, s.Guest, s.GuestNice}
}

// clock follows the times of one processor, or of their sum.
type clock struct {
	known bool
	last  times
	high  times // the last value given out, per mode
}

// advance takes the times of a read and returns the utilization since the
// read before: 1 - (idle + iowait) / total. There is none on the first read,
// without progress, and where a counter stepped back. idle and iowait are
// taken together: what one loses by stepping back the other has mostly gained.
// What is left of such a step on a busy processor (proc(5): iowait may
// decrease) is no idle time in this interval, provided it is small beside the
// busy time; otherwise nothing is known.
func (c *clock) advance(now times) (util float64, ok bool) {
	last := c.last
	c.last = now
	if !c.known {
		c.known, c.high = true, now
		return 0, false
	}
	idle := now[modeIdle] - last[modeIdle] + now[modeIOWait] - last[modeIOWait]
	busy := 0.0
	for m := range modeGuest {
		if m == modeIdle || m == modeIOWait {
			continue
		}
		if now[m] < last[m] {
			return 0, false
		}
		busy += now[m] - last[m]
	}
	const rounding = 1e-9 // of sums of hundredths
	if -idle > busy/10 || busy+max(idle, 0) <= rounding {
		return 0, false
	}
	return min(busy/(busy+max(idle, 0)), 1), true
}

// publish gives the counters of the modes. One that steps back is left out
// until it has passed its old value: handed on, it would read as a restart and
// add its whole value to every rate. A large step is a restart; counting goes
// on from there after a gap of one read.
func (c *clock) publish(b *metric.Batch, e *metric.Entity, now times, descs *[modes]*metric.Desc) {
	for m, v := range now {
		switch {
		case v >= c.high[m]:
			c.high[m] = v
			b.Add(e, metric.Float(descs[m], v))
		case c.high[m]-v > resetStep:
			c.high[m] = v
		}
	}
}

// spread sums up the utilizations of cores: the busiest, the 95th percentile
// (linear between ranks, as numpy's default), and how far the busiest is above
// the mean. It sorts utils, which must not be empty.
func spread(utils []float64) (busiest, p95, imbalance float64) {
	slices.Sort(utils)
	sum := 0.0
	for _, u := range utils {
		sum += u
	}
	n := len(utils)
	busiest = utils[n-1]
	rank := 0.95 * float64(n-1)
	at := int(rank)
	p95 = utils[at]
	if at+1 < n {
		p95 += (utils[at+1] - utils[at]) * (rank - float64(at))
	}
	return busiest, p95, max(busiest-sum/float64(n), 0)
}
