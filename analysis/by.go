package analysis

import (
	"fmt"
	"slices"

	"nodemeter/collector/metric"
)

// maxDefaultWorkers is how many workers stand beside the nodes in the text
// table when nobody asked for either.
const maxDefaultWorkers = 20

// SetBy sets what a row of the table is: node, worker, job, user, gpu, nic,
// disk or cpu; "" is the nodes, with the workers where there are few.
func (o *Options) SetBy(s string) error {
	o.By, o.Group = 0, ""
	switch s {
	case "":
		return nil
	case "job", "user":
		o.By, o.Group = metric.Worker, s
		return nil
	}
	k, err := metric.ParseEntityKind(s)
	if err != nil || k == metric.MIG {
		return fmt.Errorf("cannot tabulate by %q: give node, worker, job, user, gpu, nic, disk or cpu", s)
	}
	o.By = k
	return nil
}

// workerColumns are read in addition for a table of workers.
var workerColumns = []string{
	"worker_cpu_cores", "worker_cpu_seconds", "worker_memory_bytes", "worker_read_bytes", "worker_written_bytes",
	"worker_gpus", "worker_gpus_allocated", "worker_cpus_allocated", "worker_memory_allocated_bytes", "worker_start_seconds", "worker_end_seconds",
}

// Tabulated are the entities of the kind asked for: nodes and workers, or
// devices. Where there are no workers, each node is one, as in the notebook.
func (r *Result) Tabulated() []*EntityResult {
	kinds := []metric.EntityKind{r.by}
	switch r.by {
	case 0:
		kinds = []metric.EntityKind{metric.Node, metric.Worker}
	case metric.Worker:
		if r.workerCount() == 0 {
			kinds[0] = metric.Node
		}
	case metric.GPU, metric.MIG:
		kinds = []metric.EntityKind{metric.GPU, metric.MIG}
	}
	var out []*EntityResult
	for _, e := range r.Entities {
		if slices.Contains(kinds, e.Entity.Kind) {
			out = append(out, e)
		}
	}
	return out
}

// textRows are Tabulated without workers that nobody asked for, if they are many.
func (r *Result) textRows() []*EntityResult {
	if r.by == 0 && r.workerCount() > maxDefaultWorkers {
		return r.Nodes()
	}
	return r.Tabulated()
}

func (r *Result) workerCount() int {
	n := 0
	for _, e := range r.Entities {
		if e.Entity.Kind == metric.Worker {
			n++
		}
	}
	return n
}

// aboutWorkers is the line below the table that says which workers are in it.
func (r *Result) aboutWorkers() string {
	n := r.workerCount()
	switch {
	case r.by == 0 && n > maxDefaultWorkers:
		return fmt.Sprintf("  %s not shown: --by worker, --by job and --by user show them.\n", countOf(int64(n), "worker"))
	case r.by == 0 && n > 0:
		return fmt.Sprintf("  %s among the rows, each a part of its node: --by worker, --by job and --by user show them alone.\n", countOf(int64(n), "worker"))
	case r.by == metric.Worker && n == 0 && r.Inputs.Kind != KindCSV:
		return "  No worker was recorded (attribution was off or found none): the rows are the nodes.\n"
	}
	return ""
}
