package main

import (
	"bufio"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"nodemeter/collector/metric"
)

// newNode is the entity of this node, with what identifies its make: it becomes
// nodemeter_node_info and is kept in each window. What cannot be read is left out.
func newNode(name string) *metric.Entity {
	e := &metric.Entity{Kind: metric.Node, ID: name}
	add := func(label, value string) {
		if value = strings.TrimSpace(value); value != "" {
			e.Info = append(e.Info, metric.Label{Name: label, Value: value})
		}
	}
	var u unix.Utsname
	_ = unix.Uname(&u) // fails only for a bad address
	add("cpu_model", firstValue("/proc/cpuinfo", "model name", ":"))
	add("kernel", unix.ByteSliceToString(u.Release[:]))
	add("machine", unix.ByteSliceToString(u.Machine[:]))
	add("os", strings.Trim(firstValue("/etc/os-release", "PRETTY_NAME", "="), `"`))
	return e
}

// firstValue is what follows key and separator in the first such line of a file, or "".
func firstValue(path, key, separator string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), separator); ok && strings.TrimSpace(name) == key {
			return value
		}
	}
	return ""
}
