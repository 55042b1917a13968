package worker

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// noted waits until the kernel has told of n more events.
func noted(t *testing.T, s *Source, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // bounds a test that fails
	defer cancel()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	e := s.groups.edges
	for {
		e.mu.Lock()
		have := len(e.happened)
		e.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("the kernel told of %d events, want %d", have, n)
		}
	}
}

// A job that begins and ends between two ticks is recorded with its start, its
// end and what it used.
func TestJobShorterThanATick(t *testing.T) {
	for _, c := range []struct{ mounts, root, job, id string }{
		{v2Mounts, "sys/fs/cgroup/system.slice/slurmstepd.scope", "job_8", "slurm-8"},
		{"cgroup /sys/fs/cgroup/cpuacct cgroup rw,cpuacct 0 0\n", "sys/fs/cgroup/cpuacct/slurm_n1", "uid_1000/job_8", "slurm-8@n1"},
	} {
		t.Run(c.id, func(t *testing.T) {
			m := newMachine(t)
			m.write("proc/self/mounts", c.mounts)
			total := func(hundredths int) {
				m.write(c.root+"/cpu.stat", fmt.Sprintf("usage_usec %d\n", hundredths*10_000))
				m.write(c.root+"/cpuacct.usage", fmt.Sprintf("%d\n", hundredths*10_000_000))
			}
			total(100)
			s := m.source(Options{})
			defer s.Close()
			read(t, s)
			s.searched, s.o.Discover = time.Now(), 1<<62 // ticks only
			before := time.Now()
			m.write(c.root+"/"+c.job+"/cgroup.procs", "")
			noted(t, s, 1)
			m.remove(c.root + "/" + c.job)
			noted(t, s, 2)
			after := time.Now()
			total(130)
			w := read(t, s)[c.id]
			near(t, "CPU seconds", w["worker_cpu_seconds"], 0.30)
			start, end := w["worker_start_seconds"], w["worker_end_seconds"]
			if lo, hi := seconds(before), seconds(after); !(lo <= start && start <= end && end <= hi) {
				t.Errorf("from %v to %v, want both between %v and %v", start, end, lo, hi)
			}
			if v := read(t, s); v[c.id] != nil || v[""]["worker_count"] != 0 {
				t.Errorf("it is still there: %v", v)
			}
		})
	}
}

// Between searches jobs are listed only when the kernel told of a change; a job
// that is there longer has the kernel's times too.
func TestEdgesOfAJob(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	const scope = "sys/fs/cgroup/system.slice/slurmstepd.scope"
	m.write(scope+"/cpu.stat", "usage_usec 0\n")
	s := m.source(Options{})
	defer s.Close()
	read(t, s)
	s.searched, s.o.Discover = time.Now(), 1<<62
	before := time.Now()
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	noted(t, s, 1)
	made := time.Now()
	w := read(t, s)["slurm-7"]
	near(t, "CPU seconds", w["worker_cpu_seconds"], 3)
	if got := w["worker_start_seconds"]; got < seconds(before) || got > seconds(made) {
		t.Errorf("start %v, want between %v and %v", got, seconds(before), seconds(made))
	}
	if r := s.groups.roots[0]; !r.watched || r.changed {
		t.Errorf("its slurmd's root: %+v", r)
	}
	m.remove(scope + "/job_7")
	noted(t, s, 1)
	gone := time.Now()
	m.write("proc/uptime", "") // time passes until the tick
	end := read(t, s)["slurm-7"]["worker_end_seconds"]
	if end < seconds(made) || end > seconds(gone) {
		t.Errorf("end %v, want between %v and %v", end, seconds(made), seconds(gone))
	}
}

// What is told and not kept makes everything be listed.
func TestTooManyEdges(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	s := m.source(Options{})
	defer s.Close()
	read(t, s)
	s.searched, s.o.Discover = time.Now(), 1<<62
	e := s.groups.edges
	e.mu.Lock()
	e.lost = true
	e.mu.Unlock()
	m.remove("sys/fs/cgroup/system.slice/slurmstepd.scope/job_7")
	if w := read(t, s)["slurm-7"]; w["worker_end_seconds"] == 0 {
		t.Errorf("a job that is gone has no end: %v", w)
	}
}

// Where the kernel tells nothing, jobs are listed at every tick.
func TestWithoutEdges(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	s := m.source(Options{})
	s.groups.edges = &edges{}
	read(t, s)
	s.searched, s.o.Discover = time.Now(), 1<<62
	m.job2("slurmstepd.scope", "job_8", 100, 51)
	if v := read(t, s); v["slurm-8"] == nil {
		t.Errorf("workers %v", v)
	}
}
