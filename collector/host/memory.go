package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"nodemeter/collector/metric"
)

// Memory reads /proc/meminfo.
type Memory struct {
	node  *metric.Entity
	other *gopsutil
	file  file
	now   meminfo
}

// NewMemory makes the source of memory figures.
func NewMemory(cfg Config) *Memory {
	return &Memory{node: cfg.Node, other: cfg.gopsutil(), file: newFile(cfg.proc("meminfo"), 4096)}
}

// Descs lists the metrics of memory and swap.
func (m *Memory) Descs() []*metric.Desc {
	return append([]*metric.Desc{memoryUtil}, memoryDescs[:]...)
}

// Read adds what meminfo says. A line that this kernel does not write leaves
// its metric absent.
func (m *Memory) Read(ctx context.Context, b *metric.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := m.file.read()
	if err != nil {
		return err
	}
	err = m.now.parse(data)
	if err == nil && m.other != nil {
		err = m.other.memory(ctx, &m.now)
	}
	if err == nil && m.now.kB[memTotal] == 0 {
		err = errors.New("MemTotal is 0")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.file.path, err)
	}
	m.add(b)
	return nil
}

func (m *Memory) add(b *metric.Batch) {
	var points [memLines + 1]metric.Point
	n := 0
	for i, kB := range m.now.kB {
		if m.now.has[i] {
			points[n] = metric.Int(memoryDescs[i], int64(kB*1024))
			n++
		}
	}
	if m.now.has[memAvailable] {
		total, available := m.now.kB[memTotal], m.now.kB[memAvailable]
		if available > total {
			b.Reject()
		} else {
			points[n] = metric.Float(memoryUtil, 1-float64(available)/float64(total))
			n++
		}
	}
	b.Add(m.node, points[:n]...)
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

// meminfo is what /proc/meminfo says.
type meminfo struct {
	kB  [memLines]uint64
	has [memLines]bool
}

// parse reads and checks every line of /proc/meminfo ("Key: number kB", for
// counts of huge pages without the unit). MemTotal and MemFree must be there.
func (m *meminfo) parse(data []byte) error {
	m.has = [memLines]bool{}
	for n, at := 1, 0; at < len(data); n++ {
		end := lineEnd(data, at)
		line := data[at:end]
		at = end + 1
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			return fmt.Errorf("line %d: %.40q, want \"key: value\"", n, line)
		}
		key := line[:colon]
		v, inKB, err := parseAmount(line, colon+1)
		if err != nil {
			return fmt.Errorf("line %d (%.40s): %w", n, key, err)
		}
		i := memoryLine(key)
		switch {
		case i < 0:
			continue
		case !inKB:
			return fmt.Errorf("line %d (%s): no unit, want kB", n, key)
		case m.has[i]:
			return fmt.Errorf("line %d: %s is there twice", n, key)
		}
		m.kB[i], m.has[i] = v, true
	}
	if !m.has[memTotal] || !m.has[memFree] {
		return errors.New("MemTotal or MemFree is missing")
	}
	return nil
}

// parseAmount reads what follows a key at i: blanks, a number and maybe kB.
func parseAmount(line []byte, i int) (v uint64, inKB bool, err error) {
	for i < len(line) && line[i] == ' ' {
		i++
	}
	v, end := digits(line, i)
	if inKB = string(line[end:]) == " kB"; !inKB && end < len(line) || end == i || end-i > safeDigits {
		v, err = number(bytes.TrimSuffix(line[i:], []byte(" kB")))
	}
	if err == nil && v > maxKB {
		err = fmt.Errorf("%d kB is more than any machine has", v)
	}
	return v, inKB, err
}

// memoryLine is the number of the line that a key begins, or -1.
func memoryLine(key []byte) int {
	switch string(key) {
	case "MemTotal":
		return memTotal
	case "MemFree":
		return memFree
	case "MemAvailable":
		return memAvailable
	case "Buffers":
		return memBuffers
	case "Cached":
		return memCached
	case "Shmem":
		return memShmem
	case "Slab":
		return memSlab
	case "Dirty":
		return memDirty
	case "Writeback":
		return memWriteback
	case "SwapTotal":
		return swapTotal
	case "SwapFree":
		return swapFree
	}
	return -1
}

// maxKB is 1 EiB in kB: anything above is garbage and would overflow when it
// is multiplied. The largest legitimate line is VmallocTotal, about
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
