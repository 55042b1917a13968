package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFirstNodeOfAList: only the node that ran the job's script appends the line.
func TestFirstNodeOfAList(t *testing.T) {
	function := regexp.MustCompile(`(?s)\nfirst\(\) \{.*?\n\}\n`).FindString(read(t, "slurm/epilog.sh"))
	if function == "" {
		t.Fatal("the epilog has no function first")
	}
	for list, want := range map[string]string{
		"n1": "n1", "n1,n2": "n1", "gpu[01-04,7]": "gpu01", "n[3,5],m[1-2]": "n3", "n[10-12]-ib,x": "n10-ib", "a-b-3": "a-b-3",
	} {
		out, err := exec.Command("sh", "-c", function+`first "$1"`, "sh", list).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s: got %q (%v), want %s", list, out, err, want)
		}
	}
}

// TestPrologWritesOneMark: a job's name cannot say more than it is asked, and
// nothing makes the prolog fail.
func TestPrologWritesOneMark(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jobs")
	text := regexp.MustCompile(`(?m)^marks=\S+`).ReplaceAllLiteralString(read(t, "slurm/prolog.sh"), "marks="+dir)
	prolog := filepath.Join(t.TempDir(), "prolog.sh")
	if err := os.WriteFile(prolog, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	start := func(env ...string) {
		t.Helper()
		cmd := exec.Command("/bin/sh", prolog)
		cmd.Env = env // and nothing else, as Slurm does
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %v %s", env, err, out)
		}
	}
	start("SLURM_JOB_ID=7", "SLURMD_NODENAME=n1", "SLURM_JOB_USER=ada", "SLURM_JOB_NAME=x\nuser=root\r\naccount=$(id)`id`%s", "SLURM_JOB_CPUS_PER_NODE=4(x2)", "SLURM_JOB_GPUS=0,1")
	mark := read(t, filepath.Join(dir, "7@n1"))
	for key, want := range map[string]string{"job": "7", "user": "ada", "name": "x user=root  account=$(id)`id`%s", "cpus": "4", "gpus": "0,1"} {
		found := regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(mark, -1)
		if len(found) != 1 || found[0][1] != want {
			t.Errorf("%s: %q, want one %q", key, found, want)
		}
	}
	if n := strings.Count(mark, "\n"); n != 6 {
		t.Errorf("%d lines:\n%s", n, mark)
	}
	start("SLURM_JOB_ID=9", "SLURMD_NODENAME=n2", "SLURM_JOB_USER=ada", "SLURM_JOB_CPUS_PER_NODE=16,4(x2)")
	if mark := read(t, filepath.Join(dir, "9@n2")); strings.Contains(mark, "cpus=") {
		t.Errorf("which of them are this node's is not known:\n%s", mark)
	}
	start() // not of a job
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o644); err != nil { // no place for marks
		t.Fatal(err)
	}
	start("SLURM_JOB_ID=8", "SLURMD_NODENAME=n1")
}
