package worker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"nodemeter/collector/metric"
)

// BenchmarkJobs is a tick between two searches with ten Slurm jobs, in real
// control groups: it needs root.
func BenchmarkJobs(b *testing.B) {
	m := newMachine(b)
	own, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		b.Fatal(err)
	}
	at := parseMounts(own)
	if len(at.controller) == 0 {
		m.hierarchy("", at.unified, "cgroup2 /cg/ cgroup2 rw 0 0\n")
	} else {
		lines := ""
		for _, c := range []string{"cpuacct", "memory", "devices", "freezer"} {
			lines += fmt.Sprintf("cgroup /cg/%s cgroup rw,%s 0 0\n", c, c)
			m.hierarchy(c, at.controller[c], lines)
		}
	}
	s := m.source(Options{})
	defer s.Close()
	write(b, s, 2000)
	if len(s.workers) != 10 {
		b.Fatalf("%d jobs found", len(s.workers))
	}
	s.o.Discover = 1 << 62
	var batch metric.Batch
	if err := s.Read(context.Background(), &batch); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	readAll(b, s)
}

// hierarchy makes ten jobs, a process in each, below a group of its own of a
// real hierarchy, which the machine has as its /cg/CONTROLLER.
func (m *machine) hierarchy(controller, at, mounts string) {
	m.write("proc/self/mounts", mounts)
	top := filepath.Join(at, "nodemeter-bench-"+strconv.Itoa(os.Getpid()))
	link := filepath.Join(m.root, "cg", controller)
	job := "slurm/uid_0/job_%d/step_0/task_0"
	if controller == "" {
		job = "slurmstepd.scope/job_%d/step_0/user/task_0"
	}
	m.must(os.MkdirAll(filepath.Dir(link), 0o755))
	m.must(os.Symlink(top, link))
	for n := range 10 {
		dir := filepath.Join(top, fmt.Sprintf(job, n+1))
		m.must(os.MkdirAll(dir, 0o755))
		p := exec.Command("sleep", "1000")
		m.must(p.Start())
		m.t.Cleanup(func() { // the last group first, each when it is empty
			_ = p.Process.Kill()
			_ = p.Wait()
			for d := dir; d != filepath.Dir(top) && os.Remove(d) == nil; d = filepath.Dir(d) {
			}
		})
		m.must(os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(p.Process.Pid)), 0))
	}
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}
