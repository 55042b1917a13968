package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"nodemeter/collector/metric"
)

// classesOf reads once and returns "class counted" of each link.
func classesOf(t *testing.T, n *Network) map[string]string {
	t.Helper()
	var b metric.Batch
	if err := n.Read(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range b.Readings() {
		if r.Entity.Kind == metric.NIC {
			got[r.Entity.ID] = r.Entity.Info[0].Value + " " + r.Entity.Info[1].Value
		}
	}
	return got
}

func TestClassesOfLinks(t *testing.T) {
	_, cfg := fixture(t)
	got := classesOf(t, NewNetwork(cfg))
	for name, want := range map[string]string{
		"lo": "loopback false", "eth0": "physical true", "eth1": "physical true", "bond0": "bond false", "bond0.100": "vlan false",
		"br0": "bridge false", "veth12ab": "virtual false", "tap0": "tun false", "dummy0": "virtual false", "ib0": "ipoib false",
		"mlx5_0:1": "infiniband true", "mlx5_1:1": "roce true",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("also %v", got)
	}
}

func TestClassify(t *testing.T) {
	ethernet := map[string]string{"type": "1", "flags": "0x1003", "ifindex": "2", "iflink": "2"}
	with := func(add map[string]string) map[string]string {
		m := map[string]string{}
		for _, from := range []map[string]string{ethernet, add} {
			for k, v := range from {
				m[k] = v
			}
		}
		return m
	}
	for _, c := range []struct {
		name, want string
		files      map[string]string
	}{
		{"card", classPhysical, with(map[string]string{"device/vendor": "1"})},
		{"card in a bond", classPhysical, with(map[string]string{"device/vendor": "1", "master/bonding/mode": "1"})},
		{"card under netvsc", classMember, with(map[string]string{"device/vendor": "1", "master/device/vendor": "1"})},
		{"switch's uplink", classPhysical, with(map[string]string{"device/vendor": "1", "phys_port_name": "p0"})},
		{"representor", classRepresentor, with(map[string]string{"device/vendor": "1", "phys_port_name": "pf0vf3"})},
		{"representor of another controller", classRepresentor, with(map[string]string{"device/vendor": "1", "phys_port_name": "c1pf0sf2"})},
		{"container's end of a veth pair", classUplink, with(map[string]string{"iflink": "7"})},
		{"veth pair with equal indexes", classUplink, ethernet},
		{"macvlan whose card is elsewhere", classUplink, with(map[string]string{"uevent": "DEVTYPE=macvlan", "iflink": "7"})},
		{"macvlan on a link here", classVirtual, with(map[string]string{"uevent": "DEVTYPE=macvlan", "lower_eth0/ifindex": "3"})},
		{"veth in a bridge", classVirtual, with(map[string]string{"master/bridge/bridge_id": "8"})},
		{"dummy", classVirtual, with(map[string]string{"flags": "0x83"})},
		{"tunnel", classVirtual, with(map[string]string{"type": "768", "iflink": "0"})},
		{"gretap", classVirtual, with(map[string]string{"iflink": "0"})},
		{"vxlan", classVirtual, with(map[string]string{"uevent": "DEVTYPE=vxlan"})},
		{"tun", classTun, with(map[string]string{"type": "65534", "tun_flags": "0x1"})},
		{"IP over InfiniBand", classIPoIB, map[string]string{"type": "32", "device/vendor": "1"}},
		{"not in sysfs", classUnknown, nil},
	} {
		sys := t.TempDir()
		for file, text := range c.files {
			write(t, sys, filepath.Join("x0", file), text+"\n")
		}
		if got := classify(sys, "x0"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestCountedClasses(t *testing.T) {
	for _, c := range []struct{ there, want string }{
		{"physical bond vlan uplink tun", "physical"},
		{"physical infiniband ipoib roce", "physical infiniband roce"},
		{"physical ipoib", "physical ipoib"},
		{"ipoib uplink", "ipoib"},
		{"loopback uplink bridge tun", "uplink"},
		{"loopback tun virtual", "tun"},
		{"loopback virtual unknown bridge", ""},
	} {
		there := map[string]bool{}
		for _, class := range strings.Fields(c.there) {
			there[class] = true
		}
		got := counted(there)
		if len(got) != len(strings.Fields(c.want)) {
			t.Errorf("%s: counted %v, want %s", c.there, got, c.want)
		}
		for _, class := range strings.Fields(c.want) {
			if !got[class] {
				t.Errorf("%s: %s is not counted", c.there, class)
			}
		}
	}
}

// step runs one read of the fixture, a change a second later, and another read.
func step(t *testing.T, change func(root string)) (before, after map[string]float64, err error) {
	synctest.Test(t, func(t *testing.T) {
		root, cfg := fixture(t)
		n := NewNetwork(cfg)
		before = mustRead(t, n)
		second()
		overlay(t, root, "proc1")
		change(root)
		after, err = read(t, n)
	})
	return before, after, err
}

func TestNodeCountsHardwareOnly(t *testing.T) {
	before, after, err := step(t, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	want(t, before, map[string]any{
		"node n1 network_receive_bytes":  10e6 + 2e6 + 4*5e9 + 4*1e6,
		"node n1 network_transmit_bytes": 5e6 + 1e6 + 4*4e9 + 4*0.9e6,
		"node n1 network_mbps":           absent, "nic eth0 network_mbps": absent,
	})
	want(t, after, map[string]any{
		"node n1 network_receive_mbps": 10.0 + 1 + 1000 + 8, "node n1 network_transmit_mbps": 1.0 + 100, "node n1 network_mbps": 1120.0,
		"nic mlx5_0:1 network_receive_mbps": 1000.0, "nic mlx5_0:1 network_receive_bytes": 4 * 5031250000.0,
		"nic mlx5_0:1 network_receive_drops": absent, "nic tap0 network_receive_mbps": 1.0,
		"node n1 network_receive_bytes": 20143375000.0,
	})
}

func TestRestartedLinkIsAGap(t *testing.T) {
	_, after, err := step(t, func(root string) {
		edit(t, root, "proc/net/dev", "11250000", "250000")
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, after, map[string]any{
		"nic eth0 network_receive_mbps": absent, "nic eth0 network_mbps": absent, "nic eth0 network_transmit_mbps": 1.0,
		"nic eth0 network_receive_bytes": 250000.0,
		"node n1 network_mbps":           absent, "node n1 network_receive_mbps": absent,
		// without eth0's, whose growth is not known: never a step back
		"node n1 network_receive_bytes": 20143375000.0 - 1250000,
	})
}

// Drivers have been seen to give -1 as a counter.
func TestGarbageOfOneLinkIsRefusedAlone(t *testing.T) {
	root, cfg := fixture(t)
	n := NewNetwork(cfg)
	mustRead(t, n)
	const huge = "18446744073709551615"
	edit(t, root, "proc/net/dev", "10000000 10000", huge+" 10000")
	b := batchOf(t, n)
	want(t, flatten(t, b), map[string]any{
		"nic eth0 network_receive_bytes": absent, "nic eth0 network_receive_mbps": absent, "nic eth0 network_transmit_bytes": 5e6,
		"nic eth1 network_receive_bytes": 2e6, "node n1 network_mbps": absent, "node n1 network_receive_bytes": 10e6 + 2e6 + 4*5e9 + 4*1e6})
	if b.Rejected() != 1 {
		t.Errorf("%d points refused, want 1", b.Rejected())
	}
	edit(t, root, "proc/net/dev", huge, "10000007")
	want(t, mustRead(t, n), map[string]any{"nic eth0 network_receive_bytes": 10000007.0, "nic eth0 network_receive_mbps": absent})
}

func TestLinkThatComesAddsNoJump(t *testing.T) {
	line := " eth2: 9000000000000 1 0 0 0 0 0 0 9000000000000 1 0 0 0 0 0 0\n"
	_, after, err := step(t, func(root string) {
		edit(t, root, "proc/net/dev", "  ib0:", line+"  ib0:")
		write(t, root, "sys/class/net/eth2/device/vendor", "1\n")
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, after, map[string]any{
		"nic eth2 network_receive_bytes": 9e12, "nic eth2 network_mbps": absent, "nic eth0 network_mbps": 11.0,
		"node n1 network_receive_bytes": 20143375000.0, "node n1 network_mbps": absent,
	})
}

func TestLinkThatGoesIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, cfg := fixture(t)
		n := NewNetwork(cfg)
		mustRead(t, n)
		second()
		dev, err := os.ReadFile(filepath.Join(root, "proc/net/dev"))
		if err != nil {
			t.Fatal(err)
		}
		var kept []string
		for line := range strings.Lines(string(dev)) {
			if !strings.Contains(line, "eth1:") {
				kept = append(kept, line)
			}
		}
		write(t, root, "proc/net/dev", strings.Join(kept, ""))
		want(t, mustRead(t, n), map[string]any{"node n1 network_mbps": absent, "nic eth1 network_receive_bytes": absent})
		if len(n.links) != 11 {
			t.Errorf("%d links kept, want 11", len(n.links))
		}
		second()
		want(t, mustRead(t, n), map[string]any{"node n1 network_mbps": 0.0})
	})
}

func TestInfiniBandPortThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, cfg := fixture(t)
		n := NewNetwork(cfg)
		mustRead(t, n)
		second()
		overlay(t, root, "proc1")
		const path = "sys/class/infiniband/mlx5_0/ports/1/counters/port_rcv_data"
		write(t, root, path, "")
		got, err := read(t, n)
		checkErr(t, "empty counter", err, path)
		want(t, got, map[string]any{
			"nic mlx5_0:1 network_receive_bytes": absent, "nic mlx5_1:1 network_receive_mbps": 8.0, "nic eth0 network_mbps": 11.0,
			"node n1 network_mbps": absent})
		second()
		write(t, root, path, "5041250000\n") // two seconds after the last good read: no rate of one
		want(t, mustRead(t, n), map[string]any{
			"nic mlx5_0:1 network_receive_mbps": absent, "node n1 network_mbps": absent,
			"node n1 network_receive_bytes": 20143375000.0 + 40e6})
		second()
		want(t, mustRead(t, n), map[string]any{"nic mlx5_0:1 network_receive_mbps": 0.0, "node n1 network_mbps": 0.0})
	})
}

func TestInfiniBandPortWithoutCountersLeavesTheIPLink(t *testing.T) {
	for name, text := range map[string]string{"no management": "N/A (no PMA)\n", "32 bits at their end": "4294967295\n"} {
		root, cfg := fixture(t)
		write(t, root, "sys/class/infiniband/mlx5_0/ports/1/counters/port_rcv_data", text)
		got := classesOf(t, NewNetwork(cfg))
		if _, ok := got["mlx5_0:1"]; ok || got["ib0"] != "ipoib true" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestInfiniBandPrefers64Bits(t *testing.T) {
	root, cfg := fixture(t)
	write(t, root, "sys/class/infiniband/mlx5_0/ports/1/counters_ext/port_rcv_data_64", "7000000000\n")
	want(t, mustRead(t, NewNetwork(cfg)), map[string]any{"nic mlx5_0:1 network_receive_bytes": 28e9})
}

func TestContainerCountsItsUplink(t *testing.T) {
	root, cfg := fixture(t)
	for _, gone := range []string{"sys/class/net/eth0/device", "sys/class/net/eth1", "sys/class/net/ib0", "sys/class/infiniband"} {
		if err := os.RemoveAll(filepath.Join(root, gone)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, "sys/class/net/eth0/iflink", "9\n")
	n := NewNetwork(cfg)
	if got := classesOf(t, n); got["eth0"] != "uplink true" || got["tap0"] != "tun false" || got["eth1"] != "unknown false" {
		t.Errorf("classes %v", got)
	}
	want(t, mustRead(t, n), map[string]any{"node n1 network_receive_bytes": 10e6})
}

func TestNoCountedLinkIsNoFigure(t *testing.T) {
	root, cfg := fixture(t)
	dev, _ := os.ReadFile(filepath.Join(root, "proc/net/dev"))
	write(t, root, "proc/net/dev", strings.Join(strings.SplitAfter(string(dev), "\n")[:3], ""))
	if err := os.RemoveAll(filepath.Join(root, "sys/class/infiniband")); err != nil {
		t.Fatal(err)
	}
	want(t, mustRead(t, NewNetwork(cfg)), map[string]any{"node n1 network_receive_bytes": absent, "nic lo network_receive_bytes": 5000.0})
}

func TestLinksAreLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, cfg := fixture(t)
		n := NewNetwork(cfg)
		classesOf(t, n)
		entity := n.links["eth0"].entity
		write(t, root, "sys/class/net/eth0/master/device/vendor", "1\n")
		second()
		if got := classesOf(t, n); got["eth0"] != "physical true" || n.links["eth0"].entity != entity {
			t.Errorf("eth0 is %q a second later", got["eth0"])
		}
		for range 30 {
			second()
		}
		if got := classesOf(t, n); got["eth0"] != "member false" {
			t.Errorf("eth0 is %q after a while", got["eth0"])
		}
		if n.links["eth0"].entity == entity {
			t.Error("an entity whose identity changed must be a new one")
		}
	})
}

func TestLinkThatIsThereTwice(t *testing.T) {
	root, cfg := fixture(t)
	n := NewNetwork(cfg)
	all := mustRead(t, n)
	edit(t, root, "proc/net/dev", "eth1:", "eth0:")
	got, err := read(t, n)
	checkErr(t, "twice", err, "proc/net/dev: line")
	checkErr(t, "twice", err, `"eth0" is there twice`)
	if len(got) > 0 {
		t.Errorf("also %v", got)
	}
	edit(t, root, "proc/net/dev", " eth0: 2000000", " eth1: 2000000")
	if got := mustRead(t, n); len(got) < len(all) {
		t.Errorf("%d points once repaired, want %d", len(got), len(all))
	}
}

// A link may be taken away and another be given its name between two reads.
func TestLinkThatRestartsIsLookedAtAgain(t *testing.T) {
	root, cfg := fixture(t)
	n := NewNetwork(cfg)
	classesOf(t, n)
	edit(t, root, "proc/net/dev", "eth0: 10000000", "eth0: 5")
	write(t, root, "sys/class/net/eth0/phys_port_name", "pf0vf3\n")
	write(t, root, "sys/class/net/eth0/speed", "1000\n")
	if got := classesOf(t, n); got["eth0"] != "representor false" {
		t.Errorf("eth0 is %q", got["eth0"])
	}
}

func TestParseNetDev(t *testing.T) {
	const header = "Inter-| Receive | Transmit\n face |bytes packets|bytes packets\n"
	const row = "  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
	for _, c := range []struct{ name, data, err string }{
		{"good", header + row, ""},
		{"no link", header, "a link"},
		{"no blank after the name", header + "eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", ""},
		{"two colons", header + strings.Replace(row, "1 2", "1:2 2", 1), "not a number"},
		{"blank in the name", header + strings.Replace(row, "lo", "l o", 1), "no link's name"},
		{"empty", "", "two header lines"},
		{"one line", "Inter-| Receive | Transmit\n", "two header lines"},
		{"no header", row + row + row, "want a header"},
		{"no colon", header + "lo 1 2 3\n", "link: numbers"},
		{"no name", header + ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", "name"},
		{"short", header + "lo: 1 2 3\n", "3 numbers, want 16"},
		{"long", header + strings.Replace(row, "16", "16 17", 1), "17 numbers"},
		{"letters", header + strings.Replace(row, " 4 ", " 4x ", 1), "not a number"},
	} {
		_, err := parseNetDev([]byte(c.data), nil)
		checkErr(t, c.name, err, c.err)
	}
}

func TestParseIBCounter(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       uint64
		err        string
	}{
		{"words", "25\n", 100, ""},
		{"beyond 32 bits", "4294967296\n", 4 * 4294967296, ""},
		{"hexadecimal", "0x19\n", 0, "not a number"},
		{"blank", "\n", 0, "missing"},
		{"too large", "9223372036854775807\n", 0, "too large"},
		{"not available", "N/A (no PMA)\n", 0, "no counters"},
		{"at its end", "4294967295\n", 0, "no counters"},
	} {
		got, err := parseIBCounter([]byte(c.data), ibWord)
		checkErr(t, c.name, err, c.err)
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
