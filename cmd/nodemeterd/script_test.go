package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
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

// await URL waits until it answers with 200.
func await(ts *testscript.TestScript, neg bool, args []string) {
	end := time.After(awaitLimit)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		r, err := http.Get(args[0])
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("%s", r.Status)
		}
		select {
		case <-end:
			ts.Fatalf("%s: %v", args[0], err)
		case <-again.C:
		}
	}
}

// fetch URL FILE saves what is there.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	r, err := http.Get(args[0])
	ts.Check(err)
	defer r.Body.Close()
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	_, err = f.ReadFrom(r.Body)
	ts.Check(err)
	ts.Check(f.Close())
	if r.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", args[0], r.Status)
	}
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
