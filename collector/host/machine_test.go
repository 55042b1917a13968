package host

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

// machine is a made-up node of any size, for what stored fixtures would be too
// large for.
type machine struct{ cpus, links, disks int }

func (m machine) String() string {
	return fmt.Sprintf("cpus=%d/links=%d/disks=%d", m.cpus, m.links, m.disks)
}

func (m machine) config(root string) Config {
	return Config{Root: root, Node: &metric.Entity{Kind: metric.Node, ID: "n1"}, PerCore: true}
}

// write makes the node's root as it is at a step; its counters grow from step
// to step. What is not made up is proc0's.
func (m machine) write(t testing.TB, root string, step int) {
	t.Helper()
	overlay(t, root, "proc0")
	rng := rand.New(rand.NewPCG(uint64(m.cpus), 7))
	// count is a counter that starts somewhere below size and grows each step.
	count := func(size uint64) uint64 { return rng.Uint64N(size) + uint64(step)*rng.Uint64N(100) }
	write(t, root, "proc/stat", m.stat(count))
	write(t, root, "proc/net/dev", m.netDev(count))
	write(t, root, "proc/diskstats", m.diskstats(count))
	write(t, root, "proc/meminfo", meminfoOf(count))
	write(t, root, "proc/loadavg", fmt.Sprintf("%d.%02d %d.%02d %d.%02d 3/1234 56789\n",
		count(900), rng.Uint64N(100), count(900), rng.Uint64N(100), count(900), rng.Uint64N(100)))
	for i := range m.links {
		write(t, root, fmt.Sprintf("sys/class/net/eth%d/device/vendor", i), "0x15b3\n")
		write(t, root, fmt.Sprintf("sys/class/net/eth%d/speed", i), "100000\n")
	}
	for i := range m.disks {
		write(t, root, fmt.Sprintf("sys/block/nvme%dn1/device/model", i), "NVMe\n")
	}
}

func (m machine) stat(count func(uint64) uint64) string {
	var b strings.Builder
	times := func(name string) {
		b.WriteString(name)
		// About what two months make; on bare metal the last three stay 0.
		for _, size := range [modes]uint64{modeUser: 5e8, modeNice: 1e4, modeSystem: 1e8, modeIdle: 5e8, modeIOWait: 1e6, modeIRQ: 1e6, modeSoftIRQ: 1e6, modeSteal: 9, modeGuest: 9, modeGuestNice: 9} {
			fmt.Fprintf(&b, " %d", count(size))
		}
		b.WriteByte('\n')
	}
	times("cpu ")
	for i := range m.cpus {
		times(fmt.Sprintf("cpu%d", i+i/50)) // some are offline
	}
	fmt.Fprintf(&b, "intr %d%s\nctxt %d\nbtime 1795440820\n", count(1e12), strings.Repeat(" 0 0 0 1234 0", 4*m.cpus+50), count(1e12))
	fmt.Fprintf(&b, "processes %d\nprocs_running %d\nprocs_blocked %d\nsoftirq 183612 0 18601 5 25317 68860 0 1375 32591 1 36862\n", count(1e9), count(300), count(9))
	return b.String()
}

func (m machine) netDev(count func(uint64) uint64) string {
	var b strings.Builder
	b.WriteString("Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n")
	line := func(name string) {
		fmt.Fprintf(&b, "%6s: %7d %7d %4d %4d %4d %5d %10d %9d %8d %7d %4d %4d %4d %5d %7d %10d\n", name,
			count(1e15), count(1e12), count(9), count(9), 0, 0, 0, count(1e6), count(1e15), count(1e12), count(9), count(9), 0, 0, 0, 0)
	}
	line("lo")
	for i := range m.links {
		line(fmt.Sprintf("eth%d", i))
	}
	return b.String()
}

func (m machine) diskstats(count func(uint64) uint64) string {
	var b strings.Builder
	line := func(major, minor int, name string, used bool) {
		fmt.Fprintf(&b, "%4d %7d %s", major, minor, name)
		for _, size := range []uint64{1e8, 1e6, 1e11, 1e9, 1e8, 1e6, 1e11, 1e9, 9, 1e9, 1e9, 1e6, 9, 1e9, 1e6, 1e6, 1e6} {
			v := count(size)
			if !used {
				v = 0
			}
			fmt.Fprintf(&b, " %d", v)
		}
		b.WriteByte('\n')
	}
	line(7, 0, "loop0", false)
	for i := range m.disks {
		line(259, 2*i, fmt.Sprintf("nvme%dn1", i), i%5 != 4)
		line(259, 2*i+1, fmt.Sprintf("nvme%dn1p1", i), i%5 != 4)
	}
	return b.String()
}

// meminfoOf has the lines of Linux 6.12.
func meminfoOf(count func(uint64) uint64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "MemTotal:       1056784532 kB\nMemFree:        %8d kB\nMemAvailable:   %8d kB\n", count(1e8), count(1e9))
	for _, key := range strings.Fields(`Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon) Active(file) Inactive(file)
		Unevictable Mlocked SwapTotal SwapFree Zswap Zswapped Dirty Writeback AnonPages Mapped Shmem KReclaimable Slab SReclaimable
		SUnreclaim KernelStack PageTables SecPageTables NFS_Unstable Bounce WritebackTmp CommitLimit Committed_AS VmallocTotal
		VmallocUsed VmallocChunk Percpu HardwareCorrupted AnonHugePages ShmemHugePages ShmemPmdMapped FileHugePages FilePmdMapped Unaccepted`) {
		fmt.Fprintf(&b, "%-15s %8d kB\n", key+":", count(1e8))
	}
	b.WriteString("HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\nDirectMap4k:      284524 kB\nDirectMap2M:     8095744 kB\nDirectMap1G:     1067450368 kB\n")
	return b.String()
}
