package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/disk"

	"nodemeter/collector/metric"
)

// What is counted on a disk.
const (
	diskRead = iota
	diskWritten
	diskReads
	diskWrites
	diskIOTime // milliseconds
	diskCounts
)

type diskCounters [diskCounts]uint64

// Disk reads /proc/diskstats: one entity a physical disk, and the node's
// figures over them. Partitions, loop devices, device mapper and md are left
// out, because the disks beneath them count the same bytes.
type Disk struct {
	cfg     Config
	env     common.EnvMap
	stats   file
	kinds   map[string]bool // physical or not, by name, of the devices of the last read
	disks   map[string]*blockDisk
	sum     diskCounters
	started bool
	round   uint64
}

type blockDisk struct {
	entity *metric.Entity
	prev   diskCounters
	known  bool
	round  uint64
}

// NewDisk makes the source of disk counters.
func NewDisk(cfg Config) *Disk {
	return &Disk{cfg: cfg, env: cfg.env(), stats: file{path: cfg.proc("diskstats")},
		kinds: map[string]bool{}, disks: map[string]*blockDisk{}}
}

// Read adds each physical disk's counters, then the node's. Without a physical
// disk, as on a diskless node, it adds nothing.
func (d *Disk) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	idle, busy, err := d.physical()
	if err != nil {
		return err
	}
	counters, err := d.counters(ctx, busy)
	if err != nil {
		return err
	}
	d.round++
	for _, name := range idle {
		d.add(b, name, diskCounters{})
	}
	for _, name := range busy {
		d.add(b, name, counters[name])
	}
	for name, k := range d.disks {
		if k.round != d.round {
			delete(d.disks, name)
		}
	}
	d.addNode(b)
	return nil
}

