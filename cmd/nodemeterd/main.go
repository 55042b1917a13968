// Command nodemeterd samples the node it runs on, serves the latest sample to
// Prometheus and records sample windows for nodemeter to read.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker (make build).
var version = "dev"

func main() { os.Exit(start()) }

// start runs the process and returns its exit code.
func start() int {
	if code, ok := child(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); ok {
		return code
	}
	lengthenSlack()
	beSmall(os.LookupEnv)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
}

// beSmall sets up Go's runtime for a process that does little, unless the
// environment says otherwise. A tick has work for one thread; a second would be
// woken for every piece of it only to find none left. And with a live heap of a
// megabyte, collecting at two costs nothing and keeps the other two.
func beSmall(env lookup) {
	if _, told := env("GOMAXPROCS"); !told {
		runtime.GOMAXPROCS(1)
	}
	if _, told := env("GOGC"); !told {
		debug.SetGCPercent(50)
	}
}

// usageError is a wrong command line: exit code 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// lookup finds an environment variable, as os.LookupEnv does.
type lookup func(name string) (string, bool)

// run executes one command line and returns the exit code: 0, 1 when it
// failed, 2 when the command line is wrong.
func run(ctx context.Context, args []string, env lookup, stdout, stderr io.Writer) int {
	err := command(env, stdout, stderr, args).ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "nodemeterd: %v\nSee 'nodemeterd --help'.\n", err)
		return 2
	}
	fmt.Fprintf(stderr, "nodemeterd: %v\n", err)
	return 1
}

func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q", args[0])
	}
	return nil
}

// command builds the command line.
func command(env lookup, stdout, stderr io.Writer, args []string) *cobra.Command {
	s := &settings{}
	groups := s.flags()
	root := &cobra.Command{
		Use:               "nodemeterd [flags]",
		Short:             "Sample, export and record the utilization of an HPC node",
		Long:              long,
		Example:           examples,
		Version:           version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.resolve(cmd.Flags(), env); err != nil {
				return err
			}
			level := new(slog.LevelVar)
			log, err := s.logger(stderr, env, level)
			if err != nil {
				return err
			}
			if s.once {
				return once(cmd.Context(), s, log, stdout)
			}
			return serve(cmd.Context(), s, &configuration{args, env, level}, log)
		},
	}
	for _, g := range groups {
		root.Flags().AddFlagSet(g.flags)
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { help(cmd, groups) })
	return root
}
