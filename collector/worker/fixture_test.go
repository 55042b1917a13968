package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// machine is a root directory with a proc and a sys that tests write.
type machine struct {
	t    testing.TB
	root string
}

// proc is one process of a machine.
type proc struct {
	pid, ppid     int
	comm          string
	args          []string
	own, children int // ticks, as user time
	start         int
	group         int
	pages, shared int
	threads       int
	cgroup        string // contents of /proc/PID/cgroup
	environ       string
}

func newMachine(t testing.TB) *machine {
	m := &machine{t: t, root: t.TempDir()}
	m.write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\nbtime 1000000\n")
	m.write("proc/meminfo", "MemTotal:        1000000 kB\n")
	m.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n")
	m.put(proc{pid: 1, comm: "init"})
	return m
}

func (m *machine) write(name, contents string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(contents), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) remove(name string) {
	m.t.Helper()
	if err := os.RemoveAll(filepath.Join(m.root, name)); err != nil {
		m.t.Fatal(err)
	}
}

// put starts or changes a process.
func (m *machine) put(p proc) {
	m.t.Helper()
	if p.group == 0 {
		p.group = p.pid
	}
	dir := "proc/" + strconv.Itoa(p.pid) + "/"
	m.write(dir+"stat", statLine(p))
	m.write(dir+"statm", fmt.Sprintf("%d %d %d 1 0 1 0\n", 2*p.pages, p.pages, p.shared))
	m.write(dir+"cmdline", strings.Join(p.args, "\x00")+"\x00")
	m.write(dir+"io", fmt.Sprintf("rchar: 9\nread_bytes: %d\nwrite_bytes: %d\n", 4096*p.own, 8192*p.own))
	m.write(dir+"cgroup", p.cgroup)
	m.write(dir+"environ", p.environ)
}

func (m *machine) end(pid int) { m.remove("proc/" + strconv.Itoa(pid)) }

// statLine is /proc/PID/stat with all of its fields.
func statLine(p proc) string {
	return fmt.Sprintf("%d (%s) S %d %d %d 0 -1 4194304 0 0 0 0 %d 0 %d 0 20 0 %d 0 %d 1000000 %d 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		p.pid, p.comm, p.ppid, p.group, p.group, p.own, p.children, max(p.threads, 1), p.start, p.pages)
}

// source makes a Source that looks for workers on every read.
func (m *machine) source(o Options) *Source {
	o.Root, o.Discover, o.Self = m.root, time.Nanosecond, 999999
	if o.Node == nil {
		o.Node = &metric.Entity{Kind: metric.Node, ID: "vm"}
	}
	return New(o)
}

// read reads once and returns the workers' values by id and column, and the node's under "".
func read(t testing.TB, s *Source) map[string]map[string]float64 {
	t.Helper()
	var b metric.Batch
	if err := s.Read(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if b.Rejected() > 0 {
		t.Errorf("%d points were refused", b.Rejected())
	}
	return values(&b)
}

func values(b *metric.Batch) map[string]map[string]float64 {
	out := map[string]map[string]float64{}
	for _, r := range b.Readings() {
		id := r.Entity.ID
		if r.Entity.Kind == metric.Node {
			id = ""
		}
		out[id] = map[string]float64{}
		for _, p := range r.Points {
			out[id][p.Desc.Column] = p.Float()
		}
	}
	return out
}

// info returns a worker's identity.
func info(t testing.TB, s *Source, id string) map[string]string {
	t.Helper()
	for _, w := range s.workers {
		if w.entity.ID == id {
			out := map[string]string{}
			for _, l := range w.entity.Info {
				out[l.Name] = l.Value
			}
			return out
		}
	}
	t.Fatalf("no worker %s", id)
	return nil
}

func near(t testing.TB, what string, got, want float64) {
	t.Helper()
	if got < want-1e-9 || got > want+1e-9 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
