//go:build cgo

package gpu_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/gpu"
)

// TestMain lets the test binary be the reader, as the agent's binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "gpu-reader" {
		os.Exit(gpu.ReaderMain(os.Args[2:], os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// guard bounds a wait for something that must happen; it is never waited out
// by a test that passes.
const guard = 30 * time.Second

// fakeLibrary builds the stand-in for libnvidia-ml.so.1, without some groups
// of functions.
func fakeLibrary(t testing.TB, without ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	args := []string{"-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", path, "testdata/fake_nvml.c", "-lpthread"}
	for _, w := range without {
		args = append(args, "-DWITHOUT_"+w)
	}
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("build the stand-in library: %v\n%s", err, out)
	}
	return path
}

// rig is a Source with the stand-in library, driven tick by tick.
type rig struct {
	t      testing.TB
	script string
	log    *logBuffer
	node   *metric.Entity
	opt    gpu.Options
	src    *gpu.Source
	batch  metric.Batch
	ticks  int
}

// newRig prepares a rig; change its opt before start.
func newRig(t testing.TB, library string) *rig {
	r := &rig{t: t, script: filepath.Join(t.TempDir(), "script"), log: &logBuffer{}, node: &metric.Entity{Kind: metric.Node, ID: "n1"}}
	r.opt = gpu.Options{
		Node: r.node, Library: library, Root: t.TempDir(), Executable: "/proc/self/exe",
		Log:  slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Wait: 400 * time.Millisecond, LookEvery: 10 * time.Millisecond, Restart: 10 * time.Millisecond, Repair: 20 * time.Millisecond,
		Medium: time.Millisecond, Slow: time.Millisecond, Rescan: 5 * time.Millisecond,
		// The race detector would hold up a reader that leaves for as long as it is given to leave.
		Env: append(os.Environ(), "NODEMETER_FAKE_NVML="+r.script, "GORACE=atexit_sleep_ms=0"),
	}
	r.set("count 8")
	return r
}

func (r *rig) start() *rig {
	r.src = gpu.New(r.opt)
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), guard)
		defer cancel()
		if err := r.src.Close(ctx); err != nil {
			r.t.Errorf("close: %v", err)
		}
		if r.t.Failed() {
			r.t.Logf("log:\n%s", r.log)
		}
	})
	return r
}

// set replaces the script of the stand-in library.
func (r *rig) set(lines ...string) {
	r.t.Helper()
	tmp := r.script + ".new"
	if err := os.WriteFile(tmp, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(tmp, r.script); err != nil {
		r.t.Fatal(err)
	}
}

// tick is one Read; what was read is valid until the next.
func (r *rig) tick() (view, error) {
	r.batch.Reset()
	r.ticks++
	err := r.src.Read(context.Background(), &r.batch)
	return view{r.batch.Readings()}, err
}

// until ticks until what was read satisfies ok, at most until the guard.
func (r *rig) until(what string, ok func(view) bool) view {
	r.t.Helper()
	deadline := time.Now().Add(guard)
	for time.Now().Before(deadline) {
		if v, _ := r.tick(); ok(v) {
			return v
		}
	}
	v, err := r.tick()
	r.t.Fatalf("%s: not within %v; last read: %v (error %v)\nlog:\n%s", what, guard, v, err, r.log)
	return view{}
}

// view looks into what was read.
type view struct{ readings []metric.Reading }

func (v view) of(kind metric.EntityKind, id string) *metric.Reading {
	for i := range v.readings {
		if e := v.readings[i].Entity; e.Kind == kind && e.ID == id {
			return &v.readings[i]
		}
	}
	return &metric.Reading{Entity: &metric.Entity{}}
}

func (v view) gpu(i int) *metric.Reading {
	return v.of(metric.GPU, fmt.Sprintf("GPU-0000000%d-fake", i))
}

// node is the name of the node's GPU state.
func (v view) node() string {
	p, _ := v.of(metric.Node, "n1").Get("gpu_state")
	return p.StateName()
}

// states lists the GPUs' states in order: "ok ok hung …".
func (v view) states() string {
	var all []string
	for i := range v.readings {
		if v.readings[i].Entity.Kind == metric.GPU {
			p, _ := v.readings[i].Get("gpu_state")
			all = append(all, p.StateName())
		}
	}
	return strings.Join(all, " ")
}

func (v view) String() string {
	var b strings.Builder
	for _, r := range v.readings {
		fmt.Fprintf(&b, "\n%s %s:", r.Entity.Kind, r.Entity.ID)
		for _, p := range r.Points {
			if n := p.StateName(); n != "" {
				fmt.Fprintf(&b, " %s=%s", p.Desc.Column, n)
			} else {
				fmt.Fprintf(&b, " %s=%v", p.Desc.Column, p.Float())
			}
		}
	}
	return b.String()
}

// value is a point's number; the test fails where there is none.
func value(t testing.TB, r *metric.Reading, column string) float64 {
	t.Helper()
	p, ok := r.Get(column)
	if !ok {
		t.Errorf("%s %s has no %s", r.Entity.Kind, r.Entity.ID, column)
		return 0
	}
	return p.Float()
}

// absent fails the test where a reading has a point of the column.
func absent(t testing.TB, r *metric.Reading, columns ...string) {
	t.Helper()
	for _, c := range columns {
		if p, ok := r.Get(c); ok {
			t.Errorf("%s %s has %s = %v; it must be absent", r.Entity.Kind, r.Entity.ID, c, p.Float())
		}
	}
}

// logBuffer is a log that may be read while written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// count is how many lines contain s.
func (l *logBuffer) count(s string) int {
	n := 0
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, s) {
			n++
		}
	}
	return n
}
