package worker

import (
	"bytes"
	"strconv"
	"strings"

	"nodemeter/collector/metric"
)

var (
	cpusAllocated = workerDesc("worker_cpus_allocated", "cpus_allocated",
		"Processors that the job was given: those its cpuset control group allows, else those its mark or its processes' environment tells.",
		metric.Count, metric.Gauge, metric.TypeInt, 0, "nothing tells how many processors the job was given")
	memoryAllocated = workerDesc("worker_memory_allocated_bytes", "memory_allocated_bytes",
		"Memory that the job was given: the limit of its memory control group.",
		metric.Bytes, metric.Gauge, metric.TypeInt, 0, "the job's memory is not limited")
)

// allocation is what a job was given; 0 is not known.
type allocation struct {
	cpus, memory int64
}

// allocate reads what a job was given. The kernel's word comes first: it is
// what the job can have, whatever was asked for.
func (s *Source) allocate(w *worker) {
	g, gr := s.groups, w.group
	if gr.root == nil || gr.depth > 0 {
		return // a step is inside its job, which was given it
	}
	gr.given = allocation{cpus: gr.facts.cpus}
	for _, c := range []string{"cpuset", ""} {
		if rel, ok := gr.rel[c]; ok {
			if b, err := g.read(c, rel, "cpuset.cpus"); err == nil {
				if n := countList(string(bytes.TrimSpace(b))); n > 0 {
					gr.given.cpus = n
					break
				}
			}
		}
	}
	for _, c := range []struct{ controller, file string }{{"memory", "memory.limit_in_bytes"}, {"", "memory.max"}} {
		if rel, ok := gr.rel[c.controller]; ok {
			b, err := g.read(c.controller, rel, c.file)
			if err != nil {
				continue
			}
			// "max", or a limit that the node does not have: there is none.
			n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
			if err == nil && n > 0 && (s.facts.memory == 0 || n <= s.facts.memory) {
				gr.given.memory = n
				return
			}
		}
	}
}

// emitAllocation adds what the job was given.
func (w *worker) emitAllocation(b *metric.Batch) {
	if w.group == nil {
		return
	}
	if n := w.group.given.cpus; n > 0 {
		b.Add(w.entity, metric.Int(cpusAllocated, n))
	}
	if n := w.group.given.memory; n > 0 {
		b.Add(w.entity, metric.Int(memoryAllocated, n))
	}
}
