package host

import (
	"testing"
	"testing/synctest"
)

func TestLinkSpeed(t *testing.T) {
	for _, c := range []struct {
		speed, class string
		want         int64
	}{
		{"25000\n", classPhysical, 25e9 / 8}, {"400000\n", classBond, 400e9 / 8}, {"2500\n", classMember, 2500e6 / 8},
		{"-1\n", classPhysical, 0}, {"4294967295\n", classPhysical, 0}, {"0\n", classPhysical, 0}, {"fast\n", classPhysical, 0}, {"", classPhysical, 0},
		{"10000\n", classUplink, 0}, {"10000\n", classVirtual, 0}, {"10\n", classTun, 0}, {"10000\n", classUnknown, 0},
	} {
		sys := t.TempDir()
		if c.speed != "" {
			write(t, sys, "x0/speed", c.speed)
		}
		if got := linkSpeed(sys, "x0", c.class); got != c.want {
			t.Errorf("%s link with speed %q: %d, want %d", c.class, c.speed, got, c.want)
		}
	}
}

func TestPortSpeed(t *testing.T) {
	const active = "4: ACTIVE"
	for _, c := range []struct {
		rate, state string
		want        int64
	}{
		{"100 Gb/sec (4X EDR)", active, 100e9 / 8}, {"2.5 Gb/sec (1X SDR)", active, 2.5e9 / 8}, {"400 Gb/sec (4X NDR)", active, 400e9 / 8},
		{"10 Gb/sec (4X SDR)", "1: DOWN", 0}, {"10 Gb/sec (4X SDR)", "2: INIT", 0}, {"10 Gb/sec (4X SDR)", "", 0},
		{"", active, 0}, {"0 Gb/sec", active, 0}, {"-1 Gb/sec", active, 0}, {"NaN Gb/sec", active, 0}, {"1e30 Gb/sec", active, 0},
		{"fast", active, 0}, {"100", active, 0},
	} {
		dir := t.TempDir()
		write(t, dir, "rate", c.rate+"\n")
		write(t, dir, "state", c.state+"\n")
		if got := portSpeed(dir); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.rate, c.state, got, c.want)
		}
	}
}

// The busier direction of the busiest counted link, against its speed.
func TestUtilizationOfLinks(t *testing.T) {
	_, after, err := step(t, func(root string) {
		write(t, root, "sys/class/net/eth1/speed", "10\n") // seen in half a minute
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, after, map[string]any{
		"nic eth0 network_util": 10.0 / 25e3, "nic mlx5_0:1 network_util": 1000.0 / 200e3, "nic eth1 network_util": absent,
		"node n1 network_busiest_util": 1000.0 / 200e3,
	})
	for speed, util := range map[string]any{"20": 0.5, "10": 1.0, "1": 1.0, "-1": absent} {
		synctest.Test(t, func(t *testing.T) {
			root, cfg := fixture(t)
			write(t, root, "sys/class/net/eth0/speed", speed+"\n")
			write(t, root, "sys/class/net/tap0/speed", "1\n")
			n := NewNetwork(cfg)
			want(t, mustRead(t, n), map[string]any{"nic eth0 network_util": absent, "node n1 network_busiest_util": absent})
			second()
			overlay(t, root, "proc1")
			node := util
			if node == absent {
				node = 1000.0 / 200e3
			}
			want(t, mustRead(t, n), map[string]any{"nic eth0 network_util": util, "node n1 network_busiest_util": node, "nic tap0 network_util": absent})
		})
	}
}

func TestSpeedIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, cfg := fixture(t)
		n := NewNetwork(cfg)
		want(t, mustRead(t, n), map[string]any{"nic eth0 network_speed_bytes": 25e9 / 8, "nic mlx5_0:1 network_speed_bytes": 200e9 / 8,
			"nic eth1 network_speed_bytes": absent, "nic veth12ab network_speed_bytes": absent})
		write(t, root, "sys/class/net/eth0/speed", "10000\n")
		write(t, root, "sys/class/infiniband/mlx5_0/ports/1/rate", "100 Gb/sec (4X EDR)\n")
		port := n.ports[0]
		second()
		want(t, mustRead(t, n), map[string]any{"nic eth0 network_speed_bytes": 25e9 / 8})
		for range 30 {
			second()
		}
		want(t, mustRead(t, n), map[string]any{"nic eth0 network_speed_bytes": 10e9 / 8, "nic mlx5_0:1 network_speed_bytes": 100e9 / 8})
		if n.ports[0] != port {
			t.Error("a port that is still there was opened anew")
		}
	})
}
