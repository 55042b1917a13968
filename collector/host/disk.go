package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	other   *gopsutil
	file    file
	now     []diskLine
	devices []*blockDevice // of the last read, in the file's order
	sum     diskCounters
	started bool
	reads   int // since /sys/block was last seen to be empty, on a diskless node
}

// blockDevice is a line's device: what it is does not change while it is there.
type blockDevice struct {
	name string
	disk *physicalDisk // nil for partitions and virtual devices
}

type physicalDisk struct {
	entity *metric.Entity
	prev   diskCounters
	known  bool
}

// NewDisk makes the source of disk counters.
func NewDisk(cfg Config) *Disk {
	return &Disk{cfg: cfg, other: cfg.gopsutil(), file: newTable(cfg.proc("diskstats"))}
}

// Read adds each physical disk's counters, then the node's. Without a physical
// disk, as on a diskless node, it adds nothing.
func (d *Disk) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := d.file.read()
	if errors.Is(err, errEmpty) && d.diskless() {
		d.devices = nil
		return nil
	}
	if err != nil {
		return err
	}
	if d.now, err = parseDiskstats(data, d.now[:0]); err != nil {
		return fmt.Errorf("%s: %w", d.file.path, err)
	}
	if err := d.follow(); err != nil {
		return err
	}
	if d.other != nil {
		if err := d.other.disks(ctx, d.now, d.devices); err != nil {
			return fmt.Errorf("%s: %w", d.file.path, err)
		}
	}
	d.add(b)
	return nil
}

// diskless reports whether there is no block device at all: then an empty
// diskstats is the kernel's answer, and on any other machine it is damage.
func (d *Disk) diskless() bool {
	if d.reads > 0 {
		d.reads--
		return true
	}
	sys := d.cfg.sys("block")
	if names, _ := filepath.Glob(filepath.Join(sys, "*")); len(names) > 0 || !exists(sys) {
		return false
	}
	d.reads = reopenEvery
	return true
}

// follow puts a device in place for each line.
func (d *Disk) follow() error {
	same := len(d.now) == len(d.devices)
	for i := range d.now {
		if !same {
			break
		}
		same = string(d.now[i].name) == d.devices[i].name
	}
	if same {
		return nil
	}
	sys := d.cfg.sys("block")
	if !exists(sys) {
		return fmt.Errorf("%s: does not exist; without it disks and partitions cannot be told apart", sys)
	}
	was := make(map[string]*blockDevice, len(d.devices))
	for _, dev := range d.devices {
		was[dev.name] = dev
	}
	next := make([]*blockDevice, len(d.now))
	seen := make(map[string]bool, len(d.now))
	for i := range d.now {
		name := string(d.now[i].name)
		if seen[name] {
			return fmt.Errorf("%s: line %d (%.40s): is there twice", d.file.path, i+1, name)
		}
		seen[name] = true
		if next[i] = was[name]; next[i] == nil {
			next[i] = newBlockDevice(sys, name)
		}
	}
	d.devices, d.reads = next, 0
	return nil
}

// newBlockDevice looks at a device in sysfs. A whole disk with hardware has a
// device: partitions have no directory of their own in /sys/block, virtual
// devices no device, and the single paths of a multipath NVMe disk are hidden.
func newBlockDevice(sys, name string) *blockDevice {
	dev := &blockDevice{name: name}
	dir := filepath.Join(sys, strings.ReplaceAll(name, "/", "!"))
	if exists(filepath.Join(dir, "device")) && readWord(filepath.Join(dir, "hidden")) != "1" {
		dev.disk = &physicalDisk{entity: &metric.Entity{Kind: metric.Disk, ID: name, Info: diskInfo(dir)}}
	}
	return dev
}

// diskLine is a line of /proc/diskstats.
type diskLine struct {
	name   []byte // valid until the next read
	counts diskCounters
	idle   bool // every count is 0
}

// maxSectors is what fits an int64 once multiplied to bytes.
const (
	maxSectors = maxCounter / sector
	sector     = 512
)

// The fields of a line, after which come those of later kernels.
const (
	fieldMajor = iota
	fieldMinor
	fieldName
	fieldReads
	fieldReadsMerged
	fieldSectorsRead
	fieldReadTime
	fieldWrites
	fieldWritesMerged
	fieldSectorsWritten
	fieldWriteTime
	fieldInFlight
	fieldIOTime
	fieldWeightedTime
	diskFields
)

