//go:build e2e

package e2e

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// slurm is a one-host cluster with two nodes, its own key, sockets and ports.
type slurm struct {
	dir   string
	nodes [2]string
	env   []string
}

// startSlurm starts munged, slurmctld and two slurmd on this host. The nodes'
// names, which name their control groups, are this test's own. hooks, if any, writes
// scripts and returns the lines of slurm.conf that name them.
func startSlurm(t *testing.T, hooks func(*slurm) string) *slurm {
	t.Helper()
	for _, p := range []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue"} {
		need(t, p)
	}
	s := &slurm{dir: t.TempDir()}
	for i := range s.nodes {
		s.nodes[i] = fmt.Sprintf("e%d-%d", os.Getpid(), i)
	}
	s.env = []string{"SLURM_CONF=" + s.path("slurm.conf")}
	more := ""
	if hooks != nil {
		more = hooks(s)
	}
	s.configure(t, more)
	background(t, s.env, "munged", "--foreground", "--force", "--key-file="+s.path("munge.key"), "--socket="+s.path("munge.sock"),
		"--pid-file="+s.path("munged.pid"), "--log-file="+s.path("munged.log"), "--seed-file="+s.path("munge.seed"))
	eventually(t, "munged", func() error { _, err := os.Stat(s.path("munge.sock")); return err })
	background(t, s.env, "slurmctld", "-D", "-f", s.path("slurm.conf"))
	for _, n := range s.nodes {
		background(t, s.env, "slurmd", "-D", "-N", n, "-f", s.path("slurm.conf"))
		t.Cleanup(func() { s.sweep(n) })
	}
	eventually(t, "two idle nodes", func() error {
		out, err := s.command("sinfo", "-h", "-N", "-o", "%T")
		if err == nil && strings.Count(out, "idle") != 2 {
			err = fmt.Errorf("nodes are %q", out)
		}
		return err
	})
	return s
}

func (s *slurm) path(name string) string { return filepath.Join(s.dir, name) }

func (s *slurm) configure(t *testing.T, more string) {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	conf := fmt.Sprintf(`ClusterName=e2e
SlurmctldHost=%[1]s(127.0.0.1)
SlurmUser=root
SlurmctldPort=%[3]d
AuthInfo=socket=%[2]s/munge.sock
StateSaveLocation=%[2]s/state
SlurmdSpoolDir=%[2]s/spool-%%n
SlurmctldPidFile=%[2]s/ctld.pid
SlurmdPidFile=%[2]s/slurmd-%%n.pid
SlurmctldLogFile=%[2]s/ctld.log
SlurmdLogFile=%[2]s/slurmd-%%n.log
ProctrackType=proctrack/cgroup
JobAcctGatherType=jobacct_gather/cgroup
TaskPlugin=task/cgroup
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
MailProg=/bin/true
PartitionName=p Nodes=%[4]s,%[5]s Default=YES State=UP OverSubscribe=FORCE:4
`, host, s.dir, freePort(t), s.nodes[0], s.nodes[1])
	conf += more
	gres := ""
	for i, n := range s.nodes {
		device := s.path("gpu" + strconv.Itoa(i))
		if err := syscall.Mknod(device, syscall.S_IFCHR|0o600, 240<<8|i); err != nil {
			t.Fatal(err)
		}
		gres += fmt.Sprintf("NodeName=%s Name=gpu File=%s\n", n, device)
		conf += fmt.Sprintf("NodeName=%s NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=2 RealMemory=1000 Gres=gpu:1\n", n, host, freePort(t))
	}
	key := make([]byte, 1024)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"slurm.conf": conf, "gres.conf": gres, "munge.key": string(key),
		"cgroup.conf": "CgroupAutomount=no\nCgroupMountpoint=/sys/fs/cgroup\nCgroupPlugin=cgroup/v1\nConstrainRAMSpace=yes\nConstrainDevices=yes\n"} {
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// command runs one of Slurm's commands.
func (s *slurm) command(argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%q: %w: %s", argv, err, out)
	}
	return string(out), err
}

// sweep removes the control groups that a slurmd that was killed leaves behind.
func (s *slurm) sweep(node string) {
	roots, _ := filepath.Glob("/sys/fs/cgroup/*/slurm_" + node)
	for _, root := range roots {
		var dirs []string
		filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, p)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			os.Remove(dirs[i])
		}
	}
}

