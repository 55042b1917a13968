package worker

import (
	"maps"
	"strings"
	"testing"
)

func TestResolvers(t *testing.T) {
	pattern, err := ParsePattern("solver=^/opt/solver/bin/run( |$)")
	if err != nil {
		t.Fatal(err)
	}
	raylet := []string{"/x/ray/core/src/ray/raylet/raylet", "--raylet_socket_name=/tmp/ray/s", "--node_ip_address=10.0.0.2", "--gcs-address=10.0.0.1:6379",
		"--session-name=session_1", "--static_resource_list=CPU,24,GPU,4,object_store_memory,9", "--python_worker_command=python default_worker.py"}
	for _, c := range []struct {
		comm, args string
		want       string // engine, then labels
	}{
		{"python3", "/usr/bin/python3|/usr/bin/dask|worker|tcp://10.0.0.1:8786|--resources=CPU=4", "dask scheduler=tcp://10.0.0.1:8786"},
		{"python", "python|-m|distributed.cli.dask_worker|10.0.0.1:8786|--name|w1", "dask scheduler=10.0.0.1:8786 name=w1"},
		{"dask-worker", "/usr/bin/python3|/usr/bin/dask-worker|--nthreads=2|tcp://h:1", "dask scheduler=tcp://h:1"},
		{"python3", "python3|/usr/bin/dask|cuda|worker|tls://h:1", "dask scheduler=tls://h:1"},
		{"python3", "python3|-W|ignore|/usr/bin/dask|worker|--scheduler-file|/s.json", "dask scheduler=/s.json"},
		{"python3", "dask worker [tcp://10.0.0.1:41234]", "dask"},
		{"python3", "python3|/usr/bin/dask|scheduler", ""},
		{"python3", "python3|-c|from multiprocessing.spawn import spawn_main; spawn_main(dask worker)|--multiprocessing-fork", ""},
		{"bash", "bash|-ic|dask worker tcp://h:1", ""},
		{"vim", "vim|dask|worker|tcp://h:1", ""},
		{"raylet", strings.Join(raylet, "|"), "ray scheduler=10.0.0.1:6379 session=session_1 declared_cpus=24 declared_gpus=4"},
		{"bash", "bash|-c|" + strings.Join(raylet, " "), ""},
		{"raylet", "less|raylet", ""},
		{"python3", "python3|/x/default_worker.py|--raylet|raylet", ""},
		{"run", "/opt/solver/bin/run|--n|5", "solver"},
		{"run", "/opt/solver/bin/runner", ""},
		{"python3", "", ""},
		{"python3", "python3", ""},
	} {
		var args []string
		if c.args != "" {
			args = strings.Split(c.args, "|")
		}
		st := &stat{pid: 5, comm: []byte(c.comm)}
		got := ""
		for _, r := range processResolvers([]Pattern{pattern}) {
			if f, ok := r.of(st, func() []string { return args }); ok && f.agent == nil {
				got = f.engine
				for _, l := range f.labels {
					got += " " + l.Name + "=" + l.Value
				}
				break
			}
		}
		if got != c.want {
			t.Errorf("%s: %s: got %q, want %q", c.comm, c.args, got, c.want)
		}
	}
}

func TestParsePatternRefuses(t *testing.T) {
	for _, bad := range []string{"", "x", "=a", "Name=a", "dask=a", "x=(", "x=.*", "a b=c"} {
		if p, err := ParsePattern(bad); err == nil {
			t.Errorf("%q accepted as %+v", bad, p)
		}
	}
}

func TestLabelsAreClean(t *testing.T) {
	got := clean(" a\nb\x00c\x1b[31m" + strings.Repeat("é", 200))
	if strings.ContainsAny(got, "\n\x00\x1b") || len(got) > maxLabel || !strings.HasPrefix(got, "a b c") {
		t.Errorf("%q", got)
	}
}

// dask puts a nanny, its spawned child and the resource tracker.
func (m *machine) dask(pid int, cgroup string, own int) {
	m.put(proc{pid: pid, ppid: 1, comm: "python3", args: []string{"python3", "/usr/bin/dask", "worker", "tcp://10.0.0.1:8786"}, start: 100, own: 10, cgroup: cgroup})
	m.put(proc{pid: pid + 1, ppid: pid, comm: "python3", args: []string{"python3", "-c", "from multiprocessing.resource_tracker import main"}, start: 101, own: 1, cgroup: cgroup})
	m.put(proc{pid: pid + 2, ppid: pid, comm: "python3", args: []string{"python3", "-c", "from multiprocessing.spawn import spawn_main", "--multiprocessing-fork"}, start: 102, own: own, cgroup: cgroup})
}

func TestDaskWorkerIsNannyAndDescendants(t *testing.T) {
	m := newMachine(t)
	m.dask(20, "", 200)
	m.dask(30, "", 300)
	s := m.source(Options{})
	v := read(t, s)
	id := "dask-20-2s"
	near(t, "first worker", v[id]["worker_cpu_seconds"], 2.11)
	near(t, "second worker", v["dask-30-2s"]["worker_cpu_seconds"], 3.11)
	near(t, "processes", v[id]["worker_processes"], 3)
	near(t, "workers", v[""]["worker_count"], 2)
	near(t, "start", v[id]["worker_start_seconds"], 1000001)
	want := map[string]string{"engine": "dask", "resolver": "dask", "pid": "20", "scheduler": "tcp://10.0.0.1:8786", "user": info(t, s, id)["user"]}
	if got := info(t, s, id); !maps.Equal(got, want) {
		t.Errorf("identity %v", got)
	}
	if _, ok := v[id]["cpu_util"]; ok {
		t.Error("a rate on the first read")
	}
	m.dask(20, "", 201)
	if _, ok := read(t, s)[id]["cpu_util"]; !ok {
		t.Error("no rate on the second read")
	}
}

