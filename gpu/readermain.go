package gpu

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"nodemeter/gpu/amd"
	"nodemeter/gpu/device"
	"nodemeter/gpu/nvml"
	"nodemeter/gpu/reader"
	"nodemeter/gpu/wire"
)

// readerArg is the first argument of the reader process.
const readerArg = "gpu-reader"

// ReaderMain is the whole of the reader process: the program calls it first
// thing when its first argument is "gpu-reader", with the arguments after
// that, its standard input and output. It returns the exit code.
func ReaderMain(args []string, in io.Reader, out io.Writer) int {
	if len(args) > 0 && args[0] == readerArg {
		args = args[1:]
	}
	cfg, err := readerConfig(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "gpu-reader: %v\n", err)
		return 2
	}
	cfg.KernelTimer = true
	if os.Getenv("GOMAXPROCS") == "" {
		cfg.Widen = widen
		widen(false)
	}
	// The agent decides when the reader leaves, by closing the pipe: a signal
	// to the whole service must not take the last sample's GPUs away.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	if err := reader.Serve(cfg, in, keepForFrames(out)); err != nil {
		fmt.Fprintf(os.Stderr, "gpu-reader: %v\n", err)
		return 1
	}
	return 0
}

// widen sets how many threads run Go code at a time: one while every GPU
// answers, because a second costs more than all calls to eight GPUs in being
// woken and finding nothing to do; more while a call is stuck, so that the
// others do not depend on how soon Go takes its processor back from it.
func widen(wide bool) {
	n := 1
	if wide {
		n = 4
	}
	runtime.GOMAXPROCS(n)
}

func readerConfig(args []string) (reader.Config, error) {
	var cfg reader.Config
	var library, root, backends, avoid string
	var marks int
	f := flag.NewFlagSet(readerArg, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&library, "library", "", "path of libnvidia-ml.so.1")
	f.StringVar(&root, "root", "/", "root of /sys")
	f.StringVar(&backends, "backends", "nvml", "drivers to use, separated by commas")
	f.StringVar(&avoid, "avoid", "", "identities of GPUs to leave alone, separated by commas")
	f.IntVar(&marks, "marks", -1, "descriptor of the page that says which GPUs are being called")
	f.DurationVar(&cfg.Medium, "medium", 5*time.Second, "time between dear calls")
	f.DurationVar(&cfg.Slow, "slow", 30*time.Second, "time between very dear calls")
	f.DurationVar(&cfg.Rescan, "rescan", 15*time.Second, "time between enumerations")
	f.DurationVar(&cfg.LongestStep, "longest-step", 10*time.Second, "longest time that one reading speaks for")
	f.DurationVar(&cfg.DetailEvery, "detail", 5*time.Second, "time between details")
	if err := f.Parse(args); err != nil {
		return cfg, err
	}
	if avoid != "" {
		cfg.Avoid = strings.Split(avoid, ",")
	}
	if marks >= 0 {
		page, err := wire.MapMarks(os.NewFile(uintptr(marks), "marks"))
		if err != nil {
			return cfg, err
		}
		cfg.Marks = page
	}
	var err error
	cfg.Backends, err = newBackends(backends, library, root)
	return cfg, err
}

// newBackends makes the backends named, separated by commas.
func newBackends(names, library, root string) ([]device.Backend, error) {
	var all []device.Backend
	for name := range strings.SplitSeq(names, ",") {
		switch name {
		case "nvml":
			all = append(all, nvml.New(library))
		case "amdgpu":
			all = append(all, amd.New(root))
		default:
			return nil, fmt.Errorf("unknown backend %q", name)
		}
	}
	return all, nil
}

// keepForFrames moves the pipe away from descriptor 1, which from then on is
// standard error, so that a library that prints cannot break a frame.
func keepForFrames(out io.Writer) io.Writer {
	f, ok := out.(*os.File)
	if !ok || f.Fd() != 1 {
		return out
	}
	fd, err := syscall.Dup(1)
	if err != nil {
		return out
	}
	syscall.CloseOnExec(fd)
	if err := syscall.Dup3(2, 1, 0); err != nil {
		return out
	}
	return os.NewFile(uintptr(fd), "frames")
}
