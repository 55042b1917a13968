package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

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

// userHZ is the number of jiffies in a second that /proc/stat counts in: 100 on
// every Linux ABI in use.
const userHZ = 100

// resetStep tells a counter that restarted from one that wavers, in jiffies.
// The kernel moves the time of a sleep from iowait to idle when the waiting
// task wakes up on another core, so a mode can step back by one such sleep.
const resetStep = 5 * userHZ

// CPU reads /proc/stat: processor time per mode and utilization, of the node
// and of each core, and what else the file counts, so that it is read once a tick.
type CPU struct {
	cfg   Config
	other *gopsutil
	file  file
	now   stat
	descs []*metric.Desc
	total clock
	moved times  // by how much the sum is ahead of the kernel's, since cores came or went (modulo 2^64)
	cores []core // ascending by id, as in the file
	utils []float64
}

type core struct {
	id     uint64
	entity *metric.Entity
	clock  clock
}

// NewCPU makes the source of processor time.
func NewCPU(cfg Config) *CPU {
	c := &CPU{cfg: cfg, other: cfg.gopsutil(), file: newFile(cfg.proc("stat"), 4096)}
	c.descs = append(c.descs, cpuUtil, cpuCount, cpuBusiest, cpuP95, cpuImbalance)
	c.descs = append(c.descs, nodeModes[:]...)
	c.descs = append(c.descs, contextSwitches, forks, procsRunning, procsBlocked)
	if cfg.PerCore {
		c.descs = append(append(c.descs, coreUtil), coreModes[:]...)
	}
	return c
}

// Descs lists the metrics of the node and, if asked for, of each core.
func (c *CPU) Descs() []*metric.Desc { return c.descs }

// Read adds the node's times and utilization, those of each core, and the
// counts of tasks. Damage to the lines of one part leaves the other.
func (c *CPU) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := c.file.read()
	if err != nil {
		return err
	}
	rest, line, cpuErr := c.now.parseCPUs(data)
	if cpuErr != nil {
		rest, line = 0, 1
	}
	taskErr := c.now.parseActivity(data, rest, line)
	if cpuErr == nil && c.other != nil {
		cpuErr = c.other.stat(ctx, &c.now)
	}
	if cpuErr == nil {
		c.add(b)
	}
	if taskErr == nil {
		c.addTasks(b)
	}
	if cpuErr != nil || taskErr != nil {
		return fmt.Errorf("%s: %w", c.file.path, errors.Join(cpuErr, taskErr))
	}
	return nil
}

// add gives what the read says of processors.
func (c *CPU) add(b *metric.Batch) {
	same := c.follow()
	node := c.cfg.Node
	// When a core comes or goes the kernel takes its idle time from another
	// clock, so the sum may jump either way: counting goes on from where it was.
	total := c.now.total
	for m := range total {
		if !same && c.total.known {
			c.moved[m] = c.total.last[m] - total[m]
		}
		total[m] += c.moved[m]
	}
	if util, ok := c.total.advance(&total); ok {
		b.Add(node, metric.Float(cpuUtil, util))
	}
	c.total.publish(b, node, &total, &nodeModes)
	b.Add(node, metric.Int(cpuCount, int64(len(c.cores))))
	c.utils = c.utils[:0]
	for i := range c.cores {
		k, now := &c.cores[i], &c.now.cores[i].times
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
	if len(c.utils) > 0 {
		busiest, p95, imbalance := spread(c.utils)
		b.Add(node, metric.Float(cpuBusiest, busiest), metric.Float(cpuP95, p95), metric.Float(cpuImbalance, imbalance))
	}
}

// addTasks gives what else the file counts.
func (c *CPU) addTasks(b *metric.Batch) {
	a := &c.now.activity
	b.Add(c.cfg.Node,
		metric.Int(contextSwitches, int64(a.switches)), metric.Int(forks, int64(a.forks)),
		metric.Int(procsRunning, int64(a.running)), metric.Int(procsBlocked, int64(a.blocked)))
}

// follow puts a core in place for each line and reports whether they are those
// of the read before. Both lists ascend; one taken offline is dropped, since
// its counters may restart.
func (c *CPU) follow() (same bool) {
	same = len(c.cores) == len(c.now.cores)
	for i := range c.now.cores {
		if !same {
			break
		}
		same = c.cores[i].id == c.now.cores[i].id
	}
	if same {
		return true
	}
	was, next := c.cores, make([]core, 0, len(c.now.cores))
	for i := range c.now.cores {
		id := c.now.cores[i].id
		for len(was) > 0 && was[0].id < id {
			was = was[1:]
		}
		if len(was) > 0 && was[0].id == id {
			next = append(next, was[0])
			continue
		}
		name := strconv.FormatUint(id, 10)
		next = append(next, core{id: id, entity: &metric.Entity{Kind: metric.CPU, ID: name, Info: coreInfo(c.cfg, name)}})
	}
	c.cores = next
	return false
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

// clock follows the times of one processor, or of their sum.
type clock struct {
	known  bool
	wavers bool // a mode is below the last value given out
	last   times
	high   times // the last value given out, per mode, while it wavers; else last is
}

// advance takes the times of a read and returns the utilization since the
// read before: 1 - (idle + iowait) / total. There is none on the first read,
// without progress, and where a counter stepped back. idle and iowait are
// taken together: what one loses by stepping back the other has mostly gained.
// What is left of such a step on a busy processor (proc(5): iowait may
// decrease) is no idle time in this interval, provided it is small beside the
// busy time; otherwise nothing is known.
func (c *clock) advance(now *times) (util float64, ok bool) {
	last := c.last
	c.last = *now
	if !c.known {
		c.known = true
		return 0, false
	}
	idle := float64(int64(now[modeIdle]-last[modeIdle])) + float64(int64(now[modeIOWait]-last[modeIOWait]))
	busy, back := 0.0, false
	for m := range modeGuest {
		if m == modeIdle || m == modeIOWait {
			continue
		}
		back = back || now[m] < last[m]
		busy += float64(now[m] - last[m])
	}
	if !c.wavers && (back || now[modeIdle] < last[modeIdle] || now[modeIOWait] < last[modeIOWait] ||
		now[modeGuest] < last[modeGuest] || now[modeGuestNice] < last[modeGuestNice]) {
		c.wavers, c.high = true, last
	}
	if back || -idle > busy/10 || busy+max(idle, 0) <= 0 {
		return 0, false
	}
	return min(busy/(busy+max(idle, 0)), 1), true
}

// publish gives the counters of the modes after advance. One that steps back
// is left out until it has passed its old value: handed on, it would read as a
// restart and add its whole value to every rate. A large step is a restart;
// counting goes on from there after a gap of one read.
func (c *clock) publish(b *metric.Batch, e *metric.Entity, now *times, descs *[modes]*metric.Desc) {
	var points [modes]metric.Point
	if !c.wavers {
		for m, v := range now {
			points[m] = metric.Float(descs[m], float64(v)/userHZ)
		}
		b.Add(e, points[:]...)
		return
	}
	n := 0
	for m, v := range now {
		switch {
		case v >= c.high[m]:
			c.high[m] = v
			points[n] = metric.Float(descs[m], float64(v)/userHZ)
			n++
		case c.high[m]-v > resetStep:
			c.high[m] = v
		}
	}
	c.wavers = c.high != *now
	b.Add(e, points[:n]...)
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
