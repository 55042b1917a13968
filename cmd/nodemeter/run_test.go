package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fakeAgent is a nodemeterd that samples nothing: it says that it is ready and
// waits for its end.
func fakeAgent() {
	if os.Getenv("FAKE_AGENT") == "exits" {
		os.Exit(3)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprint(c, "READY=1\nSTATUS=pretending")
	<-ended
}

// killPatterns are the texts in a process's arguments or name by which QTau and
// Ray's stop command choose what to kill.
func killPatterns() []string {
	return []string{
		"dask worker", "dask scheduler", "bootstrap_dask", "dask_v2.agent", "dask cuda", "qtau.plugins.ray_v2.agent", "pilot.plugins",
		"raylet", "plasma_store", "gcs_server", "ray::", "monitor.py", "reporter.py", "log_monitor.py", "default_worker.py",
		"dashboard/agent.py", "dashboard/dashboard.py", "setup_worker.py", "runtime_env/agent/main.py", "ray_client_server", "client/server",
	}
}

func TestNothingOfOursIsWhatOthersKill(t *testing.T) {
	ours := []string{"nodemeter", "nodemeterd", serviceDir, stateDir()}
	for _, sub := range commands {
		cmd := sub()
		ours = append(ours, cmd.Name())
		ours = append(ours, strings.Fields(cmd.Flags().FlagUsages())...)
		for f := range strings.FieldsSeq(cmd.Flags().FlagUsages()) {
			if strings.HasPrefix(f, "--") {
				ours = append(ours, f)
			}
		}
	}
	dir, err := runDir(filepath.Join(t.TempDir(), "d"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ours = append(ours, dir, agentLog, strings.Join(agentArguments(time.Second, 123456), " "))
	for _, text := range ours {
		for _, p := range killPatterns() {
			if strings.Contains(text, p) {
				t.Errorf("%q contains %q", text, p)
			}
		}
	}
}

// nodemeterRun makes a command that runs "nodemeter run" with the fake agent.
func nodemeterRun(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // bounds a test that fails
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "nodemeter", append([]string{"run", "--output", filepath.Join(t.TempDir(), "out"), "--"}, args...)...)
	return cmd
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err == nil {
		return 0
	}
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

func TestRunKeepsExitCodesAndStreams(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notExecutable, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		stdin  string
		code   int
		stdout string
	}{
		{[]string{"sh", "-c", "exit 0"}, "", 0, ""},
		{[]string{"sh", "-c", "exit 7"}, "", 7, ""},
		{[]string{"sh", "-c", "kill -TERM $$"}, "", 128 + 15, ""},
		{[]string{"sh", "-c", "kill -KILL $$"}, "", 128 + 9, ""},
		{[]string{"cat"}, "in and out\n", 0, "in and out\n"},
		{[]string{"no-such-command-here"}, "", 127, ""},
		{[]string{notExecutable}, "", 126, ""},
		{[]string{"sh", "-c", "(sleep 0.2; echo orphan) & exit 3"}, "", 3, ""},
	} {
		cmd := nodemeterRun(t, c.args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.stdin), &stdout, &stderr
		if code := exitCode(t, cmd.Run()); code != c.code {
			t.Errorf("%q: exit code %d, want %d\n%s", c.args, code, c.code, stderr.String())
		}
		if out := stdout.String(); out != c.stdout && out != "orphan\n" {
			t.Errorf("%q: stdout %q, want %q", c.args, out, c.stdout)
		}
	}
}

func TestRunWithoutAnAgent(t *testing.T) {
	self, err := exec.LookPath("nodemeter")
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "nodemeter")
	if err := os.Link(self, alone); err != nil {
		t.Fatal(err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	bare := t.TempDir() // a PATH without an agent, which may be installed on this machine
	if err := os.Symlink(sh, filepath.Join(bare, "sh")); err != nil {
		t.Fatal(err)
	}
	cmd := nodemeterRun(t, "sh", "-c", "echo ran")
	cmd.Path, cmd.Env = alone, append(os.Environ(), "PATH="+bare)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if code := exitCode(t, cmd.Run()); code != exitOwn || stdout.Len() > 0 || !strings.Contains(stderr.String(), "nodemeterd is neither beside") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

func TestRunPassesSignalsOn(t *testing.T) {
	cmd := nodemeterRun(t, "sh", "-c", `trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.02; done`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, out, "ready\n")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, out, "got\n")
	if code := exitCode(t, cmd.Wait()); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
}

// waitFor reads until the output ends in want.
func waitFor(t *testing.T, r io.Reader, want string) string {
	t.Helper()
	var got []byte
	buf := make([]byte, 1)
	for !strings.HasSuffix(string(got), want) {
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			t.Fatalf("output %q ended before %q: %v", got, want, err)
		}
	}
	return string(got)
}

func TestRunHidesTheCommandsArguments(t *testing.T) {
	cmd := nodemeterRun(t, "sh", "-c", `tr '\0' ' ' < /proc/$PPID/cmdline; tr '\0' ' ' < /proc/$$/cmdline`, "dask worker")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	line := string(out)
	if n := strings.Count(line, "dask worker"); n != 1 || !strings.HasPrefix(line, "nodemeter run") {
		t.Errorf("arguments of nodemeter, then of the command: %q", line)
	}
}

// terminal opens a pseudo-terminal: the end of the person and that of the programs.
func terminal(t *testing.T) (person, programs *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	programs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, programs
}

func TestRunKeepsTheTerminal(t *testing.T) {
	person, programs := terminal(t)
	cmd := nodemeterRun(t, "sh", "-c", `trap 'echo interrupted; n=$((n+1)); [ $n -lt 9 ] || exit 9' INT
		test -t 0 && test -t 1 && test -t 2 && echo terminal
		stty size; read line; echo "read $line"; echo waiting; sleep 5 & wait $!; wait $!; echo "times $n"; exit 4`)
	if err := unix.IoctlSetWinsize(int(programs.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 77}); err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = programs, programs, programs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	programs.Close()
	waitFor(t, person, "terminal\r\n33 77\r\n")
	fmt.Fprint(person, "hello\n")
	waitFor(t, person, "read hello\r\n")
	waitFor(t, person, "waiting\r\n")
	fmt.Fprint(person, "\x03") // Ctrl-C goes to the group in the foreground: to the command once, not twice
	all := waitFor(t, person, "times 1\r\n")
	if n := strings.Count(all, "interrupted"); n != 1 {
		t.Errorf("%d interrupts: %q", n, all)
	}
	if code := exitCode(t, cmd.Wait()); code != 4 {
		t.Errorf("exit code %d, want 4", code)
	}
}

func TestAgentEnvironment(t *testing.T) {
	got := agentEnvironment([]string{"PATH=/bin", "NODEMETER_REMOTE_WRITE_URL=http://x", "NODEMETER_GPU_LIBRARY=/l", "NOTIFY_SOCKET=/run/x", "WATCHDOG_USEC=1"}, "@a")
	if want := []string{"PATH=/bin", "NODEMETER_GPU_LIBRARY=/l", "NOTIFY_SOCKET=@a"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
