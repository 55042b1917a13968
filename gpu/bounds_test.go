package gpu

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nodemeter/collector/metric"
	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestStuckReadersAreBounded: readers that were killed and do not die, as with
// a thread stuck in the kernel, are left behind; at the limit no more is started.
func TestStuckReadersAreBounded(t *testing.T) {
	library := filepath.Join(t.TempDir(), soname)
	if err := os.WriteFile(library, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := New(Options{Node: &metric.Entity{Kind: metric.Node, ID: "n"}, Log: quiet(), Library: "/nonexistent", Root: t.TempDir(), Executable: "/bin/false", MaxAbandoned: 2})
	defer s.Close(context.Background())
	forever := func() *child {
		c := &child{exited: make(chan struct{}), quit: make(chan struct{})}
		c.stopped.Do(func() {}) // killed already
		return c
	}
	first := forever()
	s.mu.Lock()
	s.leaving = []*child{first, forever()}
	s.mu.Unlock()
	_, _, err := s.open(context.Background(), &plan{library: library, backends: "nvml"}, nil)
	if !errors.Is(err, errCrowded) {
		t.Fatalf("%v, want %v", err, errCrowded)
	}
	if n := s.Status().ReadersStuck; n != 2 {
		t.Errorf("%d stuck", n)
	}
	close(first.exited) // the kernel has let go
	_, _, err = s.open(context.Background(), &plan{library: library, backends: "nvml"}, nil)
	if err == nil || errors.Is(err, errCrowded) {
		t.Errorf("%v, want /bin/false's end", err)
	}
	if s.facts.started != 1 {
		t.Errorf("%d readers started", s.facts.started)
	}
}

// TestAskingDoesNotForgetTheDead: a reader that ended by itself is given back
// whole even when somebody asks for the status before the supervisor looks.
func TestAskingDoesNotForgetTheDead(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := New(Options{Node: &metric.Entity{Kind: metric.Node, ID: "n"}, Log: quiet(), Library: "/nonexistent", Root: t.TempDir(), Executable: "/bin/false"})
	defer s.Close(context.Background())
	c, err := start("/bin/false", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-c.exited
	s.mu.Lock()
	s.leaving = []*child{c}
	s.mu.Unlock()
	if n := s.Status().ReadersStuck; n != 0 || !c.told() {
		t.Errorf("%d stuck, its descriptors given back: %v", n, c.told())
	}
}

// TestLedgerKeepsWhatOutlivesReaders: counters, and GPUs that are no longer listed.
func TestLedgerKeepsWhatOutlivesReaders(t *testing.T) {
	l := newLedger(quiet())
	now := time.Unix(1, 0)
	inv := func(uuids ...string) *wire.Inventory {
		m := &wire.Inventory{Count: len(uuids)}
		for i, u := range uuids {
			m.Devices = append(m.Devices, wire.DeviceInfo{Info: device.Info{UUID: u, Index: i}})
		}
		return m
	}
	busy := func(slot uint16, seconds float64) *wire.Snapshot {
		return &wire.Snapshot{Devices: []wire.DeviceValues{{Slot: slot, Values: []device.Value{device.FloatValue(device.BusyDelta, seconds)}}}}
	}
	l.list(inv("a", "b"), now)
	if err := l.take(busy(1, 5), now); err != nil {
		t.Fatal(err)
	}
	l.list(inv("b"), now) // another reader: b is its first
	if err := l.take(busy(0, 2), now); err != nil {
		t.Fatal(err)
	}
	if sum := l.devices["b"].sums[device.BusyDelta]; sum != 7 {
		t.Errorf("busy %v, want 7", sum)
	}
	if s := l.devices["a"].state; s != device.StateLost {
		t.Errorf("a is %s", s)
	}
	if err := l.take(busy(1, 1), now); err == nil {
		t.Error("a device that was not listed must be refused")
	}
	l.forget()
	if len(l.order) != 1 || l.devices["a"] != nil {
		t.Error("forgotten is forgotten")
	}
}

// TestLedgerTellsAlikeChangesOnce: eight devices that fail together are one line.
func TestLedgerTellsAlikeChangesOnce(t *testing.T) {
	var b strings.Builder
	l := newLedger(slog.New(slog.NewTextHandler(&b, nil)))
	m := &wire.Inventory{}
	for _, u := range []string{"a", "b", "c"} {
		m.Devices = append(m.Devices, wire.DeviceInfo{Info: device.Info{UUID: u}})
	}
	l.list(m, time.Unix(1, 0))
	b.Reset()
	l.all(device.StateFailed, "why", time.Unix(2, 0))
	l.all(device.StateFailed, "why", time.Unix(3, 0))
	if n := strings.Count(b.String(), "\n"); n != 1 || !strings.Contains(b.String(), "gpus=a,b,c") {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

func TestFindLibrary(t *testing.T) {
	t.Setenv("LD_LIBRARY_PATH", "")
	for name, c := range map[string]struct{ dir, conf string }{
		"multiarch":       {"usr/lib/x86_64-linux-gnu", ""},
		"lib64":           {"usr/lib64", ""},
		"named by ld.so":  {"opt/vendor/lib", "# comment\n/opt/vendor/lib\n"},
		"container tools": {"usr/local/nvidia/lib64", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if got := findLibrary(root, ""); got != "" {
				t.Fatalf("found %s in an empty root", got)
			}
			write(t, filepath.Join(root, "etc/ld.so.conf.d/x.conf"), c.conf)
			want := filepath.Join(root, c.dir, soname)
			write(t, want, "")
			if got := findLibrary(root, ""); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if got := findLibrary(root, "/nonexistent/lib.so"); got != "" {
				t.Errorf("a library that was named and is missing gave way to %s", got)
			}
		})
	}
	dir := t.TempDir()
	if err := os.Symlink("/nonexistent", filepath.Join(dir, soname)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LD_LIBRARY_PATH", dir)
	if got := findLibrary(t.TempDir(), ""); got != "" {
		t.Errorf("a dangling link was taken for a library: %s", got)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBackoff(t *testing.T) {
	b := backoff{first: time.Second, most: 5 * time.Second}
	var got []time.Duration
	for range 5 {
		got = append(got, b.step())
	}
	for i, want := range []time.Duration{1, 2, 4, 5, 5} {
		if got[i] != want*time.Second {
			t.Errorf("step %d: %v, want %vs", i, got[i], int(want))
		}
	}
	b.reset()
	if b.step() != time.Second {
		t.Error("a reset backoff must begin anew")
	}
}

func TestReaderMainUsage(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-backends", "voodoo"}} {
		if code := ReaderMain(args, strings.NewReader(""), io.Discard); code != 2 {
			t.Errorf("%v: exit code %d, want 2", args, code)
		}
	}
}
