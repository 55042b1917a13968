package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"nodemeter/collector"
	"nodemeter/collector/metric"
	"nodemeter/collector/worker"
	"nodemeter/gpu"
)

// workerSettings say whose load is told apart.
type workerSettings struct {
	on       bool
	rootPID  int
	discover time.Duration
	detail   worker.Detail
	patterns patternList
	marks    string
}

func (w *workerSettings) flags(fs *pflag.FlagSet) {
	fs.BoolVar(&w.on, "collector.workers", true, "tell apart the load of jobs, workers of known engines and login sessions")
	fs.Var(durationFlag(&w.discover, 5*time.Second), "collector.workers-discover", "time between two searches for workers")
	fs.Var(detailFlag{&w.detail}, "collector.workers-slurm", "a worker is a Slurm `PART`: job; step: each step of a job too; task: each task of a step too. What is inside another is taken from it")
	fs.Var(&w.patterns, "collector.worker-patterns", "`NAME=REGEXP` of command lines whose processes, with descendants, are workers; in the --config.file or the environment only")
	fs.StringVar(&w.marks, "collector.job-marks", "/run/nodemeter-jobs", "`directory` in which a prolog leaves a small file for each job, which tells its owner and name; it and the files must be root's or the agent's own. Empty for none")
	fs.IntVar(&w.rootPID, "collector.root-pid", 0, "take the descendants of this `process` for the only worker, and stop when it ends")
	fs.Lookup("collector.root-pid").DefValue = ""
}

// detailFlag is a flag value: job, step or task.
type detailFlag struct{ d *worker.Detail }

// Set implements pflag.Value.
func (f detailFlag) Set(s string) (err error) {
	*f.d, err = worker.ParseDetail(s)
	return err
}

// String implements pflag.Value.
func (f detailFlag) String() string { return f.d.String() }

// Type implements pflag.Value.
func (f detailFlag) Type() string { return "string" }

// patternList is a flag value that the command line may not set: what a pattern
// matches would then be in this process's own arguments, and tools that kill
// processes by such text would kill it too.
type patternList struct{ list []worker.Pattern }

// Set implements pflag.Value; only the command line calls it.
func (p *patternList) Set(string) error {
	return errors.New("goes into the --config.file or the environment: in the arguments, the text could be taken for a worker's own")
}

// Replace implements pflag.SliceValue; the environment and the file call it.
func (p *patternList) Replace(values []string) error {
	p.list = nil
	for _, v := range values {
		if err := p.Append(v); err != nil {
			return err
		}
	}
	return nil
}

// Append implements pflag.SliceValue.
func (p *patternList) Append(v string) error {
	parsed, err := worker.ParsePattern(v)
	if err == nil {
		p.list = append(p.list, parsed)
	}
	return err
}

// GetSlice implements pflag.SliceValue.
func (p *patternList) GetSlice() []string {
	var out []string
	for _, v := range p.list {
		out = append(out, v.Name+"="+v.Command.String())
	}
	return out
}

// String implements pflag.Value.
func (p *patternList) String() string { return strings.Join(p.GetSlice(), ",") }

// Type implements pflag.Value.
func (p *patternList) Type() string { return "list" }

// entry is the line of the source table.
func (w *workerSettings) entry(node *metric.Entity, gpus *gpu.Source, log *slog.Logger) collector.Entry {
	o := worker.Options{Node: node, RootPID: w.rootPID, Discover: w.discover, Slurm: w.detail, Patterns: w.patterns.list, Marks: w.marks, Log: log}
	if gpus != nil {
		o.GPUs = func() []worker.GPUProcess { return gpuProcesses(gpus.Status()) }
	}
	return collector.Entry{Name: "worker", Source: worker.New(o)}
}

// gpuProcesses turns the GPU path's lists into what attribution takes: nil where
// no device has told yet. A GPU that is cut into MIG instances may list the
// processes of all of them again (nvml.h, nvmlDeviceGetComputeRunningProcesses_v3);
// they are on their instance alone.
func gpuProcesses(st gpu.Status) []worker.GPUProcess {
	if len(st.Processes) == 0 {
		return nil
	}
	parent := map[string]string{} // of an instance
	for _, d := range st.Devices {
		parent[d.UUID] = d.Parent
	}
	type place struct {
		gpu string
		pid int
	}
	inPart := map[place]bool{}
	for _, list := range st.Processes {
		for _, p := range list.Processes {
			if p.MIG != "" {
				inPart[place{parent[p.MIG], p.PID}] = true
			}
		}
	}
	out := []worker.GPUProcess{}
	for _, list := range st.Processes {
		for _, p := range list.Processes {
			uuid := list.UUID
			if p.MIG != "" {
				uuid = p.MIG
			} else if inPart[place{uuid, p.PID}] {
				continue
			}
			out = append(out, worker.GPUProcess{UUID: uuid, PID: p.PID, MemoryBytes: p.MemoryBytes, Util: p.Util})
		}
	}
	return out
}

// endWith ends the agent when the process that it was started for has ended,
// however that came about.
func (w *workerSettings) endWith(ctx context.Context, end context.CancelFunc, log *slog.Logger) {
	if w.rootPID == 0 {
		return
	}
	fd, err := unix.PidfdOpen(w.rootPID, 0)
	if err != nil {
		log.Warn("the process to follow cannot be watched", "pid", w.rootPID, "err", err)
		if errors.Is(err, unix.ESRCH) {
			end()
		}
		return
	}
	go func() {
		defer unix.Close(fd)
		for ctx.Err() == nil {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
			if n > 0 {
				log.Info("the process to follow has ended", "pid", w.rootPID)
				end()
				return
			}
			if err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
}
