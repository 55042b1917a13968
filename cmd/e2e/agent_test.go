//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bin returns the path of a built binary.
func bin(t testing.TB, name string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("..", "..", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("%v (make build)", err)
	}
	return p
}

// need fails the test when a component is missing: CI installs all of them.
func need(t testing.TB, program string) string {
	t.Helper()
	p, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%v: the end-to-end tests need it (.ci/run installs it)", err)
	}
	return p
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// agent is a running nodemeterd.
type agent struct {
	cmd  *exec.Cmd
	dir  string
	url  string
	log  *syncBuffer
	done chan struct{} // closed when the process has ended
}

// startAgent is launchAgent, and waits until the agent is ready where it can be
// reached from here.
func startAgent(t testing.TB, prefix []string, args ...string) *agent {
	t.Helper()
	a := launchAgent(t, prefix, args...)
	if len(prefix) == 0 { // inside a namespace the port is not reachable from here
		eventually(t, "the agent to be ready", func() error {
			select {
			case <-a.done:
				return fatal{fmt.Errorf("nodemeterd ended:\n%s", a.log)}
			default:
			}
			_, err := get(a.url + "/-/ready")
			return err
		})
	}
	return a
}

// launchAgent starts nodemeterd on a private directory and a free port, under
// prefix (such as "ip netns exec NAME").
func launchAgent(t testing.TB, prefix []string, args ...string) *agent {
	t.Helper()
	a := &agent{dir: t.TempDir(), log: &syncBuffer{}, done: make(chan struct{})}
	port := freePort(t)
	a.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	argv := append(append([]string{}, prefix...), bin(t, "nodemeterd"),
		"--windows.dir="+a.dir, fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port))
	argv = append(argv, args...)
	a.cmd = exec.Command(argv[0], argv[1:]...)
	a.cmd.Stderr, a.cmd.Stdout = a.log, a.log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { a.cmd.Wait(); close(a.done) }()
	t.Cleanup(func() { a.cmd.Process.Kill(); <-a.done })
	return a
}

// stop ends the agent in order and fails the test unless it exits with 0.
func (a *agent) stop(t *testing.T) {
	t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-a.done:
	case <-time.After(20 * time.Second):
		t.Fatalf("nodemeterd did not stop within 20 s of SIGTERM:\n%s", a.log)
	}
	if code := a.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("nodemeterd exited with %d:\n%s", code, a.log)
	}
}

type fatal struct{ error }

// eventually retries until f succeeds; the deadline only bounds a failing test.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		var stop fatal
		if errors.As(err, &stop) {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v", what, err)
		case <-tick.C:
		}
	}
}

func get(url string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, b)
	}
	return string(b), err
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// run executes a command, fails the test when it fails, and returns its stdout.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// summaryJSON runs `nodemeter summary --format json` and decodes its answer.
func summaryJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	out := run(t, bin(t, "nodemeter"), append([]string{"summary", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("summary: %v\n%s", err, out)
	}
}
