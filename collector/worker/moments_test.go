package worker

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nodemeter/collector/metric"
)

// noted waits until the kernel has told that a directory was made, or removed.
func noted(t *testing.T, s *Source, name string, removed bool) {
	t.Helper()
	until(t, s, func(e *edges) bool {
		return slices.ContainsFunc(e.happened, func(what edge) bool { return what.name == name && what.removed == removed })
	})
}

// until waits for what the kernel tells.
func until(t *testing.T, s *Source, is func(e *edges) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // bounds a test that fails
	defer cancel()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	e := s.groups.edges
	for {
		e.mu.Lock()
		ok, happened := is(e), len(e.happened)
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("the kernel did not tell; %d events are kept", happened)
		}
	}
}

// onlyTicks lets a source make no search any more.
func onlyTicks(s *Source) { s.searched, s.o.Discover = time.Now(), 1<<62 }

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
			onlyTicks(s)
			before := time.Now()
			m.write(c.root+"/"+c.job+"/cgroup.procs", "")
			noted(t, s, "job_8", false)
			m.remove(c.root + "/" + c.job)
			noted(t, s, "job_8", true)
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
	onlyTicks(s)
	before := time.Now()
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	noted(t, s, "job_7", false)
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
	noted(t, s, "job_7", true)
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
	onlyTicks(s)
	e := s.groups.edges
	e.mu.Lock()
	e.lost = true
	e.mu.Unlock()
	m.remove("sys/fs/cgroup/system.slice/slurmstepd.scope/job_7")
	if w := read(t, s)["slurm-7"]; w["worker_end_seconds"] == 0 {
		t.Errorf("a job that is gone has no end: %v", w)
	}
}

// A node that was idle for long: what its slurmd used meanwhile is not the next
// job's, though that begins and ends between two ticks.
func TestShortJobAfterIdling(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	const scope = "sys/fs/cgroup/system.slice/slurmstepd.scope"
	m.write(scope+"/cpu.stat", "usage_usec 1000000\n")
	m.write(scope+"/system/cgroup.procs", "")
	s := m.source(Options{})
	defer s.Close()
	read(t, s)
	m.write(scope+"/cpu.stat", "usage_usec 10900000\n")
	read(t, s) // a search
	onlyTicks(s)
	m.write(scope+"/job_8/cgroup.procs", "")
	noted(t, s, "job_8", false)
	m.remove(scope + "/job_8")
	noted(t, s, "job_8", true)
	m.write(scope+"/cpu.stat", "usage_usec 11200000\n")
	near(t, "CPU seconds", read(t, s)["slurm-8"]["worker_cpu_seconds"], 0.30)
}

// A job that a search found before the kernel told of it, and that is requeued
// with the same number, begins when it began anew.
func TestRequeuedJob(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	const scope = "sys/fs/cgroup/system.slice/slurmstepd.scope"
	m.write(scope+"/cpu.stat", "usage_usec 0\n")
	s := m.source(Options{})
	defer s.Close()
	read(t, s)
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	noted(t, s, "job_7", false)
	late, _ := s.groups.edges.take()
	if w := read(t, s); w["slurm-7"] == nil {
		t.Fatalf("workers %v", w)
	}
	onlyTicks(s)
	e := s.groups.edges
	e.mu.Lock()
	e.happened = append(late, e.happened...)
	e.mu.Unlock()
	read(t, s)
	if n := len(s.groups.began); n > 0 {
		t.Errorf("the beginning of a job that is a worker already is kept: %d", n)
	}
	m.remove(scope + "/job_7")
	noted(t, s, "job_7", true)
	if w := read(t, s)["slurm-7"]; w["worker_end_seconds"] == 0 {
		t.Errorf("it has no end: %v", w)
	}
	again := time.Now()
	m.job2("slurmstepd.scope", "job_7", 100, 51)
	noted(t, s, "job_7", false)
	if got := read(t, s)["slurm-7"]["worker_start_seconds"]; got < seconds(again) {
		t.Errorf("start %v, want %v or later", got, seconds(again))
	}
}

