package worker

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"nodemeter/collector/metric"
)

// Options say what to look for and where.
type Options struct {
	// Root is the directory that holds proc and sys: "" for the machine itself.
	Root string
	// Node is the entity that carries how many workers there are.
	Node *metric.Entity
	// RootPID, when not 0, makes the descendants of that process the only
	// worker. The process itself and the agent's own processes are not counted.
	RootPID int
	// Patterns describe workers that no resolver knows.
	Patterns []Pattern
	// Slurm says whether steps and tasks are workers of their own; 0 is jobs only.
	Slurm Detail
	// Marks is the directory of the files that a prolog writes; "" for none.
	Marks string
	// Discover is the time between two searches for workers; 0 is 5 s.
	Discover time.Duration
	// GPUs lists the processes on the GPUs; nil, as is what it returns, where
	// none was read.
	GPUs func() []GPUProcess
	// Self is the agent's own process, which belongs to nobody; 0 is this one.
	Self int
	Log  *slog.Logger
}

// defaultDiscover is the time between two searches for workers.
const defaultDiscover = 5 * time.Second

// Source finds and measures workers.
type Source struct {
	o         Options
	files     *files
	facts     nodeFacts
	learned   time.Time // when facts were read
	pages     int64
	pace      int // by how much searches are rarer than asked for
	sight     *sight
	ledger    *ledger
	resolvers []resolver
	groups    *groups
	users     *users
	pilots    map[int]*pilot
	workers   []*worker
	inside    map[*worker]reading // of workers inside others, at this tick
	trees     map[*account]*worker
	searched  time.Time
	searching bool // at this tick, for workers
	partial   bool // something could not be read at this tick
	subject   subject
}

// subject is the process that resolvers are asked about. Its command line is
// read for those that want it, once.
type subject struct {
	st   *stat
	read bool
	comm []byte
	args []string
	ask  func() []string
}

