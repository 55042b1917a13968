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

const v1Mounts = `proc /proc proc rw 0 0
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0
cgroup /sys/fs/cgroup/devices cgroup rw,devices 0 0
`

const v2Mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"

// job1 writes a job's groups of version 1, with processes of its batch step.
func (m *machine) job1(root, job string, usage int, pids ...int) {
	for _, c := range []string{"cpu,cpuacct", "memory", "freezer", "devices"} {
		top := "sys/fs/cgroup/" + c + "/" + root
		dir := top + "/uid_1000/" + job
		m.write(dir+"/cgroup.procs", "")
		m.write(dir+"/step_batch/cgroup.procs", "")
		m.write(dir+"/step_batch/task_0/cgroup.procs", lines(pids))
		switch c {
		case "cpu,cpuacct":
			m.write(dir+"/cpuacct.usage", strconv.Itoa(usage*10_000_000)+"\n")
		case "memory":
			m.write(dir+"/memory.usage_in_bytes", "5000000\n")
			m.write(dir+"/memory.stat", "cache 1\ntotal_inactive_file 1000000\n")
		case "devices":
			m.write(dir+"/devices.list", "c 1:3 rwm\nc 195:0 rwm\nc 195:1 rwm\nc 195:255 rwm\n")
		}
	}
}

// job2 writes a job's groups of version 2.
func (m *machine) job2(scope, job string, usage int, pids ...int) {
	dir := "sys/fs/cgroup/system.slice/" + scope + "/" + job
	m.write(dir+"/cgroup.procs", "")
	m.write(dir+"/cpu.stat", fmt.Sprintf("usage_usec %d\nuser_usec 1\n", usage*10_000))
	m.write(dir+"/memory.current", "7000000\n")
	m.write(dir+"/memory.stat", "anon 1\ninactive_file 1000000\n")
	m.write(dir+"/io.stat", "8:0 rbytes=100 wbytes=200 rios=1\n8:16 rbytes=1 wbytes=2\n")
	m.write(dir+"/pids.current", "9\n")
	m.write(dir+"/step_0/user/task_0/cgroup.procs", lines(pids))
}

func lines(pids []int) string {
	var b strings.Builder
	for _, p := range pids {
		fmt.Fprintln(&b, p)
	}
	return b.String()
}