// batch submits a job that works for some seconds of processor time and writes down what
// the kernel says of its control group at its end. It returns the job's number.
func (s *slurm) batch(t *testing.T, work float64, args ...string) string {
	t.Helper()
	script := s.path(fmt.Sprintf("job-%v.sh", work))
	text := fmt.Sprintf(`#!/bin/bash
/usr/bin/python3 -c 'import time
while time.process_time() < %v: sum(range(10000))'
cg=$(sed -n 's|^[0-9]*:.*cpuacct[^:]*:\(.*/job_[0-9]*\)/.*|\1|p' /proc/self/cgroup)
cat /sys/fs/cgroup/cpuacct$cg/cpuacct.usage > %s/usage.$SLURM_JOB_ID@$SLURMD_NODENAME
sleep 1
`, work, s.dir)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := s.command(append(append([]string{"sbatch", "--parsable", "-o", s.path("job-%j.out")}, args...), script)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("job", strings.TrimSpace(out))
	return strings.TrimSpace(out)
}

// idle waits until no job is left.
func (s *slurm) idle(t *testing.T) {
	t.Helper()
	eventually(t, "the end of all jobs", func() error {
		out, err := s.command("squeue", "-h")
		if err == nil && strings.TrimSpace(out) != "" {
			err = fmt.Errorf("still there:\n%s", out)
		}
		return err
	})
}

// shorterThanATick records a job of about a second with an agent that samples
// every ten seconds, and returns what that recorded.
func (s *slurm) shorterThanATick(t *testing.T) series {
	t.Helper()
	a := startAgent(t, nil, "--interval=10s", "--gpu=false")
	job := s.batch(t, 0.6, "-w", s.nodes[0], "-n1", "-J", "blink")
	s.idle(t)
	eventually(t, "the control group to go", func() error {
		// Its own, of the hierarchy that counts its time: slurmd leaves one of
		// another job or hierarchy behind now and then.
		left, _ := filepath.Glob("/sys/fs/cgroup/cpuacct/slurm_" + s.nodes[0] + "/uid_*/job_" + job)
		if len(left) > 0 {
			return fmt.Errorf("%q is there", left)
		}
		return nil
	})
	a.stop(t)
	return recorded(t, a.dir)
}

// TestSlurmJobs: jobs and an array job on two nodes of one host.
func TestSlurmJobs(t *testing.T) {
	s := startSlurm(t, nil)
	a := startAgent(t, nil, "--interval=200ms", "--gpu=false", "--collector.workers-discover=1s")
	s.batch(t, 4, "-w", s.nodes[0], "-n1", "--gres=gpu:1", "-J", "single")
	s.batch(t, 2.5, "-n1", "--array=1-2", "-J", "array")
	s.batch(t, 0.1, "-w", s.nodes[1], "-n1", "-J", "short")
	info := ""
	eventually(t, "all jobs in the agent's figures", func() error {
		text, err := get(a.url + "/metrics")
		for l := range strings.Lines(text) {
			if strings.HasPrefix(l, "nodemeter_worker_info{") && strings.Contains(l, s.nodes[0][:len(s.nodes[0])-2]) {
				info += l
			}
		}
		for _, want := range []string{`job_name="single"`, `array_task="1"`, `array_task="2"`, `job_name="short"`} {
			if err == nil && !strings.Contains(info, want) {
				err = fmt.Errorf("no worker with %s yet", want)
			}
		}
		return err
	})
	s.idle(t)
	eventually(t, "the jobs to leave the exporter", func() error {
		now, err := scrape(a)
		for id := range now["nodemeter_worker_cpu_seconds_total"] {
			if strings.Contains(id, s.nodes[0]) || strings.Contains(id, s.nodes[1]) {
				err = fmt.Errorf("%s is still exported", id)
			}
		}
		return err
	})
	a.stop(t)
	short := s.shorterThanATick(t)
	got := recorded(t, a.dir)
	files, _ := filepath.Glob(s.path("usage.*"))
	if len(files) != 5 {
		t.Fatalf("%d jobs wrote what they used, want 5", len(files))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.ParseFloat(strings.TrimSpace(string(b)), 64)
		if err != nil {
			t.Fatal(err)
		}
		id := "slurm-" + strings.TrimPrefix(filepath.Base(f), "usage.")
		got := got
		if strings.HasPrefix(id, "slurm-5@") {
			got = short
		}
		agrees(t, id, got.last("worker_cpu_seconds_total", id), ns/1e9, 0.02)
		start, end := got.last("worker_start_time_seconds", id), got.last("worker_end_time_seconds", id)
		if !(end > start && end-start < 120) {
			t.Errorf("%s: from %v to %v", id, start, end)
		}
	}
	notAboveNode(t, got)
	// The first job was given a GPU, on which it did nothing; the others none.
	for id, v := range got["nodemeter_worker_gpus_allocated"] {
		if v[len(v)-1] != 1 || !strings.HasPrefix(id, "slurm-1@") {
			t.Errorf("%s was given %v GPUs", id, v)
		}
	}
	if len(got["nodemeter_worker_gpus_allocated"]) != 1 {
		t.Errorf("GPUs were given to %d jobs, want 1", len(got["nodemeter_worker_gpus_allocated"]))
	}
}
