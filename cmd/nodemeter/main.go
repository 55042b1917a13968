// Command nodemeter turns what nodemeterd recorded into answers, offline.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker (make build).
var version = "dev"

// commands is every subcommand, in the order --help shows them; one file each.
var commands = []func() *cobra.Command{
	newSummary,
	newPlot,
	newReport,
	newCompare,
	newExport,
	newInspect,
	newVerify,
	newRepair,
	newSlice,
	newTasks,
	newScaling,
	newRun,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errFound is returned by a command whose answer is bad news that it has
// already printed: verify on damage, summary --fail-on. Exit code 1, no message.
var errFound = errors.New("found what was looked for")

// usageError is a wrong command line: exit code 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run executes one command line and returns the exit code: 0, 1 when it
// failed, 2 when the command line is wrong.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := newRoot(args, stdin, stdout, stderr).ExecuteContext(ctx)
	stderr = printable{stderr}
	var usage usageError
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.Is(err, errFound):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "nodemeter: %v\nSee 'nodemeter --help'.\n", err)
		return 2
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "nodemeter: interrupted")
		return 1
	}
	fmt.Fprintf(stderr, "nodemeter: %v\n", err)
	return 1
}

// newRoot is the command line.
func newRoot(args []string, stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "nodemeter",
		Short:         "Summarize, draw and check what nodemeterd recorded on HPC nodes",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	for _, make := range commands {
		root.AddCommand(make())
	}
	checkArgs(root)
	return root
}

// checkArgs makes wrong arguments of a command and of those below it usage
// errors, which say how it is called.
func checkArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usagef("%w; it is used as: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}