func TestSlurmVersion1(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts)
	m.put(proc{pid: 50, ppid: 1, comm: "job.sh", start: 100, environ: "SLURM_JOB_ID=7\x00SLURM_JOB_NAME=arr\x00SLURM_ARRAY_JOB_ID=6\x00SLURM_ARRAY_TASK_ID=1\x00"})
	m.job1("slurm_n1", "job_7", 300, 50)
	m.job1("slurm_n2", "job_7", 400, 51)
	m.job1("slurm", "job_8", 500, 52)
	m.write("sys/fs/cgroup/freezer/slurm_n1/uid_1000/not_a_job/cgroup.procs", "50\n")
	s := m.source(Options{})
	v := read(t, s)
	near(t, "job 7 on n1", v["slurm-7@n1"]["worker_cpu_seconds"], 3)
	near(t, "job 7 on n2", v["slurm-7@n2"]["worker_cpu_seconds"], 4)
	near(t, "job 8", v["slurm-8"]["worker_cpu_seconds"], 5)
	near(t, "memory", v["slurm-8"]["worker_memory_bytes"], 4_000_000)
	near(t, "GPUs it was given", v["slurm-8"]["worker_gpus_allocated"], 2)
	near(t, "workers", v[""]["worker_count"], 3)
	got := info(t, s, "slurm-7@n1")
	for name, want := range map[string]string{"job": "7", "array_job": "6", "array_task": "1", "job_name": "arr", "user": "ada", "slurm_node": "n1", "resolver": "slurm"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestSlurmVersion2(t *testing.T) {
	const sluid = "s0123456789ABC"
	for _, c := range []struct{ scope, job, want string }{
		{"slurmstepd.scope", "job_7", "slurm-7"},
		{"n1_slurmstepd.scope", "job_7", "slurm-7@n1"},
		{"vm_slurmstepd.scope", "job_7", "slurm-7"},
		{"slurmstepd.scope", sluid, "slurm-" + sluid},
	} {
		m := newMachine(t)
		m.write("proc/self/mounts", v2Mounts)
		m.put(proc{pid: 50, ppid: 1, comm: "x", start: 100, environ: "SLURM_JOB_ID=7\x00SLURM_JOB_GPUS=0,2-3\x00"})
		m.job2(c.scope, c.job, 300, 50)
		s := m.source(Options{})
		w, ok := read(t, s)[c.want]
		if !ok {
			t.Errorf("%s/%s: no worker %s", c.scope, c.job, c.want)
			continue
		}
		near(t, "CPU seconds", w["worker_cpu_seconds"], 3)
		near(t, "memory", w["worker_memory_bytes"], 6_000_000)
		near(t, "read", w["worker_read_bytes"], 101)
		near(t, "written", w["worker_written_bytes"], 202)
		near(t, "threads", w["worker_threads"], 9)
		near(t, "GPUs it was given", w["worker_gpus_allocated"], 3)
		if got := info(t, s, c.want)["job"]; got != "7" {
			t.Errorf("%s: job %q", c.job, got)
		}
	}
}

func TestStaleGroupIsNoWorker(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts)
	m.job1("slurm", "job_7", 300)
	m.job1("slurm", "job_8", 300, 50)
	s := m.source(Options{})
	v := read(t, s)
	if _, ok := v["slurm-7"]; ok {
		t.Error("a group without processes became a worker")
	}
	m.job1("slurm", "job_8", 310) // its processes end and the group stays
	read(t, s)
	last := read(t, s)["slurm-8"]
	if _, ok := last["worker_end_seconds"]; !ok {
		t.Errorf("a group left behind is still a worker: %v", last)
	}
	near(t, "its total", last["worker_cpu_seconds"], 3.10)
	if v := read(t, s); v[""]["worker_count"] != 0 {
		t.Errorf("workers: %v", v)
	}
}

func TestEndOfAJobIsCompletedFromItsSlurmd(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	total := func(usage int) {
		m.write("sys/fs/cgroup/system.slice/slurmstepd.scope/cpu.stat", fmt.Sprintf("usage_usec %d\n", usage*10_000))
	}
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	m.job2("slurmstepd.scope", "job_8", 100, 51)
	total(400)
	s := m.source(Options{})
	read(t, s)
	m.remove("sys/fs/cgroup/system.slice/slurmstepd.scope/job_7")
	m.job2("slurmstepd.scope", "job_8", 150, 51)
	total(490) // 50 of job 8, so 40 were job 7's last
	v := read(t, s)
	near(t, "job 7 in all", v["slurm-7"]["worker_cpu_seconds"], 3.40)
	near(t, "job 8", v["slurm-8"]["worker_cpu_seconds"], 1.50)
	if _, ok := v["slurm-7"]["worker_end_seconds"]; !ok {
		t.Error("job 7 has no end")
	}
	if _, ok := read(t, s)["slurm-7"]; ok {
		t.Error("job 7 is still there")
	}
}

func TestWorkerInsideAJobIsNotCountedTwice(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts)
	m.job1("slurm", "job_7", 1000, 20, 21, 22)
	cg := "4:cpu,cpuacct:/slurm/uid_1000/job_7/step_batch/task_0\n"
	m.dask(20, cg, 200)
	s := m.source(Options{})
	v := read(t, s)
	near(t, "Dask", v["dask-20-2s"]["worker_cpu_seconds"], 2.11)
	near(t, "the rest of the job", v["slurm-7"]["worker_cpu_seconds"], 10-2.11)
	if got := info(t, s, "dask-20-2s")["job"]; got != "7" {
		t.Errorf("the Dask worker's job is %q", got)
	}
	for pid := 20; pid < 23; pid++ {
		m.end(pid)
	}
	m.job1("slurm", "job_7", 1020, 60)
	m.put(proc{pid: 60, ppid: 1, comm: "x", start: 300})
	v = read(t, s)
	near(t, "the sum after its end", v["dask-20-2s"]["worker_cpu_seconds"]+v["slurm-7"]["worker_cpu_seconds"], 10.20)
	near(t, "the job for good", read(t, s)["slurm-7"]["worker_cpu_seconds"], 10.20-2.11)
}

