package worker

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"nodemeter/collector/metric"
)

// found is a worker that a resolver recognized.
type found struct {
	engine string // worker_id begins with it
	labels []metric.Label
	// agent says that it is no worker, but knows something about workers.
	agent *pilot
}

// resolver recognizes a worker by its first process.
type resolver struct {
	name string
	// of tells whether st, whose command line args gives, is a worker's first
	// process.
	of func(st *stat, args func() []string) (found, bool)
}

// processResolvers is the table of those that recognize processes, most
// specific first: a process belongs to the first that claims it, and one found
// inside another's tree is taken out of it when its resolver comes before.
// After all of them come control groups: Slurm's, then systemd's sessions.
func processResolvers(patterns []Pattern) []resolver {
	return []resolver{
		{"pattern", matchPatterns(patterns)},
		{"dask", matchDask},
		{"ray", matchRay},
		{"qtau", matchPilot},
	}
}

// script finds the program that a Python command line runs: a file's base name
// or a module's name, and its arguments. "python -m a.b x", "python /bin/a x"
// and "/bin/a x" are all alike.
func script(args []string) (program string, rest []string) {
	if len(args) == 1 { // a title that the process gave itself
		args = strings.Fields(args[0])
	}
	if len(args) == 0 {
		return "", nil
	}
	program = path.Base(args[0])
	if !strings.HasPrefix(program, "python") && !strings.HasPrefix(program, "pypy") {
		return program, args[1:]
	}
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-m" && i+1 < len(args):
			return args[i+1], args[i+2:]
		case a == "-c" || a == "-":
			return "", nil
		case a == "-W" || a == "-X":
			i++
		case !strings.HasPrefix(a, "-"):
			return path.Base(a), args[i+1:]
		}
	}
	return "", nil
}

// option finds --name=value or --name value.
func option(args []string, names ...string) string {
	for i, a := range args {
		name, value, joined := strings.Cut(a, "=")
		if !slices.Contains(names, name) {
			continue
		}
		if joined {
			return value
		}
		if i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// matchDask recognizes a Dask worker by its nanny, the process that people
// start: "dask worker", its older spellings and modules. What computes is a
// child of it whose command line says nothing (multiprocessing's spawn_main).
func matchDask(st *stat, args func() []string) (found, bool) {
	if !bytes.HasPrefix(st.comm, []byte("python")) && !bytes.HasPrefix(st.comm, []byte("pypy")) && !bytes.HasPrefix(st.comm, []byte("dask")) {
		return found{}, false
	}
	program, rest := script(args())
	switch program {
	case "dask-worker", "dask-cuda-worker", "distributed.cli.dask_worker", "dask_cuda.cli":
	case "dask", "dask.__main__":
		rest = after(rest, "worker")
		if rest == nil {
			return found{}, false
		}
	default:
		return found{}, false
	}
	f := found{engine: "dask"}
	f.label("scheduler", daskScheduler(rest))
	f.label("name", option(rest, "--name"))
	return f, true
}

// after returns the arguments behind a subcommand ("worker", "cuda worker"),
// or nil when another subcommand is there.
func after(args []string, command string) []string {
	for i, a := range args {
		switch {
		case a == command:
			return args[i+1:]
		case a != "cuda" && !strings.HasPrefix(a, "-"):
			return nil
		}
	}
	return nil
}

// daskScheduler finds the scheduler's address: the argument that has one's shape. In
// brackets, in a title that a worker gives itself, is the worker's own
// (distributed/worker.py, setproctitle).
func daskScheduler(args []string) string {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "[") && !strings.Contains(a, "=") && strings.Contains(a, ":") {
			return a
		}
	}
	return option(args, "--scheduler-file")
}

// matchRay recognizes a Ray node by raylet, which starts all of its workers. It
// goes by the program's own name: raylet's arguments, and others' too, contain
// the names of everything else in Ray.
func matchRay(st *stat, args func() []string) (found, bool) {
	if !bytes.Equal(st.comm, []byte("raylet")) {
		return found{}, false
	}
	a := args()
	if len(a) == 0 || path.Base(a[0]) != "raylet" {
		return found{}, false
	}
	f := found{engine: "ray"}
	f.label("scheduler", option(a, "--gcs-address", "--gcs_address"))
	f.label("session", option(a, "--session-name", "--session_name"))
	resources := strings.Split(option(a, "--static_resource_list"), ",")
	for i := 0; i+1 < len(resources); i += 2 {
		switch resources[i] {
		case "CPU":
			f.label("declared_cpus", resources[i+1])
		case "GPU":
			f.label("declared_gpus", resources[i+1])
		}
	}
	return f, true
}

// label adds identity, cleaned: it is what other users' processes say of themselves.
func (f *found) label(name, value string) {
	if value = clean(value); value != "" {
		f.labels = append(f.labels, metric.Label{Name: name, Value: value})
	}
}

// maxLabel bounds a label's value, in bytes.
const maxLabel = 128

// clean makes a value fit for a label: one line, printable, not too long.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), 4*maxLabel)], "\uFFFD"))
	s = strings.TrimSpace(s)
	for len(s) > maxLabel {
		cut := maxLabel
		for cut > 0 && s[cut]&0xC0 == 0x80 {
			cut--
		}
		s = s[:cut]
	}
	return s
}
