package host

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

// generate makes the root of a machine with so many CPUs, links and disks; the
// other files are those of proc0.
func generate(b *testing.B, cpus, links, disks int) Config {
	b.Helper()
	root := b.TempDir()
	overlay(b, root, "proc0")
	const modes = " 123456789 1234 23456789 987654321 12345 0 123456 4321 1000 10\n"
	var stat, dev, blocks strings.Builder
	stat.WriteString("cpu " + modes)
	for i := range cpus {
		fmt.Fprintf(&stat, "cpu%d%s", i, modes)
	}
	stat.WriteString("intr 123456789" + strings.Repeat(" 0", 20*cpus) + "\nctxt 123456789\nbtime 1795440820\nprocesses 123456\nprocs_running 3\nprocs_blocked 0\n")
	dev.WriteString("Inter-| Receive | Transmit\n face |bytes packets|bytes packets\n")
	for i := range links {
		fmt.Fprintf(&dev, "  eth%d: 123456789012 987654321 0 0 0 0 0 12345 98765432109 12345678 0 0 0 0 0 0\n", i)
		write(b, root, fmt.Sprintf("sys/class/net/eth%d/device/vendor", i), "0x15b3\n")
	}
	for i := range disks {
		fmt.Fprintf(&blocks, " 259 %7d nvme%dn1 1000 0 16000 100 2000 0 64000 300 1 350 401 0 0 0 0 0 0\n", i, i)
		write(b, root, fmt.Sprintf("sys/block/nvme%dn1/device/model", i), "NVMe\n")
	}
	write(b, root, "proc/stat", stat.String())
	write(b, root, "proc/net/dev", dev.String())
	write(b, root, "proc/diskstats", blocks.String())
	return Config{Root: root, Node: &metric.Entity{Kind: metric.Node, ID: "n1"}, PerCore: true}
}

// BenchmarkRead is one tick of each source, warm.
func BenchmarkRead(b *testing.B) {
	for _, m := range []struct{ cpus, links, disks int }{{2, 2, 1}, {64, 8, 8}, {256, 64, 32}} {
		cfg := generate(b, m.cpus, m.links, m.disks)
		for _, s := range Sources(cfg) {
			b.Run(fmt.Sprintf("cpus=%d/links=%d/disks=%d/%s", m.cpus, m.links, m.disks, s.Name), func(b *testing.B) {
				bench(b, s.Source)
			})
		}
	}
}

// BenchmarkReadThisMachine is one tick of each source on the kernel's own files.
func BenchmarkReadThisMachine(b *testing.B) {
	for _, s := range Sources(Config{Node: &metric.Entity{Kind: metric.Node, ID: "n1"}, PerCore: true}) {
		b.Run(s.Name, func(b *testing.B) { bench(b, s.Source) })
	}
}

func bench(b *testing.B, s Source) {
	var batch metric.Batch
	if err := s.Read(context.Background(), &batch); err != nil {
		b.Skip(err) // a kernel without pressure stall information
	}
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		if err := s.Read(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
	}
}