func TestJobWithoutProcessorAccountingIsWalked(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", "cgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0\n")
	m.write("sys/fs/cgroup/freezer/slurm/uid_0/job_7/step_0/cgroup.procs", "50\n51\n")
	m.put(proc{pid: 50, ppid: 1, comm: "a", start: 100, own: 30, pages: 10})
	m.put(proc{pid: 51, ppid: 50, comm: "b", start: 101, own: 40, pages: 10})
	s := m.source(Options{})
	w := read(t, s)["slurm-7"]
	near(t, "CPU seconds", w["worker_cpu_seconds"], 0.70)
	near(t, "processes", w["worker_processes"], 2)
	m.remove("sys/fs/cgroup/freezer/slurm/uid_0/job_7")
	m.end(50)
	m.end(51)
	last := read(t, s)["slurm-7"]
	near(t, "its total", last["worker_cpu_seconds"], 0.70)
	if _, ok := last["worker_end_seconds"]; !ok {
		t.Error("no end")
	}
}

func TestSessions(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	dir := "sys/fs/cgroup/user.slice/user-1000.slice/session-5.scope"
	m.write(dir+"/cgroup.procs", "50\n")
	m.write(dir+"/cpu.stat", "usage_usec 2500000\n")
	m.write("sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/init.scope/cgroup.procs", "51\n")
	m.write("sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cpu.stat", "usage_usec 1000\n")
	s := m.source(Options{})
	v := read(t, s)
	near(t, "session", v["session-5"]["worker_cpu_seconds"], 2.5)
	if info(t, s, "session-5")["user"] != "ada" || v["session-user@1000"] == nil {
		t.Errorf("workers %v", v)
	}
	m.remove(dir)
	if last := read(t, s)["session-5"]; last["worker_end_seconds"] == 0 {
		t.Errorf("no end: %v", last)
	}
}

func TestGPUProcessesGoToTheirWorkers(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts)
	m.dask(20, "", 1)
	m.job1("slurm", "job_7", 1, 50)
	m.put(proc{pid: 50, ppid: 1, comm: "x", start: 100, cgroup: "4:cpu,cpuacct:/slurm/uid_1000/job_7/step_batch/task_0\n"})
	s := m.source(Options{GPUs: func() []GPUProcess {
		return []GPUProcess{
			{UUID: "GPU-a", PID: 22, MemoryBytes: 100, Util: 0.5}, {UUID: "GPU-b", PID: 22, MemoryBytes: 50, Util: 0.1},
			{UUID: "GPU-b", PID: 50, MemoryBytes: -1, Util: -1}, {UUID: "GPU-b", PID: 12345, MemoryBytes: 9, Util: 1},
		}
	}})
	v := read(t, s)
	near(t, "GPU of Dask", v["dask-20-2s"]["gpu_util"], 0.3)
	near(t, "its GPU memory", v["dask-20-2s"]["gpu_memory_used_bytes"], 150)
	near(t, "GPUs of the job", v["slurm-7"]["worker_gpus"], 1)
	if _, ok := v["slurm-7"]["gpu_util"]; ok {
		t.Error("a utilization that the driver does not tell")
	}
}

