// Package host reads what a Linux node says about itself: processors, memory,
// links, disks, pressure and load, one source and one file a subject.
//
// Data flow: a source checks the kernel's text file itself, because gopsutil
// answers zeros, another machine's figures or a panic where a file is missing
// or malformed; then gopsutil v3 reads the numbers; then the source adds
// points to the Batch. What gopsutil lacks (pressure, InfiniBand, context
// switches) is parsed here. A file that is missing or malformed is an error
// that names it, and no point of it is given.
//
// Concurrency: a source belongs to one goroutine. It keeps the counters of its
// last read and its entities, which are the same pointers tick after tick and
// are dropped when the thing they stand for vanishes. Reads of /proc and /sys
// cannot be interrupted: a context that has ended is noticed between files.
package host

import (
	"context"
	"path/filepath"

	"github.com/shirou/gopsutil/v3/common"

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

// env gives gopsutil the same roots as ours. All of them are always given:
// gopsutil falls back to environment variables, which could make it read
// another file than the one that was checked.
func (c Config) env() common.EnvMap {
	return common.EnvMap{
		common.HostProcEnvKey: c.proc(),
		common.HostSysEnvKey:  c.sys(),
		common.HostRunEnvKey:  c.path("run", nil),
		common.HostDevEnvKey:  c.path("dev", nil),
		common.HostEtcEnvKey:  c.path("etc", nil),
		common.HostVarEnvKey:  c.path("var", nil),
		common.HostRootEnvKey: c.path("", nil),
	}
}
