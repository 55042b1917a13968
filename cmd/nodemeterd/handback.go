package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// handBackAt is the sample after which the start is over: by then everything
// that a tick does has been done.
const handBackAt = 5

// handBack takes the pages of the program's own files that only its start
// needed out of the process: most of a binary is read once, to initialize it,
// and would count as resident for good. What is needed again comes back from
// the page cache by itself. Pages that the process has written to are left
// alone: they are nowhere else.
func handBack(log *slog.Logger) {
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		log.Debug("memory of the start is kept", "err", err)
		return
	}
	for _, m := range cleanMappings(maps) {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED); errno != 0 {
			log.Debug("memory of the start is kept", "at", fmt.Sprintf("%x", m.from), "err", errno)
		}
	}
}

// mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// cleanMappings finds, in the text of /proc/PID/smaps (proc(5)), what is mapped
// read-only from a file and holds no page that differs from the file.
func cleanMappings(smaps []byte) []mapping {
	var out []mapping
	var now mapping
	clean, seen := false, 0
	for line := range bytes.Lines(smaps) {
		f := strings.Fields(string(line))
		if m, ok := mappingOf(f); ok {
			now, clean, seen = m, len(f) >= 6 && strings.HasPrefix(f[5], "/") && strings.HasPrefix(f[1], "r-") && strings.HasSuffix(f[1], "p"), 0
			continue
		}
		if len(f) < 2 || f[0] != "Private_Dirty:" && f[0] != "Anonymous:" {
			continue
		}
		seen++
		clean = clean && f[1] == "0"
		if clean && seen == 2 { // both were there, and 0
			out = append(out, now)
		}
	}
	return out
}

// mappingOf parses a mapping's first line: from-to, permissions, offset,
// device, inode, path.
func mappingOf(f []string) (m mapping, ok bool) {
	if len(f) < 5 {
		return m, false
	}
	a, b, found := strings.Cut(f[0], "-")
	from, err := strconv.ParseUint(a, 16, 64)
	to, err2 := strconv.ParseUint(b, 16, 64)
	if !found || err != nil || err2 != nil || from >= to {
		return m, false
	}
	return mapping{uintptr(from), uintptr(to)}, true
}
