//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// agrees fails unless got is within share of want, or within the grain of the
// kernel's accounting.
func agrees(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	const grain = 0.03 // user and system time are told in hundredths of a second
	t.Logf("%s: %.3f, the kernel says %.3f (%+.2f %%)", what, got, want, 100*(got/want-1))
	if math.IsNaN(got) || math.Abs(got-want) > max(share*want, grain) {
		t.Errorf("%s: %.3f, want %.3f within %.1f %%", what, got, want, 100*share)
	}
}

// series is what an export or a scrape says: values by family and worker (or mode), in order of time.
type series map[string]map[string][]float64

// seriesOf reads lines of Prometheus' text format.
func seriesOf(text string) series {
	line := regexp.MustCompile(`^(nodemeter_[a-z_]+)(?:\{(.*?)\})? (\S+)`)
	worker := regexp.MustCompile(`(?:worker|mode)="([^"]*)"`)
	out := series{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		m := line.FindStringSubmatch(s.Text())
		if m == nil {
			continue
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			continue
		}
		id := ""
		if w := worker.FindStringSubmatch(m[2]); w != nil {
			id = w[1]
		}
		if out[m[1]] == nil {
			out[m[1]] = map[string][]float64{}
		}
		out[m[1]][id] = append(out[m[1]][id], v)
	}
	return out
}

// last is the value of a worker's series that came last, NaN without one.
func (s series) last(family, id string) float64 {
	v := s["nodemeter_"+family][id]
	if len(v) == 0 {
		return math.NaN()
	}
	return v[len(v)-1]
}

// recorded exports what an agent has recorded.
func recorded(t *testing.T, dir string) series {
	t.Helper()
	return seriesOf(run(t, bin(t, "nodemeter"), "export", "--format", "openmetrics", dir))
}

// notAboveNode fails when all workers together used more than the node did while they were watched.
func notAboveNode(t *testing.T, s series) {
	t.Helper()
	var workers float64
	for _, v := range s["nodemeter_worker_cpu_seconds_total"] {
		workers += v[len(v)-1] - v[0]
	}
	node := 0.0
	for mode, v := range s["nodemeter_cpu_seconds_total"] {
		if mode != "idle" && mode != "iowait" {
			node += v[len(v)-1] - v[0]
		}
	}
	t.Logf("workers together %.2f CPU seconds, the node %.2f", workers, node)
	if node == 0 || workers > 1.02*node+0.1 {
		t.Errorf("workers used %.2f CPU seconds, the whole node %.2f", workers, node)
	}
}

func processorTime(c *exec.Cmd) float64 {
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
}

