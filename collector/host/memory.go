package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/mem"

	"nodemeter/collector/metric"
)

// Memory reads /proc/meminfo.
type Memory struct {
	node *metric.Entity
	env  common.EnvMap
	info file
}

// NewMemory makes the source of memory figures.
func NewMemory(cfg Config) *Memory {
	return &Memory{node: cfg.Node, env: cfg.env(), info: file{path: cfg.proc("meminfo")}}
}

// Descs lists the metrics of memory and swap.
func (m *Memory) Descs() []*metric.Desc {
	return append([]*metric.Desc{memoryUtil}, memoryDescs[:]...)
}

// Read adds what meminfo says. A line that this kernel does not write leaves
// its metric absent: gopsutil gives 0 for it, and guesses MemAvailable.
func (m *Memory) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := m.info.read()
	if err != nil {
		return err
	}
	has, err := checkMeminfo(data)
	if err != nil {
		return fmt.Errorf("%s: %w", m.info.path, err)
	}
	v, err := mem.VirtualMemoryWithContext(context.WithValue(ctx, common.EnvKey, m.env))
	if err != nil {
		return fmt.Errorf("%s: %w", m.info.path, err)
	}
	if v.Total == 0 {
		return fmt.Errorf("%s: MemTotal is 0", m.info.path)
	}
	for i, bytes := range memoryValues(v) {
		if has[i] {
			b.Add(m.node, metric.Int(memoryDescs[i], int64(bytes)))
		}
	}
	if has[memAvailable] {
		if v.Available > v.Total {
			b.Reject()
		} else {
			b.Add(m.node, metric.Float(memoryUtil, 1-float64(v.Available)/float64(v.Total)))
		}
	}
	return nil
}

// The lines of meminfo that are read.
const (
	memTotal = iota
	memFree
	memAvailable
	memBuffers
	memCached
	memShmem
	memSlab
	memDirty
	memWriteback
	swapTotal
	swapFree
	memLines
)

var memoryKeys = [memLines]string{"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "Shmem", "Slab", "Dirty", "Writeback", "SwapTotal", "SwapFree"}

// memoryValues puts gopsutil's bytes in the order of the lines. It adds
// SReclaimable to Cached; here Cached is the kernel's.
func memoryValues(v *mem.VirtualMemoryStat) [memLines]uint64 {
	return [memLines]uint64{v.Total, v.Free, v.Available, v.Buffers, v.Cached - v.Sreclaimable, v.Shared, v.Slab,
		v.Dirty, v.WriteBack, v.SwapTotal, v.SwapFree}
}

// checkMeminfo checks every line of /proc/meminfo ("Key: number kB", for
// counts of huge pages without the unit) and says which lines are there.
// MemTotal and MemFree must be.
func checkMeminfo(data []byte) (has [memLines]bool, err error) {
	for n, line := range lines(data) {
		key, rest, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			return has, fmt.Errorf("line %d: %.40q, want \"key: value\"", n, line)
		}
		value, inKB := bytes.CutSuffix(bytes.TrimLeft(rest, " "), []byte(" kB"))
		if v, err := number(value); err != nil {
			return has, fmt.Errorf("line %d (%.40s): %w", n, key, err)
		} else if v > maxKB {
			return has, fmt.Errorf("line %d (%.40s): %d kB is more than any machine has", n, key, v)
		}
		for i, want := range memoryKeys {
			if string(key) != want {
				continue
			}
			if !inKB {
				return has, fmt.Errorf("line %d (%s): no unit, want kB", n, want)
			}
			if has[i] {
				return has, fmt.Errorf("line %d: %s is there twice", n, want)
			}
			has[i] = true
		}
	}
	if !has[memTotal] || !has[memFree] {
		return has, errors.New("MemTotal or MemFree is missing")
	}
	return has, nil
}

// maxKB is 1 EiB in kB: anything above is garbage and would overflow when
// gopsutil multiplies it. The largest legitimate line is VmallocTotal, about
// 13 PiB with five page levels.
const maxKB = 1 << 50

const memAbsent = "this kernel does not write the line, or /proc/meminfo could not be read"

var memoryUtil = &metric.Desc{On: metric.Node, Column: "memory_util", Metric: "nodemeter_memory_utilization_ratio",
	Help: "Share of memory in use: 1 - MemAvailable / MemTotal of /proc/meminfo.",
	Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: ratioStep,
	Absent: "the kernel gives no MemAvailable (before 3.14), or /proc/meminfo could not be read"}

var memoryDescs = [memLines]*metric.Desc{
	memTotal:     memoryDesc("memory_total_bytes", "Usable memory of the node", "MemTotal"),
	memFree:      memoryDesc("memory_free_bytes", "Memory nothing uses, not even as a cache", "MemFree"),
	memAvailable: memoryDesc("memory_available_bytes", "The kernel's estimate of what can be allocated without swapping", "MemAvailable"),
	memBuffers:   memoryDesc("memory_buffers_bytes", "Block device buffers", "Buffers"),
	memCached:    memoryDesc("memory_cached_bytes", "Page cache, shared memory included, reclaimable slab not", "Cached"),
	memShmem:     memoryDesc("memory_shmem_bytes", "Shared memory and tmpfs", "Shmem"),
	memSlab:      memoryDesc("memory_slab_bytes", "The kernel's own data structures", "Slab"),
	memDirty:     memoryDesc("memory_dirty_bytes", "Data waiting to be written to disk", "Dirty"),
	memWriteback: memoryDesc("memory_writeback_bytes", "Data being written to disk", "Writeback"),
	swapTotal:    memoryDesc("swap_total_bytes", "Swap space; 0 on a node without swap", "SwapTotal"),
	swapFree:     memoryDesc("swap_free_bytes", "Swap space not in use", "SwapFree"),
}

func memoryDesc(column, what, key string) *metric.Desc {
	return &metric.Desc{On: metric.Node, Column: column, Metric: "nodemeter_" + column,
		Help: what + ": " + key + " of /proc/meminfo.",
		Unit: metric.Bytes, Kind: metric.Gauge, Type: metric.TypeInt, Absent: memAbsent}
}