// A GPU that was given and has no process of the job is told from one that nobody could read.
func TestAllocatedAndIdleGPU(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts)
	m.job1("slurm", "job_7", 1, 50)
	list := []GPUProcess{}
	s := m.source(Options{GPUs: func() []GPUProcess { return list }})
	w := read(t, s)["slurm-7"]
	near(t, "GPUs it was given", w["worker_gpus_allocated"], 2)
	if n, ok := w["worker_gpus"]; !ok || n != 0 {
		t.Errorf("GPUs with a process of its: %v %v, want 0", n, ok)
	}
	list = nil
	if n, ok := read(t, s)["slurm-7"]["worker_gpus"]; ok {
		t.Errorf("%v GPUs where none was read", n)
	}
}

// In a container the agent's process numbers are not the driver's: a number says nothing.
func TestGPUProcessesInAContainer(t *testing.T) {
	for link, want := range map[string]bool{"pid:[4026531836]": true, "pid:[4026532700]": false} {
		m := newMachine(t)
		m.dask(20, "", 1)
		m.write("proc/self/ns/x", "")
		if err := os.Symlink(link, filepath.Join(m.root, "proc/self/ns/pid")); err != nil {
			t.Fatal(err)
		}
		s := m.source(Options{GPUs: func() []GPUProcess { return []GPUProcess{{UUID: "GPU-a", PID: 22, MemoryBytes: 100}} }})
		if _, ok := read(t, s)["dask-20-2s"]["gpu_memory_used_bytes"]; ok != want {
			t.Errorf("%s: given to the worker: %v", link, ok)
		}
	}
}

func TestWhatCannotBeSeenIsSaid(t *testing.T) {
	m := newMachine(t)
	s := m.source(Options{})
	near(t, "state", read(t, s)[""]["worker_state"], 0)
	m.end(1) // hidepid=2: others' processes are not there
	near(t, "state with hidden processes", read(t, s)[""]["worker_state"], 1)
	broken := newMachine(t)
	broken.write("proc/stat", "garbage\n")
	var b metric.Batch
	if err := broken.source(Options{}).Read(context.Background(), &b); err == nil || !strings.Contains(err.Error(), "proc/stat") {
		t.Errorf("a broken /proc/stat: %v", err)
	}
}