// TestRunOfAProcessTree: nodemeter run on real loads, against wait4's rusage of the same tree.
func TestRunOfAProcessTree(t *testing.T) {
	need(t, "stress-ng")
	dir := t.TempDir()
	cmd := exec.Command(bin(t, "nodemeter"), "run", "--output", dir, "--", "sh", "-c",
		"stress-ng --cpu 1 --timeout 4 -q; (stress-ng --cpu 1 --timeout 2 -q &) ; sleep 2.5; for i in 1 2 3 4 5 6 7 8 9; do /bin/true; done; exit 6")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 6 {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	t.Log(stderr.String())
	m := regexp.MustCompile(`processor time +([0-9.]+) s`).FindStringSubmatch(stderr.String())
	if m == nil {
		t.Fatalf("no processor time:\n%s", stderr.String())
	}
	// rusage of the command alone lacks the stress-ng that it left behind, which
	// belongs to nodemeter at its end: the children's time of nodemeter itself has
	// both, with the agent's and the summary's own.
	s := recorded(t, dir)
	own, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for id = range s["nodemeter_worker_cpu_seconds_total"] {
	}
	got := s.last("worker_cpu_seconds_total", id)
	t.Logf("tree %.2f s, command alone %.2f s", got, own)
	if got < own-0.03 || got > processorTime(cmd) {
		t.Errorf("the tree used %.2f s; want between the command's own %.2f and all of nodemeter's children %.2f", got, own, processorTime(cmd))
	}
	notAboveNode(t, s)
}

// TestForkStorm: 2,000 processes that come and go, all children of this test.
// NODEMETER_STORM=1m makes it last a minute; CI has a quarter of one.
func TestForkStorm(t *testing.T) {
	need(t, "stress-ng")
	long := 15 * time.Second
	if s := os.Getenv("NODEMETER_STORM"); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	a := startAgent(t, nil, "--interval=1s", "--gpu=false", "--collector.root-pid="+strconv.Itoa(os.Getpid()))
	before := eventuallySeries(t, a)
	id := "run-" + strconv.Itoa(os.Getpid())
	begin := before.last("worker_cpu_seconds_total", id)
	storm := exec.Command("stress-ng", "--fork", "8", "--fork-max", "250", "--timeout", strconv.Itoa(int(long.Seconds())), "--metrics-brief")
	said, err := storm.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	t.Logf("%s", said)
	want := processorTime(storm)
	eventually(t, "the storm's time in the agent's figures", func() error {
		s, err := scrape(a)
		if err != nil {
			return err
		}
		if got := s.last("worker_cpu_seconds_total", id) - begin; math.Abs(got-want) > 0.02*want {
			return fmt.Errorf("%.2f s, want %.2f within 2 %%", got, want)
		}
		return nil
	})
	s, err := scrape(a)
	if err != nil {
		t.Fatal(err)
	}
	missed := s["nodemeter_missed_ticks_total"][""]
	if len(missed) == 0 || slices.Max(missed) > 0 {
		t.Errorf("missed ticks, by reason: %v", missed)
	}
	agrees(t, "fork storm", s.last("worker_cpu_seconds_total", id)-begin, want, 0.02)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	kib, _ := strconv.Atoi(string(peak[1]))
	t.Logf("agent's peak memory %d MiB", kib>>10)
	if kib > 128<<10 {
		t.Errorf("the agent took %d MiB", kib>>10)
	}
	if log := a.log.String(); strings.Contains(log, "ticks missed") {
		t.Errorf("ticks were missed:\n%s", log)
	}
	a.stop(t)
}

func scrape(a *agent) (series, error) {
	text, err := get(a.url + "/metrics")
	return seriesOf(text), err
}

// eventuallySeries waits for a worker's first figures.
func eventuallySeries(t *testing.T, a *agent) series {
	t.Helper()
	var s series
	eventually(t, "a worker", func() (err error) {
		if s, err = scrape(a); err == nil && len(s["nodemeter_worker_cpu_seconds_total"]) == 0 {
			err = fmt.Errorf("no worker yet")
		}
		return err
	})
	return s
}

// accounting makes a control group of the kernel's processor accounting, for a
// command to be compared with, and returns what starts a command in it.
func accounting(t *testing.T, name string) (prefix []string, usage func() float64) {
	t.Helper()
	dir := fmt.Sprintf("/sys/fs/cgroup/cpuacct/nodemeter-e2e-%d-%s", os.Getpid(), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("a control group to compare with: %v", err)
	}
	t.Cleanup(func() {
		eventually(t, "the end of "+dir, func() error { return os.Remove(dir) })
	})
	return []string{"sh", "-c", "echo $$ >" + dir + "/cgroup.procs; exec \"$@\"", "sh"}, func() float64 {
		b, err := os.ReadFile(dir + "/cpuacct.usage")
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.ParseFloat(strings.TrimSpace(string(b)), 64)
		if err != nil {
			t.Fatal(err)
		}
		return ns / 1e9
	}
}

// background starts a command and ends it with the test.
func background(t *testing.T, env []string, argv ...string) *exec.Cmd {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		log.Close()
		if t.Failed() {
			b, _ := os.ReadFile(log.Name())
			t.Logf("%q:\n%s", argv, b)
		}
	})
	return cmd
}

// TestDaskWorkers: two real Dask workers under different loads, each against a
// control group of the kernel's.
func TestDaskWorkers(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import distributed").Run(); err != nil {
		t.Fatalf("python3-distributed: %v", err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	_, port, _ := strings.Cut(address, ":")
	dir := t.TempDir()
	a := startAgent(t, nil, "--interval=200ms", "--gpu=false", "--collector.workers-discover=1s")
	background(t, nil, python, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
	usage := map[string]func() float64{}
	for _, name := range []string{"light", "heavy"} {
		prefix, used := accounting(t, name)
		usage[name] = used
		background(t, nil, append(prefix, python, "-m", "distributed.cli.dask_worker", address, "--name", name, "--nthreads", "1",
			"--no-dashboard", "--local-directory", filepath.Join(dir, name))...)
	}
	run(t, python, "-c", `
import sys, time
from distributed import Client
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(10000))
c = Client(sys.argv[1], timeout=50)
c.wait_for_workers(2)
f = [c.submit(burn, 2, workers="light", pure=False), c.submit(burn, 6, workers="heavy", pure=False)]
c.gather(f)
c.close()
`, address)
	ids := map[string]string{}
	eventually(t, "both workers in the agent's figures", func() error {
		text, err := get(a.url + "/metrics")
		if err != nil {
			return err
		}
		for _, l := range strings.Split(text, "\n") {
			if m := regexp.MustCompile(`nodemeter_worker_info\{.*name="(\w+)".*scheduler="` + address + `".*worker="([^"]+)"`).FindStringSubmatch(l); m != nil {
				ids[m[1]] = m[2]
			}
		}
		if len(ids) != 2 {
			return fmt.Errorf("found %v", ids)
		}
		return nil
	})
	eventually(t, "the agent's figures to agree with the kernel's", func() error {
		s, err := scrape(a)
		for name, used := range usage {
			if got, want := s.last("worker_cpu_seconds_total", ids[name]), used(); err == nil && !(math.Abs(got-want) <= 0.02*want+0.03) {
				err = fmt.Errorf("%s: %.3f s, want %.3f", name, got, want)
			}
		}
		return err
	})
	s, err := scrape(a)
	if err != nil {
		t.Fatal(err)
	}
	for name, used := range usage {
		agrees(t, name, s.last("worker_cpu_seconds_total", ids[name]), used(), 0.02)
	}
	a.stop(t)
}