// TestClockSetLater: the kernel makes its time of boot of the wall clock, which may be
// right only some time after the agent has started.
func TestClockSetLater(t *testing.T) {
	m := newMachine(t)
	m.dask(20, "", 200)
	s := m.source(Options{})
	near(t, "start", read(t, s)["dask-20-2s"]["worker_start_seconds"], 1000001)
	m.write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nbtime 1003600\n")
	s.learned = s.learned.Add(-factsEvery)
	m.dask(30, "", 200)
	v := read(t, s)
	near(t, "start of the next", v["dask-30-2s"]["worker_start_seconds"], 1003601)
	near(t, "start of the one before", v["dask-20-2s"]["worker_start_seconds"], 1000001)
	m.remove("proc/stat")
	s.learned = s.learned.Add(-factsEvery)
	read(t, s) // what is known stands
}

func TestWorkerLeavesWithALastPoint(t *testing.T) {
	m := newMachine(t)
	m.dask(20, "", 200)
	s := m.source(Options{})
	read(t, s)
	for pid := 20; pid < 23; pid++ {
		m.end(pid)
	}
	last := read(t, s)["dask-20-2s"]
	near(t, "its last total", last["worker_cpu_seconds"], 2.11)
	if last["worker_end_seconds"] < last["worker_start_seconds"] {
		t.Errorf("its end: %v", last)
	}
	if _, ok := last["worker_memory_bytes"]; ok {
		t.Error("memory of a worker that ended")
	}
	if v, ok := read(t, s)["dask-20-2s"]; ok {
		t.Errorf("it is still there: %v", v)
	}
}

func TestRetitledChildIsNoWorkerOfItsOwn(t *testing.T) {
	m := newMachine(t)
	m.dask(20, "", 200)
	m.put(proc{pid: 22, ppid: 20, comm: "python3", args: []string{"dask worker [tcp://10.0.0.1:8786]"}, start: 102, own: 200})
	if v := read(t, m.source(Options{})); v[""]["worker_count"] != 1 {
		t.Errorf("%v workers", v[""]["worker_count"])
	}
}

func TestMoreSpecificWorkerIsTakenOut(t *testing.T) {
	m := newMachine(t)
	m.put(proc{pid: 15, ppid: 1, comm: "raylet", args: []string{"raylet", "--gcs-address=h:1"}, start: 90, own: 50})
	s := m.source(Options{})
	near(t, "Ray alone", read(t, s)["ray-15-2i"]["worker_cpu_seconds"], 0.50)
	nested := func(own int) {
		m.dask(20, "", own)
		m.put(proc{pid: 20, ppid: 15, comm: "python3", args: []string{"python3", "/usr/bin/dask", "worker", "tcp://h:1"}, start: 100, own: 10})
	}
	nested(200)
	v := read(t, s)
	near(t, "Dask", v["dask-20-2s"]["worker_cpu_seconds"]+v["ray-15-2i"]["worker_cpu_seconds"], 2.61)
	nested(260)
	v = read(t, s)
	near(t, "both after more work", v["dask-20-2s"]["worker_cpu_seconds"]+v["ray-15-2i"]["worker_cpu_seconds"], 3.21)
	// The raylet waits for it: what Dask used is not Ray's.
	for pid := 20; pid < 23; pid++ {
		m.end(pid)
	}
	m.put(proc{pid: 15, ppid: 1, comm: "raylet", args: []string{"raylet"}, start: 90, own: 50, children: 271})
	v = read(t, s)
	near(t, "both after the end", v["dask-20-2s"]["worker_cpu_seconds"]+v["ray-15-2i"]["worker_cpu_seconds"], 3.21)
}

func TestQTauServiceAndPilot(t *testing.T) {
	m := newMachine(t)
	m.write("w/pcs-1/scheduler", `{"agent_scheduler_address": "tcp://10.0.0.1:8786"}`)
	m.put(proc{pid: 5, ppid: 1, comm: "python", args: strings.Fields("python -m qtau.plugins.dask_v2.agent -s True -w /w/pcs-1/DASK-2 -f /w/pcs-1/scheduler -c /c -n qtau-0"), start: 10})
	m.dask(20, "", 1)
	s := m.source(Options{})
	read(t, s)
	if got := info(t, s, "dask-20-2s"); got["service"] != "pcs-1" || got["pilot"] != "qtau-0" {
		t.Errorf("identity %v", got)
	}
}

func TestSchedulerFileMustBeTheUsersOwnRegularFile(t *testing.T) {
	m := newMachine(t)
	m.write("w/s", `{"agent_scheduler_address": "tcp://h:1"}`)
	f := newFiles(m.root)
	uid, _ := newUsers(f).of(1)
	if got := f.schedulerAddress("/w/s", uid); got != "h:1" {
		t.Errorf("address %q", got)
	}
	for name, got := range map[string]string{"another user's": f.schedulerAddress("/w/s", uid+1), "a directory": f.schedulerAddress("/w", uid), "absent": f.schedulerAddress("/w/x", uid)} {
		if got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
