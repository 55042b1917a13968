// Package host reads what a Linux node says about itself: processors, memory,
// links, disks, pressure and load, one source and one file a subject.
//
// Data flow: a source reads the kernel's text file through a descriptor that it
// keeps, checks and parses it in place, and adds points to the Batch; once warm
// this allocates nothing. A file that is missing or malformed is an error that
// names it, and no point of it is given. With Config.Reader Gopsutil the numbers
// are then asked of gopsutil v3 instead, where it has them: the portable way,
// and the oracle of our parsers. Our check stays before it, because gopsutil
// answers zeros, another machine's figures or a panic where a file is missing
// or malformed. What changes rarely (what a link, disk or core is, how fast a
// link is) is looked at when the device comes, and every half a minute.
//
// Concurrency: a source belongs to one goroutine. It keeps the counters of its
// last read and its entities, which are the same pointers tick after tick and
// are dropped when the thing they stand for vanishes. Reads of /proc and /sys
// cannot be interrupted: a context that has ended is noticed between files.
package host

import (
	"context"
	"fmt"
	"path/filepath"

	"nodemeter/collector/metric"
)

// Config is what every source of this package needs.
type Config struct {
	// Root is the directory that holds proc and sys: "" for the machine
	// itself, a fixture in tests, a mount of the host's in a container.
	Root string
	// Node is the entity that carries the node's own figures.
	Node *metric.Entity
	// PerCore adds one entity a core. The busiest core, the 95th percentile
	// and the imbalance are given without it too.
	PerCore bool
	// Reader says who parses; the points are the same.
	Reader Reader
}

// Reader is who parses the kernel's files.
type Reader string

// The readers. Native is the zero value too.
const (
	Native   Reader = "native"
	Gopsutil Reader = "gopsutil"
)

// ParseReader is the Reader of a name.
func ParseReader(name string) (Reader, error) {
	if r := Reader(name); r == Native || r == Gopsutil {
		return r, nil
	}
	return "", fmt.Errorf("unknown reader %q (known: %s, %s)", name, Native, Gopsutil)
}

// Source reads one subject. Package collector declares the same interface.
type Source interface {
	// Descs lists every metric the source can give.
	Descs() []*metric.Desc
	// Read adds what is true now to b. After an error the points that were
	// read before it stay in b; the error names the file.
	Read(ctx context.Context, b *metric.Batch) error
}

// Named is a source and the name it has in logs, flags and health metrics.
type Named struct {
	Name   string
	Source Source
}

// Sources makes every source of this package, in the order of their columns.
func Sources(cfg Config) []Named {
	return []Named{
		{"cpu", NewCPU(cfg)},
		{"memory", NewMemory(cfg)},
		{"network", NewNetwork(cfg)},
		{"disk", NewDisk(cfg)},
		{"pressure", NewPressure(cfg)},
		{"system", NewSystem(cfg)},
	}
}

func (c Config) proc(elem ...string) string { return c.path("proc", elem) }
func (c Config) sys(elem ...string) string  { return c.path("sys", elem) }

func (c Config) path(top string, elem []string) string {
	root := c.Root
	if root == "" {
		root = "/"
	}
	return filepath.Join(append([]string{root, top}, elem...)...)
}
