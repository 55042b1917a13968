package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLengthenSlack runs itself: every thread of the program that begins anew
// has the longer slack, its arguments and environment are the same, and one
// that somebody else has set stays.
func TestLengthenSlack(t *testing.T) {
	if os.Getenv("SLACK_TEST") != "" {
		saySlack()
	}
	run := func(slack string) string {
		cmd := exec.Command("/proc/self/exe", "-test.run", "^TestLengthenSlack$", "-test.count", "1")
		cmd.Env = append(os.Environ(), "SLACK_TEST="+slack)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := run("default"); got != "1000000 begun anew 5" {
		t.Errorf("%q", got)
	}
	if got := run("theirs"); got != "70000 5" {
		t.Errorf("a slack that somebody set: %q", got)
	}
}

// saySlack prints the slack of this process's threads, whether it was begun
// anew, and how many arguments it has.
func saySlack() {
	runtime.LockOSThread() // the slack is a thread's
	anew := os.Getenv(slackTried) != ""
	if os.Getenv("SLACK_TEST") == "theirs" {
		unix.Prctl(unix.PR_SET_TIMERSLACK, 70_000, 0, 0, 0)
	} else if !anew {
		unix.Prctl(unix.PR_SET_TIMERSLACK, defaultSlack, 0, 0, 0)
	}
	lengthenSlack()
	slacks := map[string]bool{}
	threads, _ := filepath.Glob("/proc/self/task/*")
	for _, thread := range threads {
		if !anew { // only this thread's was set
			thread = strconv.Itoa(unix.Gettid())
		}
		b, err := os.ReadFile(filepath.Join("/proc", filepath.Base(thread), "timerslack_ns"))
		if err != nil {
			fmt.Print(err)
		}
		slacks[strings.TrimSpace(string(b))] = true
	}
	for s := range slacks {
		fmt.Print(s, " ")
	}
	if anew {
		fmt.Print("begun anew ")
	}
	if os.Getenv(slackTried) != "" {
		fmt.Print("the mark is still there ")
	}
	fmt.Println(len(os.Args))
	os.Exit(0)
}