// physical checks /proc/diskstats and lists its physical disks: those that
// have done nothing since boot, which gopsutil leaves out, and the others.
func (d *Disk) physical() (idle, busy []string, err error) {
	data, err := d.stats.read()
	sys := d.cfg.sys("block")
	if errors.Is(err, errEmpty) {
		// The kernel's answer on a machine without any block device, and
		// nothing but damage on any other.
		if names, _ := filepath.Glob(filepath.Join(sys, "*")); len(names) == 0 && exists(sys) {
			clear(d.kinds)
			return nil, nil, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	devices, err := checkDiskstats(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", d.stats.path, err)
	}
	if !exists(sys) {
		return nil, nil, fmt.Errorf("%s: does not exist; without it disks and partitions cannot be told apart", sys)
	}
	kinds := make(map[string]bool, len(devices))
	for _, dev := range devices {
		isDisk, known := d.kinds[dev.name]
		if !known {
			isDisk = isPhysicalDisk(sys, dev.name)
		}
		kinds[dev.name] = isDisk
		switch {
		case isDisk && dev.idle:
			idle = append(idle, dev.name)
		case isDisk:
			busy = append(busy, dev.name)
		}
	}
	d.kinds = kinds
	return idle, busy, nil
}

// isPhysicalDisk reports whether a block device is a whole disk with hardware:
// partitions have no directory of their own in /sys/block, virtual devices no
// device, and the single paths of a multipath NVMe disk are hidden.
func isPhysicalDisk(sys, name string) bool {
	dir := filepath.Join(sys, strings.ReplaceAll(name, "/", "!"))
	return exists(filepath.Join(dir, "device")) && readWord(filepath.Join(dir, "hidden")) != "1"
}

// counters asks gopsutil for the named disks only, since it also reads udev's
// file and two of sysfs for each. It looks for the part of a name after the
// last slash and so misses "cciss/c0d0", unless asked for all.
func (d *Disk) counters(ctx context.Context, names []string) (map[string]diskCounters, error) {
	if len(names) == 0 {
		return nil, nil // it would read all
	}
	ask := append([]string(nil), names...) // it writes to its argument
	for _, name := range names {
		if strings.Contains(name, "/") {
			ask = nil
		}
	}
	stats, err := disk.IOCountersWithContext(context.WithValue(ctx, common.EnvKey, d.env), ask...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.stats.path, err)
	}
	out := make(map[string]diskCounters, len(names))
	for _, name := range names {
		s, ok := stats[name]
		if !ok {
			return nil, fmt.Errorf("%s: %s vanished between two reads", d.stats.path, name)
		}
		out[name] = diskCounters{s.ReadBytes, s.WriteBytes, s.ReadCount, s.WriteCount, s.IoTime}
	}
	return out, nil
}

// device is a line of /proc/diskstats.
type device struct {
	name string
	idle bool // every count is 0
}

// maxSectors is what fits an int64 once multiplied to bytes.
const maxSectors = maxCounter / 512

// checkDiskstats wants the device's numbers, its name and its counts a line, as
// many in each (Documentation/admin-guide/iostats.rst): 11 counts, 15 since
// Linux 4.18, 17 since 5.5.
func checkDiskstats(data []byte) ([]device, error) {
	var devices []device
	seen := map[string]bool{}
	width := 0
	for n, line := range lines(data) {
		f := bytes.Fields(line)
		if n == 1 {
			width = len(f)
		}
		if len(f) != width || width < 14 || width > 14 && width < 18 || width == 19 {
			return nil, fmt.Errorf("line %d: %d fields, want 14, 18 or 20 and as many in each line", n, len(f))
		}
		dev, err := checkDevice(f)
		if err == nil && seen[dev.name] {
			err = errors.New("is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d (%.40s): %w", n, dev.name, err)
		}
		seen[dev.name] = true
		devices = append(devices, dev)
	}
	return devices, nil
}

func checkDevice(f [][]byte) (device, error) {
	dev := device{name: string(f[2]), idle: true}
	for i, word := range f {
		if i == 2 {
			continue
		}
		v, err := number(word)
		if err == nil && (v > maxCounter || (i == 5 || i == 9) && v > maxSectors) {
			err = fmt.Errorf("%d is too large to be a counter", v)
		}
		if err != nil {
			return dev, fmt.Errorf("field %d: %w", i+1, err)
		}
		// As gopsutil sees it, which knows eleven counts: a disk that only
		// discarded or flushed is missing from its answer.
		dev.idle = dev.idle && (v == 0 || i < 3 || i > 13)
	}
	return dev, nil
}

// add gives a disk's counters and adds what they grew by to the node's.
func (d *Disk) add(b *metric.Batch, name string, now diskCounters) {
	k := d.disks[name]
	if k == nil {
		k = &blockDisk{entity: &metric.Entity{Kind: metric.Disk, ID: name, Info: diskInfo(d.cfg.sys("block"), name)}}
		d.disks[name] = k
	}
	for i, v := range now {
		b.Add(k.entity, diskPoint(&diskDescs, i, v))
		switch {
		case !d.started: // the node's first sum
			d.sum[i] = min(d.sum[i]+v, maxCounter)
		case k.known && v >= k.prev[i]:
			d.sum[i] += v - k.prev[i]
		}
	}
	k.prev, k.known, k.round = now, true, d.round
}

// addNode gives the node's counters. They start as the sum over disks and grow
// by what each disk's grow, so that a disk that comes, goes or restarts its
// counters makes no jump.
func (d *Disk) addNode(b *metric.Batch) {
	if len(d.disks) == 0 {
		return
	}
	d.started = true
	for i, v := range d.sum {
		b.Add(d.cfg.Node, diskPoint(&nodeDiskDescs, i, v))
	}
}

func diskPoint(descs *[diskCounts]*metric.Desc, i int, v uint64) metric.Point {
	if i == diskIOTime {
		return metric.Float(descs[i], (time.Duration(min(v, maxMillis)) * time.Millisecond).Seconds())
	}
	return metric.Int(descs[i], int64(v))
}

const maxMillis = math.MaxInt64 / 1_000_000

// diskInfo is what tells disks apart for people.
func diskInfo(sys, name string) []metric.Label {
	dir := filepath.Join(sys, strings.ReplaceAll(name, "/", "!"))
	var info []metric.Label
	if m := readWord(filepath.Join(dir, "device", "model")); m != "" {
		info = append(info, metric.Label{Name: "model", Value: m})
	}
	switch readWord(filepath.Join(dir, "queue", "rotational")) {
	case "0":
		info = append(info, metric.Label{Name: "rotational", Value: "false"})
	case "1":
		info = append(info, metric.Label{Name: "rotational", Value: "true"})
	}
	return info
}

var (
	diskDescs     = diskCountDescs(metric.Disk, "nodemeter_disk_device_", " this disk", "this disk")
	nodeDiskDescs = diskCountDescs(metric.Node, "nodemeter_disk_", " physical disks", "the node's physical disks, summed")
)

func diskCountDescs(on metric.EntityKind, family, where, busy string) [diskCounts]*metric.Desc {
	source := " since boot (/proc/diskstats)"
	if on == metric.Node {
		source += "; starts as the sum over disks and grows by what each disk's counter grows"
	}
	desc := func(column, help string, unit metric.Unit, t metric.Type, step float64) *metric.Desc {
		return &metric.Desc{On: on, Column: "disk_" + column, Metric: family + column + "_total", Help: help + source + ".",
			Unit: unit, Kind: metric.Counter, Type: t, Step: step,
			Absent: "the node has no physical disk, or /proc/diskstats could not be read"}
	}
	return [diskCounts]*metric.Desc{
		diskRead:    desc("read_bytes", "Bytes read from"+where, metric.Bytes, metric.TypeInt, 0),
		diskWritten: desc("written_bytes", "Bytes written to"+where, metric.Bytes, metric.TypeInt, 0),
		diskReads:   desc("reads", "Reads completed by"+where, metric.Count, metric.TypeInt, 0),
		diskWrites:  desc("writes", "Writes completed by"+where, metric.Count, metric.TypeInt, 0),
		diskIOTime:  desc("io_seconds", "Time in which "+busy+" had I/O in flight,", metric.Seconds, metric.TypeFloat, 0.001),
	}
}

// Descs lists the counters of the node and of each disk.
func (d *Disk) Descs() []*metric.Desc {
	return append(append([]*metric.Desc(nil), nodeDiskDescs[:]...), diskDescs[:]...)
}
