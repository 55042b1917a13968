package worker

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"nodemeter/collector/metric"
)

// worker is one entity: a tree of processes, a control group, or a control
// group without counters whose processes are read like a tree's.
type worker struct {
	entity *metric.Entity
	rank   int
	root   *process // of a tree that a resolver found
	tree   *account
	group  *group
	inside *worker // the control group that a tree runs in, which counts it too

	started  time.Time
	ended    bool
	over     time.Time // when it ended, where that is known better than to the tick
	gpu      gpuUse
	now      reading
	given    float64 // CPU seconds given last: never steps back
	before   float64 // CPU seconds at the read before
	at       time.Time
	nested   reading // of ended workers inside
	leftover float64 // CPU seconds of a job that ended, after it was read last
	storage  io      // given last
	measured bool
}

// reading is what was read of a worker at this tick.
type reading struct {
	cpu        float64 // seconds since the start, workers inside included
	hasCPU     bool
	late       float64 // of which was used before this interval, though it was not counted then
	memory     int64
	hasMemory  bool
	storage    io
	processes  int64
	threads    int64
	hasThreads bool
	allocated  int64
	hasAlloc   bool
}

// newWorker makes the worker of a tree. Its id is the same however often the
// agent restarts, and differs from that of a later process with the same number.
func newWorker(s *Source, st *stat, f found, resolver string, rank int) *worker {
	id := f.engine + "-" + strconv.Itoa(st.pid)
	if f.engine != "run" {
		id += "-" + strconv.FormatUint(st.start, 36)
	}
	labels := append(f.labels, metric.Label{Name: "resolver", Value: resolver}, metric.Label{Name: "engine", Value: f.engine})
	if f.engine != "run" {
		labels = append(labels, metric.Label{Name: "pid", Value: strconv.Itoa(st.pid)})
	}
	if uid, ok := s.users.of(st.pid); ok {
		labels = append(labels, metric.Label{Name: "user", Value: s.users.name(uid)})
	}
	labels = append(labels, s.service(f.labels)...)
	w := &worker{entity: entity(id, labels), rank: rank, tree: &account{}, started: s.facts.started(st.start)}
	if w.inside = s.groupOf(st.pid); w.inside != nil {
		w.entity = entity(id, join(labels, w.inside.entity.Info, "job", "array_job", "array_task", "job_name", "sluid", "step", "task"))
	}
	return w
}

// service finds the QTau service whose scheduler a worker is told to serve, and
// its pilot where this node has only one of it.
func (s *Source) service(labels []metric.Label) []metric.Label {
	i := slices.IndexFunc(labels, func(l metric.Label) bool { return l.Name == "scheduler" })
	if i < 0 {
		return nil
	}
	var services, names []string
	for _, p := range s.pilots {
		if p.address != "" && p.address == bareAddress(labels[i].Value) {
			services, names = append(services, p.service), append(names, p.name)
		}
	}
	var out []metric.Label
	if len(services) > 0 && services[0] != "" {
		out = append(out, metric.Label{Name: "service", Value: services[0]})
	}
	if len(names) == 1 && names[0] != "" {
		out = append(out, metric.Label{Name: "pilot", Value: names[0]})
	}
	return out
}

// join adds some of other labels.
func join(labels, other []metric.Label, names ...string) []metric.Label {
	out := slices.Clone(labels)
	for _, l := range other {
		if slices.Contains(names, l.Name) {
			out = append(out, l)
		}
	}
	return out
}

// entity makes a worker's entity; labels without a value are left out.
func entity(id string, labels []metric.Label) *metric.Entity {
	labels = slices.DeleteFunc(slices.Clone(labels), func(l metric.Label) bool { return l.Value == "" })
	slices.SortStableFunc(labels, func(a, b metric.Label) int { return cmp.Compare(a.Name, b.Name) })
	labels = slices.CompactFunc(labels, func(a, b metric.Label) bool { return a.Name == b.Name })
	return &metric.Entity{Kind: metric.Worker, ID: id, Worker: id, Info: labels}
}

// measure reads what there is to read of a worker.
func (s *Source) measure(w *worker, now time.Time) error {
	w.now = reading{}
	if w.group != nil {
		if err := s.measureGroup(w); err != nil {
			return err
		}
	}
	if w.tree == nil {
		return nil
	}
	a := w.tree
	if !w.now.hasCPU {
		w.now.cpu, w.now.hasCPU = float64(a.total())*tick.Seconds(), true
		w.now.late = float64(a.late) * tick.Seconds()
		a.late = 0
	}
	w.now.processes, w.now.threads, w.now.hasThreads = int64(a.processes), a.threads, true
	if !w.now.hasMemory {
		w.now.memory, w.now.hasMemory = (a.private+a.shared)*s.pages, true
	}
	w.now.storage = io{a.storage.read + a.lost.read, a.storage.written + a.lost.written, a.storage.known}
	if w.group == nil && a.members == 0 {
		w.ended = true
	}
	return nil
}

