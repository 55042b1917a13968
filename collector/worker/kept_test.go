package worker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// held is a job whose processor time is a file of a real process, which the
// kernel ends as it does a control group's: a kept descriptor fails from then on.
type held struct {
	m       *machine
	process *exec.Cmd
}

const (
	heldJob  = "sys/fs/cgroup/cpu,cpuacct/slurm/uid_1000/job_7"
	heldFile = heldJob + "/cpuacct.usage"
)

// begin makes the job anew; ns is what it has used.
func (h *held) begin(ns int) {
	h.m.t.Helper()
	h.process = exec.Command("sleep", "1000")
	if err := h.process.Start(); err != nil {
		h.m.t.Fatal(err)
	}
	h.m.t.Cleanup(h.end)
	file := fmt.Sprintf("/proc/%d/oom_score_adj", h.process.Process.Pid)
	if err := os.WriteFile(file, []byte(strconv.Itoa(ns)), 0); err != nil {
		h.m.t.Fatal(err)
	}
	h.m.job1("slurm", "job_7", 0, 50)
	h.m.remove(heldFile)
	if err := os.Symlink(file, filepath.Join(h.m.root, heldFile)); err != nil {
		h.m.t.Fatal(err)
	}
}

func (h *held) end() {
	_ = h.process.Process.Kill() // an error is that it is over already
	_ = h.process.Wait()
	h.m.remove(heldJob)
}

func newHeld(t *testing.T) *held {
	h := &held{m: newMachine(t)}
	h.m.write("proc/self/mounts", v1Mounts)
	h.begin(500)
	return h
}

func TestKeptFileOfAJobThatEnds(t *testing.T) {
	h := newHeld(t)
	s := h.m.source(Options{})
	near(t, "used", read(t, s)["slurm-7"]["worker_cpu_seconds"], 500e-9)
	if len(s.files.kept) != 1 {
		t.Fatalf("%d files are kept, want the job's processor time", len(s.files.kept))
	}
	onlyTicks(s)
	file := fmt.Sprintf("/proc/%d/oom_score_adj", h.process.Process.Pid)
	if err := os.WriteFile(file, []byte("700"), 0); err != nil {
		t.Fatal(err)
	}
	near(t, "used since", read(t, s)["slurm-7"]["worker_cpu_seconds"], 700e-9)
	k := s.files.kept[filepath.Join(h.m.root, heldFile)]
	h.end()
	noted(t, s, "job_7", true)
	last := read(t, s)["slurm-7"]
	near(t, "in all", last["worker_cpu_seconds"], 700e-9)
	if last["worker_end_seconds"] == 0 || len(s.files.kept) != 0 {
		t.Errorf("at the end %v, %d files kept", last, len(s.files.kept))
	}
	if err := k.file.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("its descriptor was not closed: %v", err)
	}
}

func TestKeptFileOfAJobMadeAnew(t *testing.T) {
	h := newHeld(t)
	s := h.m.source(Options{})
	read(t, s)
	h.end()
	h.begin(900) // between two ticks
	near(t, "of the new one", read(t, s)["slurm-7"]["worker_cpu_seconds"], 900e-9)
	if len(s.files.kept) != 1 {
		t.Errorf("%d files are kept, want that of the new one", len(s.files.kept))
	}
}

func TestKeptFilesAreBounded(t *testing.T) {
	f := newFiles("")
	if f.mostKept < 1 || f.mostKept > maxKept {
		t.Fatalf("%d may be kept", f.mostKept)
	}
	f.mostKept = 2
	t.Cleanup(func() { f.tick++; f.closeUnread() })
	read := func(names ...string) {
		for _, name := range names {
			f.name = append(f.name[:0], "/proc/self/"+name...)
			if b, err := f.readKept(); (err != nil || len(b) == 0) != (name == "no_such_file") {
				t.Errorf("%s: %q, %v", name, b, err)
			}
		}
	}
	for range 2 {
		read("stat", "statm", "status", "limits", "no_such_file")
	}
	if n := openOfProcess(t); len(f.kept) != 2 || n != 2 {
		t.Errorf("%d files are kept and %d are open, want 2", len(f.kept), n)
	}
	f.tick++
	read("statm")
	if f.closeUnread(); len(f.kept) != 1 || openOfProcess(t) != 1 {
		t.Errorf("%d files are kept and %d are open after a tick that reads one", len(f.kept), openOfProcess(t))
	}
	read("stat", "status")
	if f.kept["/proc/self/stat"] == nil || openOfProcess(t) != 2 {
		t.Errorf("what was closed makes no room: %v", f.kept)
	}
}

// openOfProcess counts the files of its own process's directory that it has open.
func openOfProcess(t *testing.T) (n int) {
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		file, err := os.Readlink(l) // an error: it was that of the listing
		if err == nil && filepath.Dir(file) == fmt.Sprintf("/proc/%d", os.Getpid()) {
			n++
		}
	}
	return n
}

func TestKeptFilesOfAProcess(t *testing.T) {
	p := exec.Command("sleep", "1000")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() {
		_ = p.Process.Kill() // an error is that it is over already
		_ = p.Wait()
	}
	t.Cleanup(end)
	l := newLedger(newFiles(""))
	st, err := l.files.stat(p.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	a := &account{}
	l.join(&st, a, true)
	for range 2 {
		if err := l.update(); err != nil || a.members != 1 || len(l.files.kept) != 3 {
			t.Fatalf("%d members, kept %v, %v", a.members, l.files.kept, err)
		}
	}
	end()
	l.files.tick++
	err = l.update()
	l.files.closeUnread()
	if err != nil || a.members != 0 || l.gone != 1 || len(l.files.kept) != 0 {
		t.Errorf("after its end %d members, kept %v, %v", a.members, l.files.kept, err)
	}
	l.files.mostKept = 3 // of which processes get the smaller half
	for _, pid := range []int{os.Getpid(), os.Getppid()} {
		if _, err := l.files.statKept(pid); err != nil {
			t.Error(err)
		}
	}
	if len(l.files.kept) != 1 {
		t.Errorf("processes keep %d files, want 1 of 3", len(l.files.kept))
	}
}

// What is no file of the kernel's would be read after it was removed.
func TestOtherFilesAreNotKept(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	s := m.source(Options{})
	read(t, s)
	if len(s.files.kept) != 0 {
		t.Errorf("kept: %v", s.files.kept)
	}
}
