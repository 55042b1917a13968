package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nodemeter/analysis"
)

// running is an agent and the command it watches. One goroutine, reap, waits
// for every child there is, because processes that the command leaves behind
// become children of this one.
type running struct {
	stderr  io.Writer
	dir     string
	agent   int // process; 0 when it is not there
	command int
	ended   chan ending   // of the command
	gone    chan struct{} // closed when the agent has ended
	agentOK bool          // it said that it samples
	signals chan os.Signal
	toReap  chan int // the command, for reap; -1 when it could not be started
}

// agentLog is the agent's log, in the recording's directory.
const agentLog = "agent.log"

// The longest that starting the agent may hold up the command, and that its
// end may hold up the summary.
const (
	agentStart = 5 * time.Second
	agentEnd   = 20 * time.Second
)

// startAgent starts the agent and waits until it samples.
func (r *running) startAgent(f runFlags) error {
	path, err := findAgent()
	if err != nil {
		return err
	}
	if r.dir, err = runDir(f.output, time.Now()); err != nil {
		return err
	}
	// Orphans of the command come to this process rather than to init, so that
	// they are seen to belong to it. It is a wish: an old kernel refuses it.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	ready, address, err := listenReady()
	if err != nil {
		return err
	}
	defer ready.Close()
	log, err := os.OpenFile(filepath.Join(r.dir, agentLog), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("log of the agent: %w", err)
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	// The directory is the agent's working directory and not in its arguments:
	// tools that kill processes by their arguments' text must not find it there.
	p, err := os.StartProcess(path, agentArguments(f.interval, os.Getpid()), &os.ProcAttr{
		Dir: r.dir, Env: agentEnvironment(os.Environ(), address), Files: []*os.File{null, log, log},
		Sys: &syscall.SysProcAttr{Setpgid: true}, // a Ctrl-C is the command's
	})
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	r.agent, r.gone, r.ended, r.toReap = p.Pid, make(chan struct{}), make(chan ending, 1), make(chan int, 1)
	go r.reap()
	r.agentOK = r.awaitReady(ready)
	if !r.agentOK {
		fmt.Fprintf(r.stderr, "nodemeter: warning: the agent does not answer, see %s; the command is run all the same\n", analysis.Escape(log.Name()))
	}
	return nil
}

// agentArguments are the agent's, which hold nothing that a user chose but the interval.
func agentArguments(interval time.Duration, root int) []string {
	return []string{"nodemeterd", "--interval=" + interval.String(), "--windows.dir=.", "--windows.min-free=0",
		"--web.listen-address=none", fmt.Sprintf("--collector.root-pid=%d", root)}
}

// agentEnvironment leaves out what would configure another agent, and what a
// supervisor of this process would be told.
func agentEnvironment(env []string, address string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "NODEMETER_") && !strings.HasPrefix(name, "NODEMETER_GPU") ||
			slices.Contains([]string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "STATE_DIRECTORY", "LISTEN_FDS", "LISTEN_PID"}, name)
	})
	return append(env, "NOTIFY_SOCKET="+address)
}

// listenReady makes the socket on which the agent says that it samples
// (sd_notify(3)), in the abstract namespace: no file, no limit on its path.
func listenReady() (*net.UnixConn, string, error) {
	address := fmt.Sprintf("@nodemeter-run-%d-%d", os.Getpid(), time.Now().UnixNano())
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return nil, "", fmt.Errorf("socket for the agent: %w", err)
	}
	return c, address, nil
}

// awaitReady waits for the agent's word, or its end.
func (r *running) awaitReady(c *net.UnixConn) bool {
	said := make(chan bool, 1)
	_ = c.SetReadDeadline(time.Now().Add(agentStart)) // fails on a closed socket only
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			if err != nil || strings.Contains("\n"+string(buf[:n]), "\nREADY=1") {
				said <- err == nil
				return
			}
		}
	}()
	select {
	case ok := <-said:
		return ok
	case <-r.gone:
		return false
	}
}

// startCommand starts the command with this process's own terminal, files,
// process group and signals.
func (r *running) startCommand(path string, args []string) error {
	if intIgnored { // as it was when this process began: background jobs of scripts
		signal.Ignore(os.Interrupt)
	}
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		r.toReap <- -1
		return err
	}
	r.command = pid
	r.toReap <- pid
	return nil
}

// intIgnored is whether Ctrl-C was ignored when this process began; main
// changes that.
var intIgnored = signal.Ignored(os.Interrupt)

// reap waits for every child.
func (r *running) reap() {
	agent := r.agent
	command := 0 // not started, or not said to be
	for {
		var e ending
		pid, err := syscall.Wait4(-1, &e.status, 0, &e.usage)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil && command == 0: // no child is left, and the command is still to come
			if command = <-r.toReap; command > 0 {
				continue
			}
			return
		case err != nil:
			return
		}
		if command == 0 && pid != agent {
			command = <-r.toReap
		}
		switch pid {
		case agent:
			close(r.gone)
			agent = -1 // its number may be given to another
		case command:
			r.ended <- e
		}
	}
}

// listen begins to collect the signals that are the command's. It is called
// before anything is started, so that none is lost; those that this process was
// told to ignore stay ignored, by the command too.
func (r *running) listen() {
	r.signals = make(chan os.Signal, 16)
	var watched []os.Signal
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2} {
		if !signal.Ignored(s) {
			watched = append(watched, s)
		}
	}
	if len(watched) > 0 {
		signal.Notify(r.signals, watched...)
	}
}

// wait passes signals on until the command has ended.
func (r *running) wait() ending {
	for {
		select {
		case e := <-r.ended:
			return e
		case s := <-r.signals:
			if !fromTerminal(s.(syscall.Signal)) {
				_ = syscall.Kill(r.command, s.(syscall.Signal)) // it may have ended by now
			}
		}
	}
}

// fromTerminal reports whether the command has had a signal already: the
// terminal gives Ctrl-C and Ctrl-\ to the whole group in the foreground.
func fromTerminal(s syscall.Signal) bool {
	if s != syscall.SIGINT && s != syscall.SIGQUIT {
		return false
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}

// stopAgent lets the agent take its last sample and seal its window.
func (r *running) stopAgent() {
	if r.agent == 0 {
		return
	}
	select {
	case <-r.gone:
		if r.agentOK {
			fmt.Fprintf(r.stderr, "nodemeter: warning: the agent ended before the command did, and what follows its last sample is not recorded; see %s\n", analysis.Escape(filepath.Join(r.dir, agentLog)))
		}
		return
	default:
	}
	_ = syscall.Kill(r.agent, syscall.SIGTERM) // it may be gone by now
	select {
	case <-r.gone:
	case <-time.After(agentEnd):
		fmt.Fprintln(r.stderr, "nodemeter: warning: the agent does not end and is left behind; its window is not sealed")
	}
}

func signalName(s syscall.Signal) string {
	if n := unix.SignalName(s); n != "" {
		return n
	}
	return fmt.Sprintf("signal %d", int(s))
}
