package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"nodemeter/collector/metric"
)

// steps2 writes a step of a job of version 2, with its tasks' usage and processes.
func (m *machine) steps2(job, step string, usage int, tasks ...int) {
	dir := "sys/fs/cgroup/system.slice/slurmstepd.scope/" + job + "/" + step
	m.write(dir+"/cpu.stat", fmt.Sprintf("usage_usec %d\n", usage*10_000))
	m.write(dir+"/memory.current", "2000000\n")
	m.write(dir+"/io.stat", "8:0 rbytes=60 wbytes=20\n")
	m.write(dir+"/pids.current", "4\n")
	for i, pid := range tasks {
		task := fmt.Sprintf("%s/user/task_%d", dir, i)
		m.write(task+"/cgroup.procs", fmt.Sprintf("%d\n", pid))
		m.write(task+"/cpu.stat", fmt.Sprintf("usage_usec %d\n", usage*10_000/len(tasks)))
	}
}

func ids(v map[string]map[string]float64) []string { return slices.Sorted(maps.Keys(v)) }

func TestStepsAndTasks(t *testing.T) {
	for _, c := range []struct {
		detail Detail
		want   map[string]float64 // CPU seconds by worker; the rest of what it is in, where others are inside
	}{
		{Jobs, map[string]float64{"slurm-7": 10}},
		{Steps, map[string]float64{"slurm-7": 1, "slurm-7.0": 6, "slurm-7.batch": 3}},
		{Tasks, map[string]float64{"slurm-7": 1, "slurm-7.0": 0, "slurm-7.0.0": 3, "slurm-7.0.1": 3, "slurm-7.batch": 0, "slurm-7.batch.0": 3}},
	} {
		m := newMachine(t)
		m.write("proc/self/mounts", v2Mounts)
		m.job2("slurmstepd.scope", "job_7", 1000, 60)
		m.steps2("job_7", "step_0", 600, 60, 61)
		m.steps2("job_7", "step_batch", 300, 62)
		for pid := 60; pid < 63; pid++ {
			m.put(proc{pid: pid, ppid: 1, comm: "x", start: 100, environ: "SLURM_JOB_ID=7\x00SLURM_JOB_NAME=long\x00SLURM_JOB_GPUS=0,1\x00"})
		}
		s := m.source(Options{Slurm: c.detail})
		v := read(t, s)
		delete(v, "")
		if got, want := ids(v), slices.Sorted(maps.Keys(c.want)); !slices.Equal(got, want) {
			t.Fatalf("%s: workers %v, want %v", c.detail, got, want)
		}
		var allocated float64
		for id, want := range c.want {
			near(t, c.detail.String()+" "+id, v[id]["worker_cpu_seconds"], want)
			allocated += v[id]["worker_gpus_allocated"]
			if got := info(t, s, id); got["job"] != "7" {
				t.Errorf("%s: %v", id, got)
			}
		}
		near(t, "GPUs that all of it was given", allocated, 2)
		if c.detail == Tasks {
			if got := info(t, s, "slurm-7.0.1"); got["step"] != "0" || got["task"] != "1" || got["job_name"] != "long" {
				t.Errorf("identity of a task: %v", got)
			}
		}
		if c.detail == Steps {
			near(t, "memory of the rest", v["slurm-7"]["worker_memory_bytes"], 6_000_000-2*2_000_000)
			near(t, "read by the rest", v["slurm-7"]["worker_read_bytes"], max(101-2*60, 0))
			near(t, "written by the rest", v["slurm-7"]["worker_written_bytes"], 202-2*20)
			near(t, "threads of the rest", v["slurm-7"]["worker_threads"], 9-2*4)
		}
	}
}

// A step that ended has all that it used, to its end, and its job does not have it too.
func TestEndOfAStep(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.job2("slurmstepd.scope", "job_7", 500, 60)
	m.steps2("job_7", "step_0", 200, 60)
	m.steps2("job_7", "step_1", 300, 61)
	s := m.source(Options{Slurm: Steps})
	read(t, s)
	m.remove("sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_0")
	m.job2("slurmstepd.scope", "job_7", 570, 61) // writes step_0/user/task_0 too
	m.remove("sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_0")
	m.steps2("job_7", "step_1", 330, 61) // 30 of the 70 are step 1's
	v := read(t, s)
	near(t, "the step that ended", v["slurm-7.0"]["worker_cpu_seconds"], 2.40)
	near(t, "the one that goes on", v["slurm-7.1"]["worker_cpu_seconds"], 3.30)
	near(t, "the rest", v["slurm-7"]["worker_cpu_seconds"], 0)
	if v["slurm-7.0"]["worker_end_seconds"] == 0 {
		t.Error("the step has no end")
	}
	near(t, "the rest for good", read(t, s)["slurm-7"]["worker_cpu_seconds"], 0)
	// The job ends, and its last step with it, 50 later.
	m.write("sys/fs/cgroup/system.slice/slurmstepd.scope/cpu.stat", "usage_usec 5700000\n")
	read(t, s)
	m.remove("sys/fs/cgroup/system.slice/slurmstepd.scope/job_7")
	m.write("sys/fs/cgroup/system.slice/slurmstepd.scope/cpu.stat", "usage_usec 6200000\n")
	v = read(t, s)
	near(t, "the last step with its end", v["slurm-7.1"]["worker_cpu_seconds"], 3.80)
	near(t, "the job's rest at the end", v["slurm-7"]["worker_cpu_seconds"], 0)
}

// A step whose counters vanish before it is known to have ended does not fall to its job.
func TestStepThatCannotBeRead(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.job2("slurmstepd.scope", "job_7", 500, 60)
	m.steps2("job_7", "step_0", 400, 60)
	s := m.source(Options{Slurm: Steps})
	read(t, s)
	m.remove("sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_0/cpu.stat")
	var b metric.Batch
	if err := s.Read(context.Background(), &b); err == nil {
		t.Error("nothing said of counters that cannot be read")
	}
	near(t, "the rest of the job", values(&b)["slurm-7"]["worker_cpu_seconds"], 1)
	if v, ok := values(&b)["slurm-7.0"]["worker_cpu_seconds"]; ok {
		t.Errorf("the step has %v", v)
	}
}

// A Dask worker in a step is taken from the step, and once only.
func TestWorkerInsideAStep(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.job2("slurmstepd.scope", "job_7", 1000, 20)
	m.steps2("job_7", "step_0", 600, 20)
	m.dask(20, "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n", 200)
	s := m.source(Options{Slurm: Steps})
	read(t, s)
	v := read(t, s)
	near(t, "Dask", v["dask-20-2s"]["worker_cpu_seconds"], 2.11)
	near(t, "the rest of the step", v["slurm-7.0"]["worker_cpu_seconds"], 6-2.11)
	near(t, "the rest of the job", v["slurm-7"]["worker_cpu_seconds"], 4)
	if got := info(t, s, "dask-20-2s"); got["step"] != "0" || got["job"] != "7" {
		t.Errorf("identity %v", got)
	}
}

func TestParseDetail(t *testing.T) {
	for _, d := range []Detail{Jobs, Steps, Tasks} {
		if got, err := ParseDetail(d.String()); got != d || err != nil {
			t.Errorf("%v: %v %v", d, got, err)
		}
	}
	if _, err := ParseDetail("jobs"); err == nil {
		t.Error("jobs accepted")
	}
}