func TestParseMountsAndNames(t *testing.T) {
	m := parseMounts([]byte(v1Mounts + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /a\\040b cgroup rw,name=systemd 0 0\n"))
	if m.controller["cpuacct"] != "/sys/fs/cgroup/cpu,cpuacct" || m.unified != "/sys/fs/cgroup/unified" || m.controller["systemd"] != "/a b" {
		t.Errorf("%+v", m)
	}
	for name, want := range map[string]string{"slurm": "", "slurm_n1": "n1", "slurmx": "-", "slurm_": "-", "other": "-"} {
		if node, ok := slurmRootName(name, false); ok != (want != "-") || ok && node != want {
			t.Errorf("%s: %q %v", name, node, ok)
		}
	}
	for name, ok := range map[string]bool{"job_1": true, "job_": false, "job_x": false, "s0123456789ABC": true, "s0123456789ABI": false, "system": false, "job_-1": false} {
		if _, got := jobName(name); got != ok {
			t.Errorf("%s: %v", name, got)
		}
	}
	if n := countList("0,2-3,x,7"); n != 4 {
		t.Errorf("%d GPUs in the list", n)
	}
	if _, ok := parseDevices([]byte("a *:* rwm\n")); ok {
		t.Error("a list that allows everything says nothing")
	}
}

// TestSlurmdThatStartsLater: the next search finds its groups, though the top of
// the hierarchies is not listed at each.
func TestSlurmdThatStartsLater(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts)
	m.job1("other", "job_0", 0)
	s := m.source(Options{})
	read(t, s)
	read(t, s)
	m.job1("slurm", "job_7", 300, 50)
	near(t, "of version 1", read(t, s)["slurm-7"]["worker_cpu_seconds"], 3)

	m = newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.write("sys/fs/cgroup/system.slice/other.service/cgroup.procs", "")
	s = m.source(Options{})
	read(t, s)
	read(t, s)
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	near(t, "of version 2", read(t, s)["slurm-7"]["worker_cpu_seconds"], 3)
}

// TestJobBesideSlurmsOwnProcess: with PrologFlags=Contain a job's first group holds a
// process of Slurm's that knows nothing of the job.
func TestJobBesideSlurmsOwnProcess(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.put(proc{pid: 49, ppid: 1, comm: "sleep", start: 99, environ: "PATH=/usr/bin\x00SLURM_CONF=/etc/slurm/slurm.conf\x00"})
	m.put(proc{pid: 50, ppid: 1, comm: "x", start: 100, environ: "SLURM_JOB_ID=7\x00SLURM_JOB_NAME=train\x00SLURM_JOB_GPUS=0,2-3\x00"})
	m.job2("slurmstepd.scope", "job_7", 300, 50)
	m.write("sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_extern/user/task_special/cgroup.procs", "49\n")
	s := m.source(Options{})
	w := read(t, s)["slurm-7"]
	if got := info(t, s, "slurm-7"); got["job_name"] != "train" {
		t.Errorf("identity %v", got)
	}
	near(t, "GPUs", w["worker_gpus_allocated"], 3)
}

// TestSessionsOfVersion1: there systemd's own hierarchy has no counters.
func TestSessionsOfVersion1(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts+"cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n")
	m.put(proc{pid: 60, ppid: 1, comm: "bash", start: 100, own: 500})
	const session = "/user.slice/user-1000.slice/session-3.scope/"
	for _, c := range []string{"systemd", "cpu,cpuacct", "memory"} {
		m.write("sys/fs/cgroup/"+c+session+"cgroup.procs", "60\n")
	}
	m.write("sys/fs/cgroup/cpu,cpuacct"+session+"cpuacct.usage", "5000000000\n")
	s := m.source(Options{})
	near(t, "CPU seconds", read(t, s)["session-3"]["worker_cpu_seconds"], 5)
	for _, c := range []string{"systemd", "cpu,cpuacct", "memory"} {
		m.remove("sys/fs/cgroup/" + c + "/user.slice/user-1000.slice")
	}
	read(t, s)
	if n := read(t, s)[""]["worker_count"]; n != 0 {
		t.Errorf("%v workers after its end", n)
	}
}

// TestSessionInAJob: who logs in to a node of their job is in both, and the job's.
func TestSessionInAJob(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts+"cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n")
	m.job1("slurm", "job_8", 500, 52)
	const session = "/user.slice/user-1000.slice/session-3.scope"
	m.put(proc{pid: 60, ppid: 1, comm: "python3", start: 100, cgroup: "4:cpuacct,cpu:/slurm/uid_1000/job_8/step_extern/task_0\n1:name=systemd:" + session + "\n0::" + session + "\n"})
	for _, c := range []string{"unified", "systemd"} {
		m.write("sys/fs/cgroup/"+c+session+"/cgroup.procs", "60\n")
	}
	m.write("sys/fs/cgroup/unified"+session+"/cpu.stat", "usage_usec 5000000\n")
	s := m.source(Options{GPUs: func() []GPUProcess { return []GPUProcess{{UUID: "g", PID: 60, MemoryBytes: 5, Util: 0.5}} }})
	v := read(t, s)
	near(t, "the job's GPUs", v["slurm-8"]["worker_gpus"], 1)
	near(t, "the session's GPUs", v["session-3"]["worker_gpus"], 0)
}

// TestUsersCome: while the agent runs.
func TestUsersCome(t *testing.T) {
	m := newMachine(t)
	u := newUsers(newFiles(m.root))
	if got := u.name(1001); got != "1001" {
		t.Errorf("nobody has that number: %q", got)
	}
	m.write("etc/passwd", "ada:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n")
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(filepath.Join(m.root, "etc/passwd"), later, later); err != nil {
		t.Fatal(err)
	}
	if a, b := u.name(1000), u.name(1001); a != "ada" || b != "bob" {
		t.Errorf("%q and %q", a, b)
	}
}
