package host

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"nodemeter/collector/metric"
)

// reading is what one source gave: points as text with every bit of their
// values, identities, and the error.
func reading(s Source) (points map[string]metric.Point, info map[string]string, rejected int, err error) {
	var b metric.Batch
	err = s.Read(context.Background(), &b)
	points, info = map[string]metric.Point{}, map[string]string{}
	for _, r := range b.Readings() {
		name := r.Entity.Kind.String() + " " + r.Entity.ID
		for _, l := range r.Entity.Info {
			info[name] += l.Name + "=" + l.Value + " "
		}
		for _, p := range r.Points {
			points[name+" "+p.Desc.Column] = p
		}
	}
	return points, info, b.Rejected(), err
}

// agree wants the very same from both readers.
func agree(t *testing.T, how string, native, other Source) (points int) {
	t.Helper()
	np, ni, nr, nerr := reading(native)
	op, oi, or, oerr := reading(other)
	if !maps.Equal(ni, oi) || nr != or || (nerr == nil) != (oerr == nil) {
		t.Errorf("%s: identities %v and %v, %d and %d refused, errors %v and %v", how, ni, oi, nr, or, nerr, oerr)
	}
	for _, key := range slices.Sorted(maps.Keys(op)) {
		if np[key] != op[key] {
			t.Errorf("%s: %s: native %v, gopsutil %v", how, key, np[key], op[key])
		}
	}
	if len(np) != len(op) {
		t.Errorf("%s: %d points natively, %d by gopsutil", how, len(np), len(op))
	}
	return len(op)
}

// both are the sources of both readers.
func both(cfg Config) (native, other []Named) {
	native = Sources(cfg)
	cfg.Reader = Gopsutil
	return native, Sources(cfg)
}

// TestReadersAgreeOnFixtures compares every point, bit by bit, over three
// steps of machines of three sizes, of which one step takes devices away.
func TestReadersAgreeOnFixtures(t *testing.T) {
	for _, m := range []struct {
		machine
		points int
	}{{machine{2, 2, 1}, 130}, {machine{64, 8, 8}, 870}, {machine{256, 64, 32}, 3600}} {
		t.Run(m.String(), func(t *testing.T) {
			root := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				native, other := both(m.config(root))
				for step := range 3 {
					now := m.machine
					if step == 2 {
						now.links, now.disks = now.links-1, now.disks-1
					}
					now.write(t, root, step)
					points := 0
					for i := range native {
						points += agree(t, native[i].Name, native[i].Source, other[i].Source)
					}
					if step == 1 && points < m.points {
						t.Errorf("only %d points, want at least %d", points, m.points)
					}
					second()
				}
			})
		})
	}
}

// TestReadersAgreeOnThisMachine brackets gopsutil's reading with two of ours:
// a counter lies between them. Idle time is left out, since it may step back.
func TestReadersAgreeOnThisMachine(t *testing.T) {
	cfg := Config{Node: &metric.Entity{Kind: metric.Node, ID: "n1"}, PerCore: true}
	before, between := both(cfg)
	after := Sources(cfg)
	compared := 0
	for i := range between {
		b, _, _, _ := reading(before[i].Source)
		g, _, _, err := reading(between[i].Source)
		a, _, _, _ := reading(after[i].Source)
		if err != nil && between[i].Name != "pressure" { // not every kernel has it
			t.Errorf("%s: %v", between[i].Name, err)
		}
		for key, p := range g {
			lo, ok := b[key]
			hi, ok2 := a[key]
			if !ok || !ok2 {
				t.Errorf("%s is missing natively", key)
				continue
			}
			if p.Desc.Kind != metric.Counter || strings.Contains(key, "_idle_") || strings.Contains(key, "_iowait_") {
				continue
			}
			compared++
			if p.Float() < lo.Float() || p.Float() > hi.Float() {
				t.Errorf("%s: gopsutil says %v, natively it is %v before and %v after", key, p.Float(), lo.Float(), hi.Float())
			}
		}
		if len(b) != len(g) || len(a) != len(g) {
			t.Errorf("%s: %d points natively, %d by gopsutil, %d natively", between[i].Name, len(b), len(g), len(a))
		}
	}
	if compared < 30 {
		t.Errorf("only %d counters compared", compared)
	}
}

// FuzzReadersAgree gives both readers any text for a file: they agree on it,
// or both call it an error.
func FuzzReadersAgree(f *testing.F) {
	root := f.TempDir()
	overlay(f, root, "proc0")
	cfg := Config{Root: root, Node: &metric.Entity{Kind: metric.Node, ID: "n1"}, PerCore: true}
	files := map[uint8]string{0: "proc/stat", 1: "proc/meminfo", 2: "proc/net/dev", 3: "proc/diskstats", 5: "proc/loadavg"} // by number of source
	for which, text := range map[uint8]string{
		0: "cpu  9 8 7 6 5 4 3 2 1 0\ncpu0 9 8 7 6 5 4 3 2 1 0\nintr 5 0\nctxt 7\nbtime 1\nprocesses 6\nprocs_running 7\nprocs_blocked 0\n",
		1: "MemTotal:       16 kB\nMemFree:  8 kB\nCached: 7 kB\nSReclaimable: 2 kB\nHugePages_Total:       0\n",
		2: "a|b|c\nd|e|f\n  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
		3: " 259 0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11\n 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n",
		5: "0.07 1.22 30.01 1/2 3\n",
	} {
		f.Add(which, []byte(text))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		file, ok := files[which]
		if !ok || longDigits(data) {
			return
		}
		write(t, root, file, string(data))
		native, other := both(cfg)
		for _, how := range []string{"first", "again, when lines are known"} {
			agree(t, file+": "+how, native[which].Source, other[which].Source)
		}
	})
}

// longDigits reports a number beyond what a float64, in which gopsutil keeps
// times, holds exactly.
func longDigits(data []byte) bool {
	run := 0
	for _, c := range data {
		if run++; c < '0' || c > '9' {
			run = 0
		}
		if run > 15 {
			return true
		}
	}
	return bytes.IndexByte(data, 0) >= 0
}

// TestReadsDoNotAllocate holds for every source, once it has seen its devices.
func TestReadsDoNotAllocate(t *testing.T) {
	for _, m := range []machine{{2, 2, 1}, {256, 64, 32}} {
		root := t.TempDir()
		m.write(t, root, 0)
		for _, s := range append(Sources(m.config(root)), Sources(Config{Node: m.config("").Node, PerCore: true})...) {
			var b metric.Batch
			if err := s.Source.Read(context.Background(), &b); err != nil {
				if s.Name == "pressure" {
					continue // a kernel without
				}
				t.Fatal(err)
			}
			tick := func() {
				b.Reset()
				if err := s.Source.Read(context.Background(), &b); err != nil {
					t.Fatal(err)
				}
			}
			tick()
			if got := testing.AllocsPerRun(50, tick); got != 0 {
				t.Errorf("%s, %s: %v allocations a tick", m, s.Name, got)
			}
		}
	}
}