// New makes a Source. It reads nothing yet.
func New(o Options) *Source {
	if o.Discover <= 0 {
		o.Discover = defaultDiscover
	}
	if o.Self == 0 {
		o.Self = os.Getpid()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := newFiles(o.Root)
	if o.GPUs != nil && f.namespaced() {
		o.GPUs = nil
		o.Log.Info("GPUs are not given to workers: the agent runs in a PID namespace, the driver counts processes from outside")
	}
	s := &Source{
		o: o, files: f, pages: int64(os.Getpagesize()), pace: 1, sight: newSight(f), ledger: newLedger(f),
		resolvers: processResolvers(o.Patterns), users: newUsers(f), pilots: map[int]*pilot{}, inside: map[*worker]reading{}, trees: map[*account]*worker{},
	}
	s.groups = newGroups(f)
	s.subject.ask = s.arguments
	return s
}

// Close ends what waits for the kernel. The Source must not be read any more.
// One that was given up in a Read may still be in it.
func (s *Source) Close() { s.groups.edges.close() }

// Descs lists every metric of workers.
func (s *Source) Descs() []*metric.Desc { return allDescs() }

// Read finds what is new, when it is time to, and measures every worker.
func (s *Source) Read(ctx context.Context, b *metric.Batch) error {
	if err := s.learn(); err != nil {
		return err
	}
	s.partial = false
	s.files.tick++
	failed := s.find(ctx)
	s.leftovers()
	s.walk()
	if err := s.ledger.update(); err != nil {
		failed = errors.Join(failed, err)
	}
	now := time.Now()
	s.attributeGPUs()
	for _, w := range s.workers {
		if err := s.measure(w, now); err != nil {
			s.partial = true
			failed = errors.Join(failed, err)
		}
	}
	s.share()
	for _, w := range s.workers {
		w.emit(b, s, now)
	}
	s.emitNode(b)
	s.retire()
	return failed
}

// factsEvery is how often the node's own figures are read again. The kernel makes
// its time of boot of the wall clock, so that setting the clock moves it.
const factsEvery = time.Minute

// learn reads the node's own figures when it is time to. What is known stands for
// what cannot be read any more.
func (s *Source) learn() error {
	if s.facts.cpus > 0 && time.Since(s.learned) < factsEvery {
		return nil
	}
	facts, err := s.files.node()
	if err != nil && s.facts.cpus == 0 {
		return err
	}
	if err == nil {
		s.facts = facts
	}
	s.learned = time.Now()
	return nil
}

// SetPace makes searches for workers rarer by a factor, when the agent is over
// its budget.
func (s *Source) SetPace(factor int) { s.pace = factor }

// find adds new workers and new processes of those that are known.
func (s *Source) find(ctx context.Context) error {
	now := time.Now()
	due := s.searched.IsZero() || now.Sub(s.searched) >= s.o.Discover*time.Duration(s.pace)
	s.searching = due
	var failed error
	if due || len(s.trees) > 0 {
		failed = s.sight.news(s.adopt)
	}
	if s.o.RootPID != 0 {
		return errors.Join(failed, s.findRoot(due))
	}
	if due {
		failed = errors.Join(failed, s.sight.look(s.examine))
	}
	if ctx.Err() == nil {
		s.findGroups(due)
	}
	if due {
		s.searched = now
	}
	return failed
}

// adopt gives a new process to the account that its parent belongs to.
func (s *Source) adopt(st *stat, before bool) {
	if p := s.ledger.parentOf(st, s.sight.knows); p != nil && st.pid != s.o.Self && !s.own(st.ppid) {
		s.ledger.join(st, p.owner, before)
	}
}

// own reports whether pid is the agent.
func (s *Source) own(pid int) bool { return pid == s.o.Self }

// findRoot makes the process tree that the agent was started for a worker.
func (s *Source) findRoot(due bool) error {
	if !due {
		return nil
	}
	s.searched = time.Now()
	if len(s.workers) > 0 {
		s.sight.drop()
		return nil
	}
	st, err := s.files.stat(s.o.RootPID)
	if err != nil {
		return err
	}
	w := s.newTree(&st, found{engine: "run"}, "tree", 0)
	s.ledger.byPID[st.pid].uncounted = true
	w.root.uncounted = true
	return nil
}

// examine asks the resolvers about one process.
func (s *Source) examine(st *stat) {
	if s.own(st.pid) || s.own(st.ppid) {
		return
	}
	s.subject.st, s.subject.read = st, false
	for rank, r := range s.resolvers {
		f, ok := r.of(st, s.subject.ask)
		switch {
		case !ok:
			continue
		case f.agent != nil:
			s.addPilot(f.agent)
		case s.free(st, rank):
			s.newTree(st, f, r.name, rank)
		}
		return
	}
}

// arguments are those of the subject, whose name would be lost in reading them.
func (s *Source) arguments() []string {
	u := &s.subject
	if !u.read {
		u.read = true
		u.comm = append(u.comm[:0], u.st.comm...)
		u.st.comm = u.comm
		u.args, _ = s.files.arguments(u.st.pid)
	}
	return u.args
}

// free reports whether a process may become a worker of its own: it belongs to
// nobody, or to a resolver that comes later in the table.
func (s *Source) free(st *stat, rank int) bool {
	p := s.ledger.byPID[st.pid]
	if p == nil || p.start != st.start {
		return true
	}
	w := s.trees[p.owner]
	return w != nil && w.rank > rank
}

// newTree makes a process and its descendants a worker.
func (s *Source) newTree(st *stat, f found, resolver string, rank int) *worker {
	w := newWorker(s, st, f, resolver, rank)
	s.trees[w.tree] = w
	w.root = s.ledger.join(st, w.tree, true)
	for _, pid := range s.sight.descendants(st.pid) {
		d, err := s.files.stat(pid)
		if err != nil || d.isThread || d.pid == s.o.Self || s.own(d.ppid) {
			continue
		}
		if p := s.ledger.byPID[pid]; p != nil && p.start == d.start && s.trees[p.owner] != nil && s.trees[p.owner].rank <= rank {
			continue // a more specific worker inside
		}
		if p := s.ledger.byPID[d.ppid]; p != nil && p.owner == w.tree {
			s.ledger.join(&d, w.tree, true)
		}
	}
	s.workers = append(s.workers, w)
	s.o.Log.Info("worker found", "worker", w.entity.ID, "resolver", resolver)
	return w
}

// addPilot remembers a QTau agent while it is there.
func (s *Source) addPilot(p *pilot) {
	for pid := range s.pilots {
		if _, err := s.files.stat(pid); err != nil {
			delete(s.pilots, pid)
		}
	}
	const most = 256
	if len(s.pilots) >= most {
		return
	}
	uid, ok := s.users.of(p.pid)
	if !ok {
		return
	}
	p.address = s.files.schedulerAddress(p.file, uid)
	s.pilots[p.pid] = p
}

// retire forgets the workers that ended; their last points are in the batch.
func (s *Source) retire() {
	kept := s.workers[:0]
	for _, w := range s.workers {
		if !w.ended {
			kept = append(kept, w)
			continue
		}
		s.o.Log.Info("worker ended", "worker", w.entity.ID)
		delete(s.trees, w.tree)
		if w.group != nil {
			s.groups.forget(w.group)
		}
	}
	if s.searching || len(kept) < len(s.workers) {
		s.files.closeUnread()
	}
	clear(s.workers[len(kept):])
	s.workers = kept
}

// emitNode says how many workers there are and how well they can be seen.
func (s *Source) emitNode(b *metric.Batch) {
	state, n := 0, 0
	for _, w := range s.workers {
		if !w.ended {
			n++
		}
		if w.tree != nil && w.tree.hidden {
			w.tree.hidden = false
			s.partial = true
		}
	}
	switch {
	case s.sight.hidden:
		state = 1
	case s.partial:
		state = 2
	}
	b.Add(s.o.Node, metric.Int(workerCount, int64(n)), metric.State(workerState, state))
}
