package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

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
	kB   [memLines]uint64
	has  [memLines]bool
	rows []memoryRow // of the read before: a kernel always writes the same lines
}

// memoryRow is how a line begins.
type memoryRow struct {
	text  string // key, colon, and more blanks than there ever are
	key   int    // how much of it is key and colon
	start int    // where the number began at the read before
	end   int    // where that line ended; 0: not yet known
	inKB  bool   // with the unit
	line  int    // its number, or -1
}

// amount reads the line at at if it looks as at the read before, with a number
// as wide. Where the next line begins is then known before this one is read.
func (r *memoryRow) amount(data []byte, at int) (v uint64, ok bool) {
	end := at + r.end
	stop := end // of the number
	if r.inKB {
		stop -= len(" kB")
	}
	start := at + r.start
	width := stop - start
	if stop < at+8 || width < 1 || width > 8 || end >= len(data) || data[end] != '\n' ||
		r.inKB && string(data[stop:end]) != " kB" || string(data[at:start]) != r.text[:r.start] {
		return 0, false
	}
	return digitsBefore(data, stop, width)
}

// numberAt is where the row's number begins if the row is the line at at, else
// 0. Numbers are mostly as wide as at the read before.
func (r *memoryRow) numberAt(data []byte, at int) int {
	if i := at + r.start; i < len(data) && data[i] != ' ' && string(data[at:i]) == r.text[:r.start] {
		return i
	}
	i := at + r.key
	if i >= len(data) || string(data[at:i]) != r.text[:r.key] {
		return 0
	}
	for i < len(data) && data[i] == ' ' {
		i++
	}
	r.start = min(i-at, len(r.text))
	return i
}

// parse reads and checks every line of /proc/meminfo ("Key: number kB", for
// counts of huge pages without the unit). MemTotal and MemFree must be there.
func (m *meminfo) parse(data []byte) error {
	m.has = [memLines]bool{}
	for n, at := 0, 0; at < len(data); n++ {
		row, v, err := m.line(data, at, n)
		if err != nil {
			return fmt.Errorf("line %d%w", n+1, err)
		}
		if i := row.line; i >= 0 {
			if !row.inKB {
				return fmt.Errorf("line %d (%s): no unit, want kB", n+1, memoryKey(row))
			}
			if m.has[i] {
				return fmt.Errorf("line %d (%s): is there twice", n+1, memoryKey(row))
			}
			m.kB[i], m.has[i] = v, true
		}
		at += row.end + 1
	}
	if !m.has[memTotal] || !m.has[memFree] {
		return errors.New("MemTotal or MemFree is missing")
	}
	return nil
}

// line reads the line at at, the nth. Its error goes on where the line is named.
func (m *meminfo) line(data []byte, at, n int) (*memoryRow, uint64, error) {
	if n < len(m.rows) {
		if v, ok := m.rows[n].amount(data, at); ok {
			return &m.rows[n], v, nil
		}
	}
	row, start, err := m.row(data, at, n)
	if err != nil {
		return nil, 0, fmt.Errorf(": %w", err)
	}
	v, inKB, end, err := parseAmount(data, start)
	if err != nil {
		return nil, 0, fmt.Errorf(" (%.40s): %w", memoryKey(row), err)
	}
	row.inKB, row.end = inKB, end-at
	return row, v, nil
}

func memoryKey(row *memoryRow) string { return row.text[:row.key-1] }

// row recognizes the line at at, the nth, by that of the read before, and says
// where its number begins.
func (m *meminfo) row(data []byte, at, n int) (row *memoryRow, start int, err error) {
	if n < len(m.rows) {
		row = &m.rows[n]
		if start = row.numberAt(data, at); start > 0 {
			return row, start, nil
		}
	}
	line := data[at:lineEnd(data, at)]
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return nil, 0, fmt.Errorf("%.40q, want \"key: value\"", line)
	}
	m.rows = append(m.rows[:min(n, len(m.rows))], memoryRow{
		text: string(line[:colon+1]) + strings.Repeat(" ", 32), key: colon + 1, start: colon + 1, line: memoryLine(line[:colon])})
	row = &m.rows[n]
	return row, row.numberAt(data, at), nil
}

// parseAmount reads what stands at i: a number and maybe kB.
func parseAmount(data []byte, i int) (v uint64, inKB bool, end int, err error) {
	v, end = digits(data, i)
	n := end - i
	if inKB = len(data)-end >= 4 && string(data[end:end+4]) == " kB\n"; inKB {
		end += len(" kB")
	}
	if n == 0 || n > safeDigits || end < len(data) && data[end] != '\n' {
		end = lineEnd(data, i)
		v, err = number(bytes.TrimSuffix(data[i:end], []byte(" kB")))
	}
	if err == nil && v > maxKB {
		err = fmt.Errorf("%d kB is more than any machine has", v)
	}
	return v, inKB, end, err
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
