//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// hook copies a script of deploy/slurm with other settings in its first lines.
func (s *slurm) hook(t *testing.T, name string, settings map[string]string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "deploy", "slurm", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for key, value := range settings {
		line := regexp.MustCompile(`(?m)^` + key + `=.*$`)
		if !line.MatchString(text) {
			t.Fatalf("%s has no setting %s", name, key)
		}
		text = line.ReplaceAllLiteralString(text, key+"="+value)
	}
	path := s.path(name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSlurmHooks: an agent without privileges, and a user's job. The prolog's
// mark tells the agent what it may not read in the job's environment, and the
// epilog's line arrives in the job's own output. The job's script starts an
// agent of its own, as QTau's scheduler_script_commands would.
func TestSlurmHooks(t *testing.T) {
	t.Parallel()
	const user, uid = "nobody", "65534"
	base := t.TempDir()
	windows, marks, home := filepath.Join(base, "windows"), filepath.Join(base, "marks"), filepath.Join(base, "home")
	for dir, mode := range map[string]os.FileMode{filepath.Dir(base): 0o755, base: 0o755, windows: 0o777, home: 0o777} {
		if err := os.MkdirAll(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	s := startSlurm(t, func(s *slurm) string {
		path := filepath.Dir(bin(t, "nodemeter")) + ":/usr/sbin:/usr/bin:/sbin:/bin"
		prolog := s.hook(t, "prolog.sh", map[string]string{"marks": marks})
		epilog := s.hook(t, "epilog.sh", map[string]string{"marks": marks, "windows": windows, "wait": "1", "PATH": path})
		return fmt.Sprintf("Prolog=%s\nEpilog=%s\n", prolog, epilog)
	})
	// The user's own srun reads the configuration and asks munge.
	for path, mode := range map[string]os.FileMode{s.dir: 0o755, s.path("slurm.conf"): 0o644, s.path("cgroup.conf"): 0o644, s.path("gres.conf"): 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	a := startAgent(t, []string{"setpriv", "--reuid=" + uid, "--regid=" + uid, "--clear-groups"},
		"--interval=200ms", "--gpu=false", "--windows.dir="+windows, "--collector.job-marks="+marks)
	eventually(t, "the agent to be ready", func() error { _, err := get(a.url + "/-/ready"); return err })
	script := filepath.Join(home, "job.sh")
	text := fmt.Sprintf(`#!/bin/sh
cat %s/$SLURM_JOB_ID@$SLURMD_NODENAME
%s
cd %s
/usr/bin/python3 -c 'import time
while time.process_time() < 2: pass'
`, marks, scriptCommands(t, filepath.Dir(bin(t, "nodemeterd"))), home)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.command("sbatch", "--uid="+user, "--chdir="+home, "--export=ALL,HOME="+home, "-o", filepath.Join(home, "out-%j"), "-n1", "--mem=200", "-J", "hooked", "-w", s.nodes[0], script); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the mark in the agent's figures", func() error {
		text, err := get(a.url + "/metrics")
		if err == nil && !regexp.MustCompile(`nodemeter_worker_info\{.*job="1".*partition="p".*user="nobody"`).MatchString(text) {
			err = fmt.Errorf("not there yet; the agent said:\n%s", a.log)
		}
		return err
	})
	said := ""
	eventually(t, "the epilog's line", func() error {
		b, err := os.ReadFile(filepath.Join(home, "out-1"))
		if err == nil && !strings.Contains(string(b), "\nnodemeter: ") {
			err = fmt.Errorf("the job said:\n%s", b)
		}
		said = string(b)
		return err
	})
	t.Log(said)
	if !regexp.MustCompile(`(?m)^job=1\nstart=\d+\.\d+\nuser=nobody\npartition=p\ncpus=\d+\n`).MatchString(said) {
		t.Error("the mark is not what the prolog says it writes")
	}
	// Of a job this short the second that may pass before it is found is a good part.
	want := regexp.MustCompile(`(?m)^nodemeter: job 1 \(nobody\): [\d.]+ s on 1 node; CPU [\d.]+ of \d cores \(\d+%\); memory peak [\d.]+ MiB of [\d.]+ .iB \(\d+%\); coverage (\d\d\.\d|100\.0)%$`)
	if !want.MatchString(said) {
		t.Error("the line is not what it should be")
	}
	if left, _ := os.ReadDir(marks); len(left) > 0 {
		t.Errorf("the epilog left %v", left)
	}
	a.stop(t)
	// The agent that the job itself started was ended with the job, and its window is whole.
	own := filepath.Join(home, "nodemeter", "1")
	if out := run(t, bin(t, "nodemeter"), "verify", own); !strings.Contains(out, " 0 damaged") {
		t.Errorf("the windows of the job's own agent: %s", out)
	}
	t.Log(run(t, bin(t, "nodemeter"), "summary", "--job", "1", windows))
}

// scriptCommands are the lines of docs/slurm.md for QTau's scheduler_script_commands.
func scriptCommands(t *testing.T, bin string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "slurm.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)"scheduler_script_commands": \[\n(.*?)\n *\]`).FindSubmatch(b)
	if m == nil {
		t.Fatal("docs/slurm.md has no scheduler_script_commands")
	}
	var lines []string
	if err := json.Unmarshal([]byte("["+string(m[1])+"]"), &lines); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + bin + ":$PATH\n" + strings.Join(lines, "\n")
}
