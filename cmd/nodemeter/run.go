package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nodemeter/analysis"
)

// shortestInterval is the agent's.
const shortestInterval = 10 * time.Millisecond

// runFlags are the flags of run.
type runFlags struct {
	interval time.Duration
	output   string
	report   string
	quiet    bool
}

// exitError is the exit code of the command that run ran; it has had its say.
type exitError int

func (e exitError) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// The exit codes of run itself, as of env(1), nice(1) and timeout(1).
const (
	exitOwn      = 125 // run could not do its part; the command was not started
	exitNotRun   = 126 // the command was found and cannot be executed
	exitNotFound = 127
	exitSignal   = 128 // plus the number of the signal that ended the command
)

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [flags] -- COMMAND [ARG…]",
		Short: "Run a command and say what it and the node used",
		Long: `Run starts an agent for one command, runs the command, and prints on standard error what its
processes and the node used, with the findings. It needs no root and no service, and opens no port.
The command keeps its terminal, standard input and output, signals and exit code; processes that it
leaves behind are counted until it ends. 125 is the exit code when run itself fails before the
command starts, 126 and 127 when the command cannot be executed or found, 128+N when signal N ends it.`,
		Example: "  nodemeter run -- ./train.sh\n  nodemeter run --interval 1s --output run1 --report run1.html -- mpirun -n 8 ./solver",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("run: name a command to run")
			}
			if f.interval < shortestInterval {
				return usagef("--interval=%s: the shortest interval is %s", f.interval, shortestInterval)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.output, f.report = strings.Clone(f.output), strings.Clone(f.report)
			args = hideArguments(args)
			return runCommand(context.WithoutCancel(cmd.Context()), args, f, cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.SetInterspersed(false)
	fl.DurationVar(&f.interval, "interval", 100*time.Millisecond, "`time` between samples")
	fl.StringVar(&f.output, "output", "", "record to this `DIR` (default: one of its own under $XDG_STATE_HOME/nodemeter/runs or ~/.local/state/nodemeter/runs)")
	fl.StringVar(&f.report, "report", "", "write an HTML report to this `FILE` too")
	fl.BoolVar(&f.quiet, "quiet", false, "record and print nothing but problems")
	return cmd
}

// runCommand runs one command under an agent. It returns an exitError that is
// the command's.
func runCommand(ctx context.Context, args []string, f runFlags, stderr io.Writer) error {
	path, code, err := findCommand(args[0])
	if err != nil {
		fmt.Fprintf(stderr, "nodemeter: %v\n", err)
		return exitError(code)
	}
	r := &running{stderr: stderr}
	r.listen()
	if err := r.startAgent(f); err != nil {
		fmt.Fprintf(stderr, "nodemeter: %v\n", err)
		return exitError(exitOwn)
	}
	started := time.Now()
	if err := r.startCommand(path, args); err != nil {
		r.stopAgent()
		fmt.Fprintf(stderr, "nodemeter: %s: %v\n", analysis.Escape(args[0]), err)
		return exitError(exitNotRun)
	}
	end := r.wait()
	took := time.Since(started)
	r.stopAgent()
	if err := f.tell(ctx, r, args, end, took, stderr); err != nil {
		fmt.Fprintf(stderr, "nodemeter: %v\n", err)
	}
	if code := end.code(); code != 0 {
		return exitError(code)
	}
	return nil
}

// findCommand finds the command's file as a shell does.
func findCommand(name string) (path string, code int, err error) {
	path, err = exec.LookPath(name)
	switch {
	case err == nil || errors.Is(err, exec.ErrDot):
		return path, 0, nil
	case errors.Is(err, os.ErrPermission):
		return "", exitNotRun, err
	}
	return "", exitNotFound, err
}

// findAgent finds nodemeterd: beside this program, else where the shell would.
func findAgent() (string, error) {
	self, err := os.Executable()
	if err == nil {
		beside := filepath.Join(filepath.Dir(self), "nodemeterd")
		if fi, err := os.Stat(beside); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return beside, nil
		}
	}
	path, err := exec.LookPath("nodemeterd")
	if err != nil {
		return "", fmt.Errorf("run needs the agent: nodemeterd is neither beside %s nor on PATH", analysis.Escape(self))
	}
	return filepath.Abs(path)
}

// runDir makes the directory of a recording: the one asked for, or a new one.
func runDir(output string, now time.Time) (string, error) {
	if output != "" {
		if err := os.MkdirAll(output, 0o755); err != nil {
			return "", fmt.Errorf("--output: %w", err)
		}
		return filepath.Abs(output)
	}
	parent := filepath.Join(filepath.Dir(stateDir()), "runs")
	if stateDir() == "" || os.MkdirAll(parent, 0o700) != nil {
		parent = os.TempDir()
	}
	dir, err := os.MkdirTemp(parent, now.Format("20060102-150405-"))
	if err != nil {
		return "", fmt.Errorf("directory of the recording (name one with --output): %w", err)
	}
	return dir, nil
}

// ending is how a process ended and what it and the children it waited for used.
type ending struct {
	status syscall.WaitStatus
	usage  syscall.Rusage
}

// code is the exit code that a shell gives.
func (e ending) code() int {
	if e.status.Signaled() {
		return exitSignal + int(e.status.Signal())
	}
	return e.status.ExitStatus()
}

// how says how the command ended.
func (e ending) how() string {
	if e.status.Signaled() {
		return "was ended by " + signalName(e.status.Signal())
	}
	return fmt.Sprintf("ended with %d", e.status.ExitStatus())
}
