package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nodemeterd": func() { os.Exit(start()) }})
}

// TestScripts runs the daemon as its users do: testdata/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			port, err := freePort()
			env.Setenv("PORT", port)
			env.Setenv("NODEMETER_WEB_LISTEN_ADDRESS", "127.0.0.1:"+port)
			env.Setenv("NODEMETER_WINDOWS_DIR", env.WorkDir+"/windows")
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "await": await, "fetch": fetch, "signal": sendSignal,
		},
	})
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// exits CODE PROGRAM ARG... runs a program and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// awaitLimit bounds how long a script waits for the daemon.
const awaitLimit = 20 * time.Second

// await URL [PATTERN] waits until it answers with 200 and a line that matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + strings.Join(args[1:], " "))
	end := time.After(awaitLimit)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		body, err := get(args[0])
		if err == nil && pattern.Match(body) {
			return
		}
		select {
		case <-end:
			ts.Fatalf("%s: %v\n%s", args[0], err, body)
		case <-again.C:
		}
	}
}

// get returns what is at a URL; an answer other than 200 is an error.
func get(url string) ([]byte, error) {
	r, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, r.Status)
	}
	return body, err
}

// fetch URL FILE saves what is there.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	body, err := get(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), body, 0o644))
}

// sendSignal TERM|INT|USR1|USR2 sends it to every program in the background.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	s, ok := map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "HUP": syscall.SIGHUP,
	}[args[0]]
	if !ok {
		ts.Fatalf("signal %q is not known here", args[0])
	}
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(s))
	}
}
