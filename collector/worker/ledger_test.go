package worker

import "testing"

// tree makes a machine with a watched process 10, and a source for it.
func treeMachine(t *testing.T) (*machine, *Source) {
	m := newMachine(t)
	m.put(proc{pid: 10, ppid: 1, comm: "nodemeter", start: 50, own: 500})
	m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10})
	return m, m.source(Options{RootPID: 10})
}

func cpuOf(t *testing.T, s *Source) float64 {
	t.Helper()
	w, ok := read(t, s)["run-10"]
	if !ok {
		t.Fatal("no worker run-10")
	}
	return w["worker_cpu_seconds"]
}

func TestTreeCountsDescendantsOnly(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 20, children: 5})
	m.put(proc{pid: 13, ppid: 1, comm: "other", start: 62, own: 1000})
	near(t, "CPU seconds", cpuOf(t, s), 0.35)
	v := read(t, s)["run-10"]
	near(t, "processes", v["worker_processes"], 2)
}

func TestWaitedForChildIsCountedOnce(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 100})
	near(t, "before", cpuOf(t, s), 1.10)
	m.end(12)
	m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 12, children: 130}) // 30 more ticks that nobody saw
	near(t, "after", cpuOf(t, s), 1.42)
	near(t, "and for good", cpuOf(t, s), 1.42)
}

func TestIgnoredChildKeepsWhatWasSeen(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 100})
	near(t, "before", cpuOf(t, s), 1.10)
	m.end(12) // and 11 has SIGCHLD ignored: its children's time does not grow
	near(t, "after", cpuOf(t, s), 1.10)
}

func TestChildThatWasNeverSeenIsCounted(t *testing.T) {
	m, s := treeMachine(t)
	near(t, "before", cpuOf(t, s), 0.10)
	m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 77})
	near(t, "after", cpuOf(t, s), 0.87)
}

func TestWholeBranchEnds(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 40})
	m.put(proc{pid: 13, ppid: 12, comm: "b", start: 62, own: 60})
	near(t, "before", cpuOf(t, s), 1.10)
	// 12 waits for 13, then 11 for 12: all of it is in 11's children.
	m.end(12)
	m.end(13)
	m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 105})
	near(t, "waited for", cpuOf(t, s), 1.15)
	// Another branch of which only the upper part is waited for.
	m.put(proc{pid: 14, ppid: 11, comm: "a", start: 71, own: 40})
	m.put(proc{pid: 15, ppid: 14, comm: "b", start: 72, own: 60})
	near(t, "second branch", cpuOf(t, s), 2.15)
	m.end(14)
	m.end(15)
	m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 146})
	near(t, "half of it waited for", cpuOf(t, s), 2.16)
}

func TestOneOfTwoWasWaitedFor(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 60})
	m.put(proc{pid: 13, ppid: 11, comm: "b", start: 62, own: 100})
	near(t, "before", cpuOf(t, s), 1.70)
	m.end(12)
	m.end(13)
	m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 105})
	near(t, "after", cpuOf(t, s), 0.10+1.05+0.60)
}

func TestOrphanStays(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "daemon", start: 61, own: 40})
	near(t, "before", cpuOf(t, s), 0.50)
	m.end(11)
	m.put(proc{pid: 10, ppid: 1, comm: "nodemeter", start: 50, own: 500, children: 10})
	m.put(proc{pid: 12, ppid: 1, comm: "daemon", start: 61, own: 45})
	near(t, "after its parent's end", cpuOf(t, s), 0.55)
	m.end(12)
	near(t, "after its own", cpuOf(t, s), 0.55)
}

func TestNumberGivenToAnother(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 40})
	near(t, "before", cpuOf(t, s), 0.50)
	m.put(proc{pid: 12, ppid: 1, comm: "stranger", start: 500, own: 9000})
	near(t, "after", cpuOf(t, s), 0.50)
}

// TestFoundLateIsNoBurst: what a process used before it was found is counted, and is
// not the load of the interval in which it was.
func TestFoundLateIsNoBurst(t *testing.T) {
	for _, before := range []bool{true, false} {
		m, s := treeMachine(t)
		cpuOf(t, s)
		m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 4000})
		st, err := s.files.stat(12)
		if err != nil {
			t.Fatal(err)
		}
		s.ledger.join(&st, s.ledger.byPID[11].owner, before)
		w := read(t, s)["run-10"]
		near(t, "CPU seconds", w["worker_cpu_seconds"], 40.10)
		if cores := w["worker_cpu_cores"]; (cores == 0) != before {
			t.Errorf("there before: %v; %v cores busy", before, cores)
		}
	}
}

