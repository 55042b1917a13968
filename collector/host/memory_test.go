package host

import (
	"strings"
	"testing"
)

func TestMemory(t *testing.T) {
	root, cfg := fixture(t)
	m := NewMemory(cfg)
	want(t, mustRead(t, m), map[string]any{
		"node n1 memory_util": 0.25, "node n1 memory_total_bytes": 131072000.0 * 1024,
		"node n1 memory_cached_bytes": 25165824.0 * 1024, // the kernel's Cached, without reclaimable slab
	})
	overlay(t, root, "proc1")
	want(t, mustRead(t, m), map[string]any{"node n1 memory_util": 0.5, "node n1 swap_free_bytes": 8388600.0 * 1024})
}

// An old kernel does not write MemAvailable; gopsutil would guess it.
func TestMemoryWithoutALineHasNoPoint(t *testing.T) {
	for key, columns := range map[string][]string{
		"MemAvailable": {"memory_util", "memory_available_bytes"}, "Slab": {"memory_slab_bytes"}, "Shmem": {"memory_shmem_bytes"},
		"SwapTotal": {"swap_total_bytes"}, "Cached": {"memory_cached_bytes"}, "SReclaimable": nil,
	} {
		root, cfg := fixture(t)
		all := mustRead(t, NewMemory(cfg))
		edit(t, root, "proc/meminfo", "\n"+key+":", "\nOther"+key+":")
		got := mustRead(t, NewMemory(cfg))
		for _, column := range columns {
			delete(all, "node n1 "+column)
		}
		if len(got) != len(all) {
			t.Errorf("without %s: %d points, want %d", key, len(got), len(all))
		}
		for k, v := range all {
			want(t, got, map[string]any{k: v})
		}
	}
}

// Lines are recognized by those of the read before, and must not be when they
// are others, or when a number has another width.
func TestMeminfoThatChanges(t *testing.T) {
	var m meminfo
	for _, c := range []struct {
		data                string
		total, free, cached uint64
	}{
		{"MemTotal:       16 kB\nMemFree:         8 kB\nCached:          7 kB\n", 16, 8, 7},
		{"MemTotal:      160 kB\nMemFree:        98 kB\nCached:          7 kB\n", 160, 98, 7},
		{"MemTotal:        1 kB\nMemFree:         0 kB\nCached:        777 kB\n", 1, 0, 777},
		{"MemTotal:        1 kB\nCached:          3 kB\nMemFree:         2 kB\n", 1, 2, 3},
		{"MemTotal:        1 kB\nBuffer2:         9 kB\nMemFree:         2 kB\nCached:          4 kB\n", 1, 2, 4},
		{"MemTotal:5 kB\nMemFree: 123456789012 kB\nCached:" + strings.Repeat(" ", 60) + "6 kB\n", 5, 123456789012, 6},
		{"MemTotal:       16 kB\nMemFree:         8 kB\nCached:          7 kB\n", 16, 8, 7},
	} {
		for range 2 {
			if err := m.parse([]byte(c.data)); err != nil || m.kB[memTotal] != c.total || m.kB[memFree] != c.free || m.kB[memCached] != c.cached {
				t.Errorf("%q: %v, %v", c.data, m.kB, err)
			}
		}
	}
}

func TestKnownMeminfoLineThatIsDamaged(t *testing.T) {
	const good = "MemTotal:       16 kB\nMemFree:         8 kB\nCached:          7 kB\nHugePages_Total:       0\n"
	for _, c := range []struct{ old, with string }{
		{"8 kB", "8 MB"}, {"8 kB\n", "8 kB "}, {" 0\n", " 0 "}, {" 8 kB", " x kB"}, {"       0", "      -1"}, {"        8 kB", "8         kB"},
	} {
		var m meminfo
		if err := m.parse([]byte(good)); err != nil {
			t.Fatal(err)
		}
		if err := m.parse([]byte(strings.Replace(good, c.old, c.with, 1) + "End: 1 kB\n")); err == nil {
			t.Errorf("%q in place of %q passes: %v", c.with, c.old, m.kB)
		}
	}
}

func TestMemoryThatCannotBe(t *testing.T) {
	root, cfg := fixture(t)
	edit(t, root, "proc/meminfo", "131072000", "0")
	_, err := read(t, NewMemory(cfg))
	checkErr(t, "no memory", err, "proc/meminfo: MemTotal is 0")
	edit(t, root, "proc/meminfo", "       0 kB", " 1000 kB")
	var b = batchOf(t, NewMemory(cfg))
	if b.Rejected() != 1 {
		t.Errorf("%d points refused, want memory_util alone", b.Rejected())
	}
}

func TestParseMeminfo(t *testing.T) {
	const good = "MemTotal:       16 kB\nMemFree:  8 kB\nHugePages_Total:       0\n"
	for _, c := range []struct{ name, data, err string }{
		{"good", good, ""},
		{"empty", "", "missing"},
		{"no total", "MemFree: 8 kB\n", "missing"},
		{"no colon", good + "Cached 7 kB\n", "key: value"},
		{"no unit", good + "Cached: 7\n", "no unit"},
		{"another unit", good + "Cached: 7 MB\n", "not a number"},
		{"no number", good + "Cached: kB\n", "not a number"},
		{"negative", good + "Cached: -7 kB\n", "not a number"},
		{"letters in a line that is not read", good + "Mapped: x kB\n", "not a number"},
		{"too much", good + "Cached: 9007199254740993 kB\n", "more than any machine"},
		{"twice", good + "MemFree: 8 kB\n", "twice"},
	} {
		var m meminfo
		checkErr(t, c.name, m.parse([]byte(c.data)), c.err)
	}
	var m meminfo
	if err := m.parse([]byte(strings.Replace(good, "MemFree", "Dirty: 1 kB\nMemFree", 1))); err != nil || !m.has[memDirty] || m.has[memAvailable] || m.kB[memDirty] != 1 {
		t.Errorf("lines %+v, %v", m, err)
	}
}
