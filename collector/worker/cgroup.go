package worker

import (
	"bytes"
	"slices"
	"strings"
)

// mounts says where control groups are mounted. Version 1 has a hierarchy for
// each controller, version 2 one for all; a machine may have both.
type mounts struct {
	controller map[string]string // of version 1, with name=systemd as "systemd"
	unified    string            // of version 2, or ""
}

// at is where a hierarchy is mounted, "" is that of version 2; or "".
func (m *mounts) at(controller string) string {
	if controller == "" {
		return m.unified
	}
	return m.controller[controller]
}

// parseMounts reads /proc/mounts. The first mount of a hierarchy counts.
func parseMounts(b []byte) mounts {
	m := mounts{controller: map[string]string{}}
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 4 {
			continue
		}
		at := unescape(string(f[1]))
		switch string(f[2]) {
		case "cgroup2":
			if m.unified == "" {
				m.unified = at
			}
		case "cgroup":
			for option := range strings.SplitSeq(string(f[3]), ",") {
				name := strings.TrimPrefix(option, "name=")
				if m.controller[name] == "" && slices.Contains(controllers(), name) {
					m.controller[name] = at
				}
			}
		}
	}
	return m
}

// controllers are the hierarchies of version 1 that are read, those first that
// a job's control groups are best looked for in.
func controllers() []string {
	return []string{"cpuacct", "freezer", "memory", "devices", "cpuset", "blkio", "pids", "systemd"}
}

// unescape undoes the octal escapes of /proc/mounts.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// parseCgroups reads /proc/PID/cgroup into paths by controller; that of version
// 2 is under "".
func parseCgroups(b []byte) map[string]string {
	out := map[string]string{}
	for line := range bytes.Lines(b) {
		f := bytes.SplitN(bytes.TrimRight(line, "\n"), []byte{':'}, 3)
		if len(f) != 3 {
			continue
		}
		for name := range strings.SplitSeq(string(f[1]), ",") {
			out[strings.TrimPrefix(name, "name=")] = string(f[2])
		}
	}
	return out
}

// parsePIDs reads cgroup.procs.
func parsePIDs(b []byte) []int {
	var out []int
	for line := range bytes.Lines(b) {
		if pid, ok := number(string(bytes.TrimSpace(line))); ok {
			out = append(out, pid)
		}
	}
	return out
}

// keyed finds "KEY VALUE" in a flat keyed file such as cpu.stat or memory.stat.
func keyed(b []byte, key string) (uint64, bool) {
	for line := range bytes.Lines(b) {
		name, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte{' '})
		if ok && string(name) == key {
			v, err := decimal(value)
			return v, err == nil
		}
	}
	return 0, false
}

// parseIOStat sums rbytes and wbytes over the devices of version 2's io.stat.
func parseIOStat(b []byte) (read, written int64) {
	for f := range bytes.FieldsSeq(b) {
		name, value, ok := bytes.Cut(f, []byte{'='})
		if !ok {
			continue
		}
		v, err := signed(value)
		if err != nil || v < 0 {
			continue
		}
		switch string(name) {
		case "rbytes":
			read += v
		case "wbytes":
			written += v
		}
	}
	return read, written
}

// nvidiaMajor is the character device major number of NVIDIA's GPUs; its minors
// below nvidiaControl are GPUs.
const (
	nvidiaMajor   = "195"
	nvidiaControl = 254
)

// parseDevices counts the NVIDIA GPUs that version 1's devices.list allows; ok
// is false when everything is allowed, which says nothing.
func parseDevices(b []byte) (n int64, ok bool) {
	for line := range bytes.Lines(b) {
		kind, rest, _ := bytes.Cut(line, []byte{' '})
		number, _, ok := bytes.Cut(rest, []byte{' '})
		if !ok {
			continue
		}
		if string(kind) == "a" {
			return 0, false
		}
		major, minor, _ := bytes.Cut(number, []byte{':'})
		if string(kind) != "c" || string(major) != nvidiaMajor {
			continue
		}
		if string(minor) == "*" {
			return 0, false
		}
		if v, err := decimal(minor); err == nil && v < nvidiaControl {
			n++
		}
	}
	return n, true
}