// parseDiskstats reads and checks every line: the device's numbers, its name
// and its counts, as many in each line
// (Documentation/admin-guide/iostats.rst): 11 counts, 15 since Linux 4.18, 17
// since 5.5. Only a name that is there twice is left to find.
func parseDiskstats(data []byte, to []diskLine) ([]diskLine, error) {
	width := 0
	for n, at := 1, 0; at < len(data); n++ {
		line, fields, end, err := parseDisk(data, at)
		if n == 1 {
			width = fields
		}
		if err != nil {
			return to[:0], fmt.Errorf("line %d (%.40s): %w", n, line.name, err)
		}
		if fields != width || width < diskFields || width > diskFields && width < 18 || width == 19 {
			return to[:0], fmt.Errorf("line %d: %d fields, want 14, 18 or 20 and as many in each line", n, fields)
		}
		to = append(to, line)
		at = end + 1
	}
	return to, nil
}

func parseDisk(data []byte, at int) (line diskLine, fields, end int, err error) {
	var v [diskFields]uint64
	// The device's numbers, which stand before a name.
	for ; fields < fieldName; fields++ {
		for at < len(data) && data[at] == ' ' {
			at++
		}
		word := wordAt(data, at)
		if len(word) == 0 {
			return line, fields, at, nil
		}
		if _, err := number(word); err != nil {
			return line, fields, at, fmt.Errorf("field %d: %w", fields+1, err)
		}
		at += len(word)
	}
	for at < len(data) && data[at] == ' ' {
		at++
	}
	if line.name = wordAt(data, at); len(line.name) == 0 {
		return line, fields, at, nil
	}
	counts, end, err := numbers(data, at+len(line.name), v[fieldReads:], maxCounter)
	if err == nil && max(v[fieldSectorsRead], v[fieldSectorsWritten]) > maxSectors {
		err = fmt.Errorf("%d is too large to be a counter of sectors", max(v[fieldSectorsRead], v[fieldSectorsWritten]))
	}
	line.counts = diskCounters{
		diskRead: v[fieldSectorsRead] * sector, diskWritten: v[fieldSectorsWritten] * sector,
		diskReads: v[fieldReads], diskWrites: v[fieldWrites], diskIOTime: v[fieldIOTime]}
	// As gopsutil sees it, which knows eleven counts: a disk that only
	// discarded or flushed is missing from its answer.
	line.idle = v == [diskFields]uint64{}
	return line, fieldName + 1 + counts, end, err
}

// add gives each disk's counters and adds what they grew by to the node's.
func (d *Disk) add(b *metric.Batch) {
	disks := 0
	for i, dev := range d.devices {
		k := dev.disk
		if k == nil {
			continue
		}
		disks++
		now := &d.now[i].counts
		var points [diskCounts]metric.Point
		back := false
		for i, v := range now {
			points[i] = diskPoint(&diskDescs, i, v)
			switch {
			case !d.started: // the node's first sum
				d.sum[i] = min(d.sum[i]+v, maxCounter)
			case k.known && v >= k.prev[i]:
				d.sum[i] = min(d.sum[i]+v-k.prev[i], maxCounter)
			}
			back = back || k.known && v < k.prev[i]
		}
		if back {
			d.lookAgain(dev)
		}
		b.Add(k.entity, points[:]...)
		k.prev, k.known = *now, true
	}
	if disks > 0 {
		d.addNode(b)
	}
}

// lookAgain makes a new entity when counters that went back turn out to be
// another disk's under an old name.
func (d *Disk) lookAgain(dev *blockDevice) {
	again := newBlockDevice(d.cfg.sys("block"), dev.name)
	if again.disk != nil && !slices.Equal(again.disk.entity.Info, dev.disk.entity.Info) {
		dev.disk.entity = again.disk.entity
	}
}

// addNode gives the node's counters. They start as the sum over disks and grow
// by what each disk's grow, so that a disk that comes, goes or restarts its
// counters makes no jump.
func (d *Disk) addNode(b *metric.Batch) {
	d.started = true
	var points [diskCounts]metric.Point
	for i, v := range d.sum {
		points[i] = diskPoint(&nodeDiskDescs, i, v)
	}
	b.Add(d.cfg.Node, points[:]...)
}

func diskPoint(descs *[diskCounts]*metric.Desc, i int, v uint64) metric.Point {
	if i == diskIOTime {
		return metric.Float(descs[i], (time.Duration(min(v, maxMillis)) * time.Millisecond).Seconds())
	}
	return metric.Int(descs[i], int64(v))
}

const maxMillis = math.MaxInt64 / 1_000_000

// diskInfo is what tells disks apart for people.
func diskInfo(dir string) []metric.Label {
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