// TestGroupSharedWithAnother: Slurm gives the tasks of a step one process group, and
// its leader is no parent of what another task of it starts.
func TestGroupSharedWithAnother(t *testing.T) {
	m := newMachine(t)
	m.put(proc{pid: 40, ppid: 1, comm: "slurmstepd", start: 90})
	m.put(proc{pid: 50, ppid: 40, group: 50, comm: "dask", start: 100, args: []string{"python3", "/usr/bin/dask", "worker", "tcp://a:1"}})
	m.put(proc{pid: 51, ppid: 40, group: 50, comm: "solver", start: 100, args: []string{"/opt/solver"}})
	s := m.source(Options{})
	read(t, s)
	m.put(proc{pid: 52, ppid: 51, group: 50, comm: "helper", start: 200, own: 1000, args: []string{"/opt/helper"}})
	m.put(proc{pid: 53, ppid: 1, group: 50, comm: "orphan", start: 201, own: 300, args: []string{"/opt/orphan"}}) // its parent is gone
	read(t, s)
	near(t, "CPU seconds", read(t, s)["dask-50-2s"]["worker_cpu_seconds"], 3)
}

func TestNeverStepsBack(t *testing.T) {
	m, s := treeMachine(t)
	near(t, "before", cpuOf(t, s), 0.10)
	m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 3})
	near(t, "after", cpuOf(t, s), 0.10)
}

func TestTheAgentIsNobodys(t *testing.T) {
	m := newMachine(t)
	m.put(proc{pid: 10, ppid: 1, comm: "nodemeter", start: 50})
	m.put(proc{pid: 20, ppid: 10, comm: "nodemeterd", start: 51, own: 700})
	m.put(proc{pid: 21, ppid: 20, comm: "nodemeterd", start: 52, own: 700})
	s := m.source(Options{RootPID: 10})
	s.o.Self = 20
	v := read(t, s)["run-10"]
	near(t, "CPU seconds", v["worker_cpu_seconds"], 0)
	near(t, "processes", v["worker_processes"], 0)
}

func TestSharedMemoryIsCountedOnce(t *testing.T) {
	m := newMachine(t)
	m.put(proc{pid: 10, ppid: 1, comm: "nodemeter", start: 50})
	m.put(proc{pid: 11, ppid: 10, comm: "a", start: 60, pages: 100, shared: 80, threads: 4})
	m.put(proc{pid: 12, ppid: 11, comm: "b", start: 61, pages: 110, shared: 80, threads: 2})
	s := m.source(Options{RootPID: 10})
	v := read(t, s)["run-10"]
	near(t, "memory", v["worker_memory_bytes"], float64((20+30+80)*s.pages))
	near(t, "threads", v["worker_threads"], 6)
}

func TestMemoryIsBoundedWhileProcessesComeAndGo(t *testing.T) {
	m, s := treeMachine(t)
	for i := range 300 {
		m.put(proc{pid: 100 + i, ppid: 11, comm: "x", start: 100 + i, own: 1})
		cpuOf(t, s)
		m.end(100 + i)
		m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: i + 1})
	}
	near(t, "CPU seconds", cpuOf(t, s), 0.10+3.00)
	if n := len(s.ledger.byPID) + len(s.sight.known) + len(s.sight.queue) + len(s.sight.again); n > 20 {
		t.Errorf("%d processes are remembered after all have ended", n)
	}
}

// round reads a tree as update does, with changes meanwhile: after[pid] happens
// when that process has been read.
func round(t *testing.T, s *Source, after map[int]func()) float64 {
	t.Helper()
	l := s.ledger
	l.ended = l.ended[:0]
	l.round++
	for pid := range 100 {
		p := l.byPID[pid]
		if p == nil {
			continue
		}
		if err := l.visit(p); err != nil {
			t.Fatal(err)
		}
		if change := after[pid]; change != nil {
			change()
		}
	}
	l.settle()
	l.sum()
	return float64(s.workers[0].tree.total()) / 100
}

// TestChildrenThatEndWhileOthersAreRead: whichever of a child and its parent
// was read before the child ended, its time is counted once.
func TestChildrenThatEndWhileOthersAreRead(t *testing.T) {
	m, s := treeMachine(t)
	shell := func(children int) { m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: children}) }
	m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 100})
	m.put(proc{pid: 13, ppid: 11, comm: "b", start: 62, own: 200})
	m.put(proc{pid: 14, ppid: 11, comm: "c", start: 63, own: 300})
	near(t, "before", cpuOf(t, s), 0.10+6.00)
	near(t, "12 after its parent was read", round(t, s, map[int]func(){11: func() {
		m.end(12)
		shell(110) // 10 ticks that nobody saw
	}}), 0.10+6.00)
	near(t, "13 too, 14 after it was read itself", round(t, s, map[int]func(){
		11: func() { m.end(13) },
		14: func() { m.end(14); shell(630) }, // 20 and 10 more
	}), 0.10+6.00)
	near(t, "all waited for", round(t, s, nil), 0.10+6.30)
	near(t, "and for good", cpuOf(t, s), 0.10+6.30)
}