// share takes from each control group what workers found inside it used. A
// worker inside that ended stays taken: the group has its counters for good.
func (s *Source) share() {
	inside := s.inside
	clear(inside)
	for _, w := range s.workers {
		g := w.inside
		if g == nil {
			continue
		}
		if w.ended {
			g.nested.add(&w.now)
			continue
		}
		r := inside[g]
		r.add(&w.now)
		r.memory += w.now.memory
		r.threads += w.now.threads
		inside[g] = r
	}
	for _, w := range s.workers {
		r := inside[w]
		r.add(&w.nested)
		w.now.cpu = max(w.now.cpu-r.cpu, 0)
		w.now.storage.read = max(w.now.storage.read-r.storage.read, 0)
		w.now.storage.written = max(w.now.storage.written-r.storage.written, 0)
		w.now.memory = max(w.now.memory-r.memory, 0)
		w.now.threads = max(w.now.threads-r.threads, 0)
		if w.inside != nil && w.inside.ended {
			w.inside = nil
		}
	}
}

// add adds what another used so far.
func (r *reading) add(o *reading) {
	r.cpu += o.cpu
	r.storage.read += o.storage.read
	r.storage.written += o.storage.written
}

// emit adds a worker's points.
func (w *worker) emit(b *metric.Batch, s *Source, now time.Time) {
	e := w.entity
	b.Add(e, metric.Float(startTime, seconds(w.started)))
	w.emitCPU(b, s.facts.cpus, now)
	w.emitStorage(b)
	if w.ended {
		if !w.over.IsZero() {
			now = w.over
		}
		b.Add(e, metric.Float(endTime, seconds(now)))
		return
	}
	if w.now.hasMemory {
		b.Add(e, metric.Int(memoryBytes, w.now.memory))
		if s.facts.memory > 0 {
			b.Add(e, metric.Float(memoryUtil, min(float64(w.now.memory)/float64(s.facts.memory), 1)))
		}
	}
	if w.tree != nil {
		b.Add(e, metric.Int(processes, w.now.processes))
	}
	if w.now.hasThreads {
		b.Add(e, metric.Int(threads, w.now.threads))
	}
	w.emitAllocation(b)
	if w.now.hasAlloc {
		b.Add(e, metric.Int(gpusAllocated, w.now.allocated))
	}
	w.emitGPU(b)
}

// emitCPU adds the time used and, from the second read on, the rate. The grain
// of a hundredth of a second may make a rate exceed what there is.
func (w *worker) emitCPU(b *metric.Batch, cpus int, now time.Time) {
	if !w.now.hasCPU {
		if w.ended && w.measured {
			b.Add(w.entity, metric.Float(cpuSeconds, w.given))
		}
		return
	}
	w.given = max(w.given, w.now.cpu)
	b.Add(w.entity, metric.Float(cpuSeconds, w.given))
	if w.measured {
		if span := now.Sub(w.at).Seconds(); span > 0 {
			cores := max(w.given-w.before-w.now.late, 0) / span
			cores = min(cores, float64(cpus))
			b.Add(w.entity, metric.Float(busyCores, cores), metric.Float(cpuUtil, cores/float64(cpus)))
		}
	}
	w.before, w.at, w.measured = w.given, now, true
}

func (w *worker) emitStorage(b *metric.Batch) {
	n := w.now.storage
	if !n.known {
		return
	}
	w.storage = io{max(n.read, w.storage.read), max(n.written, w.storage.written), true}
	b.Add(w.entity, metric.Int(readBytes, w.storage.read), metric.Int(writtenBytes, w.storage.written))
}

func (w *worker) emitGPU(b *metric.Batch) {
	g := w.gpu
	if !g.known {
		return
	}
	b.Add(w.entity, metric.Int(gpus, int64(len(g.devices))))
	if g.hasMemory {
		b.Add(w.entity, metric.Int(gpuMemory, g.memory))
	}
	if g.hasUtil {
		b.Add(w.entity, metric.Float(gpuUtil, min(g.util/float64(len(g.devices)), 1)))
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
