package worker

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// captured writes the control groups of a file as "grep -r" printed them.
func (m *machine) captured(file, at string) {
	m.t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	contents := map[string]string{}
	for line := range strings.Lines(string(b)) {
		path, text, ok := strings.Cut(line, ":")
		if !ok {
			m.t.Fatalf("%s: %q", file, line)
		}
		contents[path] += text
	}
	for path, text := range contents {
		m.write(at+"/"+path, text)
	}
}

// The control groups of Slurm 22.05 with version 2 below systemd: a job of two
// steps, of which the first has two tasks, and two jobs of an array. Captured in
// an emulated machine (kernel 6.1); environments are of the same processes.
func TestSlurmVersion2AsCaptured(t *testing.T) {
	want := map[Detail]map[string]float64{
		Jobs: {"slurm-1": 32.213347, "slurm-2": 15.310652, "slurm-3": 13.804663},
		Steps: {"slurm-1": 0, "slurm-1.0": 6.720279, "slurm-1.batch": 25.493067, "slurm-2": 0, "slurm-2.batch": 15.310652,
			"slurm-3": 0.007013, "slurm-3.batch": 13.797650},
		Tasks: {"slurm-1": 0, "slurm-1.0": 6.720279 - 0.955736 - 0.306278, "slurm-1.0.0": 0.955736, "slurm-1.0.1": 0.306278,
			"slurm-1.batch": 25.493067 - 9.898801, "slurm-1.batch.0": 9.898801, "slurm-2": 0, "slurm-2.batch": 15.310652 - 1.440794,
			"slurm-2.batch.0": 1.440794, "slurm-3": 0.007013, "slurm-3.batch": 13.797650 - 1.052143, "slurm-3.batch.0": 1.052143},
	}
	for detail, workers := range want {
		m := newMachine(t)
		m.write("proc/self/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0\n")
		m.captured("testdata/slurm-22.05-v2.txt", "sys/fs/cgroup/system.slice")
		for pid, environ := range map[int]string{
			341: "SLURM_JOB_NAME=steps\x00SLURM_JOB_ID=1\x00SLURM_JOB_PARTITION=p\x00SLURM_JOB_GPUS=0\x00",
			360: "SLURM_ARRAY_JOB_ID=2\x00SLURM_ARRAY_TASK_ID=1\x00SLURM_JOB_ID=3\x00SLURM_JOB_NAME=arr\x00",
			364: "SLURM_ARRAY_JOB_ID=2\x00SLURM_ARRAY_TASK_ID=2\x00SLURM_JOB_ID=2\x00SLURM_JOB_NAME=arr\x00",
		} {
			m.put(proc{pid: pid, ppid: 1, comm: "slurm_script", start: 100, environ: environ})
		}
		s := m.source(Options{Slurm: detail})
		defer s.Close()
		v := read(t, s)
		delete(v, "")
		if got := ids(v); !slices.Equal(got, slices.Sorted(maps.Keys(workers))) {
			t.Fatalf("%s: workers %v", detail, got)
		}
		sum := 0.0
		for id, cpu := range workers {
			if got := v[id]["worker_cpu_seconds"]; got < cpu-2e-6 || got > cpu+2e-6 {
				t.Errorf("%s: %s has %v s, want %v", detail, id, got, cpu)
			}
			sum += v[id]["worker_cpu_seconds"]
		}
		if sum < 61.3286 || sum > 61.3287 { // the scope's 71.320730 s without 9.931492 of system, less what was used while the files were read
			t.Errorf("%s: workers used %v s together", detail, sum)
		}
		near(t, "GPUs that job 1 was given", v["slurm-1"]["worker_gpus_allocated"], 1)
		if _, ok := v["slurm-2"]["worker_threads"]; ok {
			t.Error("threads without the pids controller")
		}
		if got := info(t, s, "slurm-3"); got["array_job"] != "2" || got["array_task"] != "1" || got["job_name"] != "arr" {
			t.Errorf("job 3: %v", got)
		}
	}
}