// A job that is over and requeued and over again between two ticks is one
// worker; one that goes on has the time at which it began anew.
func TestRequeuedBetweenTwoTicks(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	const scope = "sys/fs/cgroup/system.slice/slurmstepd.scope"
	m.write(scope+"/cpu.stat", "usage_usec 0\n")
	s := m.source(Options{})
	defer s.Close()
	read(t, s)
	onlyTicks(s)
	for range 2 {
		m.write(scope+"/job_8/cgroup.procs", "")
		m.remove(scope + "/job_8")
	}
	until(t, s, func(e *edges) bool { return len(e.happened) == 4 })
	m.write(scope+"/cpu.stat", "usage_usec 500000\n")
	w := read(t, s)["slurm-8"]
	near(t, "CPU seconds", w["worker_cpu_seconds"], 0.50)
	if len(s.workers) > 0 || w["worker_end_seconds"] == 0 {
		t.Errorf("its end: %v", w)
	}
	m.write(scope+"/job_8/cgroup.procs", "")
	m.remove(scope + "/job_8")
	noted(t, s, "job_8", true)
	again := time.Now()
	m.job2("slurmstepd.scope", "job_8", 10, 50)
	until(t, s, func(e *edges) bool { return len(e.happened) == 3 })
	read(t, s)
	if w := s.workers[0]; w.started.Before(again) {
		t.Errorf("it began at %v, want %v or later", w.started, again)
	}
}

// A user's directory that is gone is not taken for watched, though more
// happened than is kept: one of the same name is another.
func TestDirectoryGoneWhileEdgesAreFull(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", "cgroup /sys/fs/cgroup/cpuacct cgroup rw,cpuacct 0 0\n")
	const user = "sys/fs/cgroup/cpuacct/slurm/uid_1000"
	m.write(user+"/cpuacct.usage", "0\n")
	s := m.source(Options{})
	defer s.Close()
	read(t, s)
	dir := s.files.path(user)
	e := s.groups.edges
	e.mu.Lock()
	if _, ok := e.watched[dir]; !ok {
		t.Errorf("%s is not watched", dir)
	}
	e.happened = make([]edge, maxEdges)
	e.mu.Unlock()
	m.remove(user)
	until(t, s, func(e *edges) bool { _, ok := e.watched[dir]; return !ok })
	if _, lost := e.take(); !lost {
		t.Error("that more happened is not said")
	}
	m.write(user+"/cpuacct.usage", "0\n")
	noted(t, s, "uid_1000", false)
	m.write(user+"/job_8/cgroup.procs", "")
	noted(t, s, "job_8", false)
}

// What the kernel itself lost may be that directories are gone: all are watched anew.
func TestWatchedAnewAfterOverflow(t *testing.T) {
	e := newEdges()
	defer e.close()
	dir := t.TempDir()
	if !e.watch(dir) {
		t.Fatal("the kernel refuses")
	}
	b := make([]byte, unix.SizeofInotifyEvent)
	binary.NativeEndian.PutUint32(b, ^uint32(0))
	binary.NativeEndian.PutUint32(b[4:], unix.IN_Q_OVERFLOW)
	e.note(b, time.Now())
	if _, ok := e.watched[dir]; ok {
		t.Errorf("%s counts as watched", dir)
	}
	if _, lost := e.take(); !lost || !e.watch(dir) {
		t.Errorf("lost: %v; watched again: %v", lost, e.watched)
	}
}

// A source that was given up while it read is closed meanwhile. It watches
// nothing afterwards.
func TestClosedWhileItReads(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	s := m.source(Options{})
	done := make(chan error)
	go func() {
		var b metric.Batch
		done <- s.Read(context.Background(), &b)
	}()
	s.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s.groups.edges.watch(m.root) || s.groups.edges.file != nil {
		t.Error("the kernel is waited for after the end")
	}
}

// Where the kernel tells nothing, jobs are listed at every tick.
func TestWithoutEdges(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	s := m.source(Options{})
	s.groups.edges.close() // as where the kernel refuses
	read(t, s)
	onlyTicks(s)
	m.job2("slurmstepd.scope", "job_8", 100, 51)
	if v := read(t, s); v["slurm-8"] == nil {
		t.Errorf("workers %v", v)
	}
}
