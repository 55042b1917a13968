package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/net"
)

// gopsutil asks gopsutil v3 for the numbers of files that have been checked,
// in the terms of our parsers.
type gopsutil struct{ env common.EnvMap }

// gopsutil is nil when our own parsers are to be believed.
func (c Config) gopsutil() *gopsutil {
	if c.Reader != Gopsutil {
		return nil
	}
	// All roots are always given: gopsutil falls back to environment
	// variables, which could make it read another file than the one checked.
	return &gopsutil{common.EnvMap{
		common.HostProcEnvKey: c.proc(),
		common.HostSysEnvKey:  c.sys(),
		common.HostRunEnvKey:  c.path("run", nil),
		common.HostDevEnvKey:  c.path("dev", nil),
		common.HostEtcEnvKey:  c.path("etc", nil),
		common.HostVarEnvKey:  c.path("var", nil),
		common.HostRootEnvKey: c.path("", nil),
	}}
}

func (g *gopsutil) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, g.env)
}

// stat replaces the processor times of s. cpu.Percent is not used: it keeps
// the last times for the whole process. Where gopsutil cannot read it gives
// empty lists and no error.
func (g *gopsutil) stat(ctx context.Context, s *stat) error {
	ctx = g.context(ctx)
	total, err := cpu.TimesWithContext(ctx, false)
	if err != nil {
		return err
	}
	if len(total) != 1 || total[0].CPU != "cpu-total" {
		return errors.New("no sum over processors")
	}
	cores, err := cpu.TimesWithContext(ctx, true)
	if err != nil {
		return err
	}
	if len(cores) == 0 {
		return errors.New("no processors")
	}
	s.total = jiffies(&total[0])
	s.cores = s.cores[:0]
	for i := range cores {
		id, err := strconv.ParseUint(strings.TrimPrefix(cores[i].CPU, "cpu"), 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no processor", cores[i].CPU)
		}
		s.cores = append(s.cores, coreTimes{id, jiffies(&cores[i])})
	}
	return nil
}

// jiffies undoes gopsutil's division.
func jiffies(s *cpu.TimesStat) (t times) {
	for m, v := range [modes]float64{s.User, s.Nice, s.System, s.Idle, s.Iowait, s.Irq, s.Softirq, s.Steal, s.Guest, s.GuestNice} {
		t[m] = uint64(math.Round(v * userHZ))
	}
	return t
}

// memory replaces the amounts of m. Which lines there are stays as it was
// found: gopsutil gives 0 for one that is missing, guesses MemAvailable, and
// adds SReclaimable to Cached.
func (g *gopsutil) memory(ctx context.Context, m *meminfo) error {
	v, err := mem.VirtualMemoryWithContext(g.context(ctx))
	if err != nil {
		return err
	}
	for i, bytes := range [memLines]uint64{v.Total, v.Free, v.Available, v.Buffers, v.Cached - v.Sreclaimable, v.Shared, v.Slab,
		v.Dirty, v.WriteBack, v.SwapTotal, v.SwapFree} {
		m.kB[i] = bytes / 1024
	}
	return nil
}

// load gives the load averages.
func (g *gopsutil) load(ctx context.Context) (loads, error) {
	avg, err := load.AvgWithContext(g.context(ctx))
	if err != nil {
		return loads{}, err
	}
	return loads{avg.Load1, avg.Load5, avg.Load15}, nil
}

// netDev gives the counters of links.
func (g *gopsutil) netDev(ctx context.Context) ([]netLine, error) {
	stats, err := net.IOCountersWithContext(g.context(ctx), true)
	if err != nil {
		return nil, err
	}
	lines := make([]netLine, len(stats))
	for i, s := range stats {
		lines[i] = netLine{name: []byte(s.Name), counts: [linkCounts]uint64{
			s.BytesRecv, s.BytesSent, s.PacketsRecv, s.PacketsSent, s.Errin, s.Errout, s.Dropin, s.Dropout}}
	}
	return lines, nil
}

// disks replaces the counters of the devices that are physical disks. It asks
// for these only, since gopsutil also reads udev's file and two of sysfs for
// each. It leaves out devices that have done nothing since boot, and looks for
// the part of a name after the last slash and so misses "cciss/c0d0", unless
// asked for all.
func (g *gopsutil) disks(ctx context.Context, lines []diskLine, physical []*blockDevice) error {
	var ask []string
	all := false
	for i := range lines {
		if physical[i].disk != nil && !lines[i].idle {
			ask = append(ask, physical[i].name)
			all = all || strings.Contains(physical[i].name, "/")
		}
	}
	if len(ask) == 0 {
		return nil // it would read all
	}
	if all {
		ask = nil
	}
	stats, err := disk.IOCountersWithContext(g.context(ctx), ask...)
	if err != nil {
		return err
	}
	for i := range lines {
		if physical[i].disk == nil || lines[i].idle {
			continue
		}
		s, ok := stats[physical[i].name]
		if !ok {
			return fmt.Errorf("%s vanished between two reads", physical[i].name)
		}
		lines[i].counts = diskCounters{s.ReadBytes, s.WriteBytes, s.ReadCount, s.WriteCount, s.IoTime}
	}
	return nil
}