// TestAParentThatEndsWhileItsChildrenAreRead: it was there when it was read, and
// has ended when it is asked about the child that is missing.
func TestAParentThatEndsWhileItsChildrenAreRead(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "make", start: 61, own: 50})
	m.put(proc{pid: 13, ppid: 12, comm: "cc", start: 62, own: 200})
	near(t, "before", cpuOf(t, s), 0.10+0.50+2.00)
	near(t, "both end", round(t, s, map[int]func(){12: func() {
		m.end(12)
		m.end(13)
		m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 270})
	}}), 0.10+2.50)
	near(t, "and for good", cpuOf(t, s), 0.10+2.70)
}

// TestAParentIsReadFirst: a child that ends once it was read is missing in the
// round in which its parent's children have grown, and in that one only.
func TestAParentIsReadFirst(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 9, ppid: 11, comm: "a", start: 61, own: 200})
	near(t, "before", cpuOf(t, s), 0.10+2.00)
	near(t, "it ends", round(t, s, map[int]func(){9: func() {
		m.end(9)
		m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 210})
	}}), 0.10+2.00)
	near(t, "missing", cpuOf(t, s), 0.10+2.10)
}

// TestAParentThatWaitedForSomeAndEnded: what it had counted when it was read is
// in its own time, the rest in what it is waited for with.
func TestAParentThatWaitedForSomeAndEnded(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "make", start: 61, own: 1})
	m.put(proc{pid: 13, ppid: 12, comm: "cc", start: 62, own: 320})
	m.put(proc{pid: 14, ppid: 12, comm: "cc", start: 63, own: 340})
	near(t, "before", cpuOf(t, s), 0.10+0.01+6.60)
	m.end(13)
	m.put(proc{pid: 12, ppid: 11, comm: "make", start: 61, own: 1, children: 343})
	near(t, "all end", round(t, s, map[int]func(){12: func() {
		m.end(12)
		m.end(14)
		m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 684})
	}}), 0.10+6.64) // 20 ticks that nobody saw come with the next round
	near(t, "and for good", cpuOf(t, s), 0.10+6.84)
}

// TestGrandchildOfAnIgnoredChild: nobody waited for its parent, so that what
// the grandparent counted is not its time.
func TestGrandchildOfAnIgnoredChild(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 40})
	m.put(proc{pid: 13, ppid: 12, comm: "b", start: 62, own: 30})
	near(t, "before", cpuOf(t, s), 0.80)
	m.end(12)
	m.end(13)
	m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 35}) // of others, never seen
	near(t, "after", cpuOf(t, s), 0.80+0.35)
}

// TestAPipelineThatEndsWhileItIsRead: one part is missing, the other was read
// when it was still there, and their shell ends before it is asked.
func TestAPipelineThatEndsWhileItIsRead(t *testing.T) {
	m, s := treeMachine(t)
	m.put(proc{pid: 12, ppid: 11, comm: "sh -c", start: 61, own: 5})
	m.put(proc{pid: 13, ppid: 12, comm: "a", start: 62, own: 200})
	m.put(proc{pid: 14, ppid: 12, comm: "b", start: 63, own: 300})
	near(t, "before", cpuOf(t, s), 0.10+5.05)
	near(t, "all end", round(t, s, map[int]func(){
		12: func() { m.end(13) },
		14: func() {
			m.end(12)
			m.end(14)
			m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: 515})
		},
	}), 0.10+5.05)
	near(t, "missing", cpuOf(t, s), 0.10+5.15)
}

// TestNumberGivenToAnotherOfTheTree: before the first was missed.
func TestNumberGivenToAnotherOfTheTree(t *testing.T) {
	for _, waited := range []int{0, 40} {
		m, s := treeMachine(t)
		m.put(proc{pid: 12, ppid: 11, comm: "a", start: 61, own: 40})
		near(t, "before", cpuOf(t, s), 0.50)
		m.put(proc{pid: 11, ppid: 10, comm: "sh", start: 60, own: 10, children: waited})
		m.put(proc{pid: 12, ppid: 11, comm: "b", start: 500, own: 7})
		st, err := s.files.stat(12)
		if err != nil {
			t.Fatal(err)
		}
		s.adopt(&st, false)
		near(t, "after", cpuOf(t, s), 0.57)
		near(t, "and for good", cpuOf(t, s), 0.57)
	}
}
