package worker

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodMark = "# nodemeter\njob=7\nuser=grace\nname=a name\nwith=what is not known\npartition=gpu\naccount=phys\narray_job=6\narray_task=1\ngpus=0,2-3\ncpus=4\nstart=1000010.25\n"

// marks is a directory for marks, which this test's user owns.
func marks(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "jobs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A mark wins over what the job's processes say of themselves, and gives what they do not.
func TestMarkOfAJob(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v2Mounts)
	m.write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nbtime 946684000\n")
	m.put(proc{pid: 50, ppid: 1, comm: "x", start: 100000, environ: "SLURM_JOB_ID=7\x00SLURM_JOB_ACCOUNT=forged\x00SLURM_JOB_NAME=forged\x00SLURM_JOB_GPUS=0\x00SLURM_CPUS_ON_NODE=64\x00"})
	m.job2("n1_slurmstepd.scope", "job_7", 300, 50)
	m.job2("slurmstepd.scope", "job_8", 300, 51)
	text := strings.Replace(goodMark, "start=1000010.25", "start=946684900.5", 1)
	s := m.source(Options{Marks: marks(t, map[string]string{"7@n1": text, "8": "job=8\nuser=ada\n"})})
	got := read(t, s)["slurm-7@n1"]
	near(t, "GPUs it was given", got["worker_gpus_allocated"], 3)
	near(t, "processors it was given", got["worker_cpus_allocated"], 4)
	labels := info(t, s, "slurm-7@n1")
	for name, want := range map[string]string{"job": "7", "user": "grace", "job_name": "a name", "partition": "gpu", "account": "phys", "array_job": "6", "array_task": "1"} {
		if labels[name] != want {
			t.Errorf("%s is %q, want %q", name, labels[name], want)
		}
	}
	if got := info(t, s, "slurm-8")["user"]; got != "ada" {
		t.Errorf("the job of the machine's own slurmd is of %q", got)
	}
	near(t, "start", got["worker_start_seconds"], 946684900.5)
}

// What others could have written, and what is no mark, is said once and not used.
func TestBadMarksAreNotUsed(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
		spoil      func(dir, path string) error
	}{
		"of another job":  {text: "job=8\n", want: `it is of job \"8\"`},
		"no job":          {text: "user=grace\n", want: "it is of job"},
		"no pair":         {text: "job=7\nnonsense\n", want: `7:2: \"nonsense\" is not KEY=VALUE`},
		"a bad number":    {text: "job=7\ncpus=-1\n", want: "7:2: cpus"},
		"a bad time":      {text: "job=7\nstart=NaN\n", want: "7:2: start"},
		"too long":        {text: "job=7\n" + strings.Repeat("#\n", maxMark), want: "more than 4096 bytes"},
		"group may write": {text: goodMark, want: "mode 0664", spoil: func(_, path string) error { return os.Chmod(path, 0o664) }},
		"all may write to the directory": {text: goodMark, want: "directory has mode 1777", spoil: func(dir, _ string) error {
			return os.Chmod(dir, os.ModeSticky|0o777)
		}},
		"a link": {text: goodMark, want: "symbolic links", spoil: func(_, path string) error {
			if err := os.Rename(path, path+".real"); err != nil {
				return err
			}
			return os.Symlink(path+".real", path)
		}},
		"a directory": {text: goodMark, want: "not of the kind", spoil: func(_, path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o755)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.write("proc/self/mounts", v2Mounts)
			m.job2("slurmstepd.scope", "job_7", 300, 50)
			dir := marks(t, map[string]string{"7": c.text})
			if c.spoil != nil {
				if err := c.spoil(dir, filepath.Join(dir, "7")); err != nil {
					t.Fatal(err)
				}
			}
			var log bytes.Buffer
			s := m.source(Options{Marks: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
			for range 3 {
				read(t, s)
			}
			if got := info(t, s, "slurm-7"); got["user"] != "" || got["job_name"] != "" {
				t.Errorf("it was used: %v", got)
			}
			if n := strings.Count(log.String(), "mark of a job is not used"); n != 1 || !strings.Contains(log.String(), c.want) {
				t.Errorf("said %d times, want once with %q:\n%s", n, c.want, log.String())
			}
		})
	}
}

// A file of somebody else's is refused however it came there; only root can make one.
func TestMarkOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not root: the owner cannot be changed; the rule is that of trusted, which the modes go through too")
		return
	}
	dir := marks(t, map[string]string{"7": goodMark})
	if err := os.Chown(filepath.Join(dir, "7"), 1234, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := readTrusted(filepath.Join(dir, "7")); err == nil || !strings.Contains(err.Error(), "belongs to user 1234") {
		t.Errorf("got %v", err)
	}
}

func TestAllocationOfVersion1(t *testing.T) {
	m := newMachine(t)
	m.write("proc/self/mounts", v1Mounts+"cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n")
	m.job1("slurm", "job_7", 300, 50)
	m.job1("slurm", "job_8", 300, 51)
	m.write("sys/fs/cgroup/cpuset/slurm/uid_1000/job_7/cpuset.cpus", "0,4-6\n")
	m.write("sys/fs/cgroup/memory/slurm/uid_1000/job_7/memory.limit_in_bytes", "50000000\n")
	m.write("sys/fs/cgroup/memory/slurm/uid_1000/job_8/memory.limit_in_bytes", "9223372036854771712\n")
	v := read(t, m.source(Options{}))
	near(t, "processors", v["slurm-7"]["worker_cpus_allocated"], 4)
	near(t, "memory", v["slurm-7"]["worker_memory_allocated_bytes"], 50e6)
	if _, ok := v["slurm-8"]["worker_memory_allocated_bytes"]; ok {
		t.Error("no limit became an allocation")
	}
	if _, ok := v["slurm-8"]["worker_cpus_allocated"]; ok {
		t.Error("no cpuset became an allocation")
	}
}

func FuzzMark(f *testing.F) {
	f.Add([]byte(goodMark))
	f.Add([]byte("job=7\nstart=1e309\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMark(b, "7")
		if err == nil && (m.cpus < 0 || m.gpus < 0) {
			t.Errorf("%+v", m)
		}
		for _, l := range m.labels {
			if len(l.Value) > maxLabel {
				t.Errorf("a label of %d bytes", len(l.Value))
			}
		}
	})
}
