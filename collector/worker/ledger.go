package worker

import (
	"cmp"
	"errors"
	"slices"
)

// process is a process that belongs to somebody.
type process struct {
	pid, ppid int
	group     int
	start     uint64
	owner     *account
	uncounted bool // its own time is not the account's; that of its children is

	own, children uint64 // ticks, as last seen
	grew          uint64 // children, since the round before
	read          uint64 // round that read it last
	ahead         uint64 // children, since it was read in this round
	reread        uint64 // round that read its children's time again
	resident      int64  // pages
	shared        int64  // pages
	threads       int64
	storage       io
	refused       int // ticks for which its storage I/O, another user's, is not asked for again
	depth         int // of a process that ended: ended processes between it and who waited for it
}

// io is what storage was made to read and write, in bytes.
type io struct {
	read, written int64
	known         bool
}

// used is what the process has used itself and by children that were waited for, in ticks.
func (p *process) used() uint64 {
	if p.uncounted {
		return p.children
	}
	return p.own + p.children
}

// account is what a tree of processes has used.
type account struct {
	members   int // with those that are not counted
	processes int
	threads   int64
	private   int64  // pages of its processes alone
	shared    int64  // pages: the most that one process shares
	live      uint64 // ticks of processes that are there
	ended     uint64 // ticks of processes that ended and that nobody's children count
	foreign   uint64 // ticks that live counts and that are another account's
	late      uint64 // ticks used before this interval by processes that joined in it
	most      uint64 // the total given last
	storage   io
	lost      io   // of processes that ended and whose parents do not count it
	hidden    bool // a process is there and cannot be read
}

// total is the time of the whole tree since its start, in ticks. It never steps back.
func (a *account) total() uint64 {
	sum := a.live + a.ended
	a.most = max(a.most, sum-min(a.foreign, sum))
	return a.most
}

// ledger reads the processes that belong to an account, and moves the time of
// those that ended to where it belongs.
//
// A parent that waits for a child adds the child's whole time, which only the
// kernel has seen to its end, to its own children's time. So a child that has
// vanished is either in its parent's children's time, which must then have
// grown by at least what the child was last seen with, or in nobody's (the
// parent was gone, or ignores its children): then what was last seen is kept.
// Short-lived children are never seen and are in their parents' time whole.
//
// Processes end while others are being read. So that a child's time is in its
// parent's growth in the round that misses the child, and in no other, parents
// are read before their children, and again when a child is missing: the kernel
// adds a child's time to its parent's before the child vanishes (wait_task_zombie
// in kernel/exit.c).
type ledger struct {
	files  *files
	byPID  map[int]*process
	round  uint64
	ended  []*process
	missed []*process // whose numbers others have by now
	gone   int        // processes that ended, since the start
}

func newLedger(f *files) *ledger { return &ledger{files: f, byPID: map[int]*process{}} }

// join makes a process belong to an account. One that belongs to another moves:
// what it has used so far stays there.
func (l *ledger) join(s *stat, a *account, before bool) *process {
	if p := l.byPID[s.pid]; p != nil && p.start == s.start {
		if p.owner != a {
			p.owner.ended += p.used()
			a.foreign += p.used()
			p.owner = a
		}
		return p
	}
	if p := l.byPID[s.pid]; p != nil { // its number was given to another before it was missed
		p.grew, p.ahead = 0, 0
		l.missed = append(l.missed, p)
	}
	p := &process{pid: s.pid, start: s.start, owner: a}
	p.take(s)
	p.grew = 0 // it may have waited for them before this one was known
	if before {
		a.late += p.used()
	}
	l.byPID[s.pid] = p
	return p
}

func (p *process) take(s *stat) {
	p.ppid, p.group = s.ppid, s.group
	p.own = max(p.own, s.own)
	p.grew += s.children - min(s.children, p.children)
	p.children = max(p.children, s.children)
	p.resident, p.threads = s.resident, s.threads
}

// parentOf finds the member that a new process descends from: its parent, or,
// when that is gone, the leader of its process group. A parent that is there, of the
// same group and known to be nobody's, is not gone: it shares the group with a member.
func (l *ledger) parentOf(s *stat, known func(pid int) bool) *process {
	for _, pid := range [...]int{s.ppid, s.group} {
		p := l.byPID[pid]
		if p == nil || p.pid == s.pid || p.start > s.start || pid != s.ppid && p.uncounted {
			continue
		}
		if pid != s.ppid && known(s.ppid) {
			if parent, err := l.files.stat(s.ppid); err == nil && parent.group == s.group {
				return nil
			}
		}
		return p
	}
	return nil
}

// update reads every member.
func (l *ledger) update() error {
	var failed error
	l.ended = append(l.ended[:0], l.missed...)
	l.missed = l.missed[:0]
	l.round++
	for _, p := range l.byPID {
		failed = cmp.Or(l.visit(p), failed)
	}
	if len(l.ended) > 0 {
		l.settle()
	}
	l.sum()
	return failed
}

// visit reads a member after those that it descends from, once a round.
func (l *ledger) visit(p *process) error {
	if p.read == l.round {
		return nil
	}
	p.read, p.grew, p.ahead = l.round, 0, 0
	var failed error
	if parent := l.parent(p); parent != nil {
		failed = l.visit(parent)
	}
	err := l.refresh(p)
	switch {
	case errors.Is(err, errGone):
		l.ended = append(l.ended, p)
	case errors.Is(err, errDenied):
		p.owner.hidden = true
	case err != nil:
		failed = err
	}
	return failed
}

// refresh reads one member.
func (l *ledger) refresh(p *process) error {
	s, err := l.files.statKept(p.pid)
	if err != nil {
		return err
	}
	if s.start != p.start {
		return errGone // its number was given to another
	}
	p.take(&s)
	if s.state == 'Z' {
		p.shared, p.storage.known = 0, true // a zombie's files are gone
		return nil
	}
	if n, err := l.files.sharedKept(p.pid); err == nil {
		p.shared = min(n, p.resident)
	}
	l.refreshStorage(p)
	return nil
}

// refusedFor is for how many ticks what the kernel refused is not asked for again.
const refusedFor = 60

// refreshStorage reads what a member read and wrote.
func (l *ledger) refreshStorage(p *process) {
	p.storage.known = false
	if p.refused > 0 {
		p.refused--
		return
	}
	r, w, err := l.files.storage(p.pid)
	switch {
	case err == nil:
		p.storage = io{max(r, p.storage.read), max(w, p.storage.written), true}
	case errors.Is(err, errDenied):
		p.refused = refusedFor
	}
}

// recountWaiters reads what those who may have waited for the processes that
// ended have counted by now. Whoever is found to have ended as well is one more.
func (l *ledger) recountWaiters() map[*process]bool {
	gone := map[*process]bool{}
	for _, p := range l.ended {
		gone[p] = true
	}
	for again := true; again; {
		again = false
		for _, p := range l.ended {
			var w *process
			w, p.depth = l.waiter(p, gone)
			if w != nil && l.recount(w) {
				gone[w], again = true, true
				l.ended = append(l.ended, w)
			}
		}
	}
	return gone
}

// recount reads the time of a process's children again, and reports whether the
// process has ended.
func (l *ledger) recount(p *process) bool {
	if p.reread == l.round {
		return false
	}
	p.reread = l.round
	s, err := l.files.statKept(p.pid)
	if err == nil && s.start == p.start {
		p.ahead = s.children - min(s.children, p.children)
		return false
	}
	return err == nil || errors.Is(err, errGone)
}

// settle finds who counts the time of each process that ended.
func (l *ledger) settle() {
	gone := l.recountWaiters()
	// Nearest first; of several the largest first, so that the growth of a
	// waiter, which holds all of them or some, is explained by as few as can be.
	slices.SortFunc(l.ended, func(a, b *process) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(b.used(), a.used()), cmp.Compare(a.pid, b.pid))
	})
	waited := map[*process]bool{}
	for _, p := range l.ended {
		w := l.counts(p, gone, waited)
		if w == nil {
			p.owner.end(p)
			continue
		}
		used := p.own + p.children
		w.waitedFor(used)
		waited[p] = true
		if w.owner != p.owner {
			w.owner.foreign += used
			p.owner.end(p)
		}
	}
	for _, p := range l.byPID {
		l.bereave(p, gone, waited)
	}
	for _, p := range l.ended {
		if l.byPID[p.pid] == p {
			delete(l.byPID, p.pid)
		}
		l.gone++
	}
}

// bereave makes whoever waited for a process's parent its parent. If it is
// there, it will say itself who that is; if it ended with its parent, after it
// was read, that is who counts its time.
func (l *ledger) bereave(p *process, gone, waited map[*process]bool) {
	for range deepest {
		a := l.parent(p)
		if a == nil || gone[p] || !gone[a] || !waited[a] {
			return
		}
		p.ppid = a.ppid
	}
}

// counts finds the ancestor whose children's time holds that of a process which
// ended: the nearest whose growth does. It may have ended itself, after it was
// read. Beyond an ancestor that nobody waited for there is none.
func (l *ledger) counts(p *process, gone, waited map[*process]bool) *process {
	used := p.own + p.children
	for range deepest {
		a := l.parent(p)
		switch {
		case a == nil:
			return nil
		case a.grew+a.ahead >= used:
			return a
		case !gone[a] || !waited[a]:
			return nil
		}
		p = a
	}
	return nil
}

// waitedFor explains a part of the growth of a process's children. Of what came
// since it was read only that part is taken: the rest may be of children that
// were read when they were still there.
func (p *process) waitedFor(used uint64) {
	grew := min(used, p.grew)
	p.grew -= grew
	p.ahead -= used - grew
	p.children += used - grew
}

// clear makes room for the next sum.
func (a *account) clear() {
	a.members, a.processes, a.threads, a.private, a.shared, a.live = 0, 0, 0, 0, 0, 0
	a.storage = io{known: true}
}

// end keeps what a process used after it is gone.
func (a *account) end(p *process) {
	a.ended += p.used()
	a.lost.read += p.storage.read
	a.lost.written += p.storage.written
}

// deepest bounds how far is climbed from a process that ended.
const deepest = 64

// parent is the member that a process descends from, or nil.
func (l *ledger) parent(p *process) *process {
	if a := l.byPID[p.ppid]; a != nil && a != p && a.start <= p.start {
		return a
	}
	return nil
}

// waiter climbs from a process that ended to the nearest ancestor that is
// there, past depth others that ended too.
func (l *ledger) waiter(p *process, gone map[*process]bool) (*process, int) {
	for depth := range deepest {
		a := l.parent(p)
		if a == nil || !gone[a] {
			return a, depth
		}
		p = a
	}
	return nil, deepest
}

// sum adds up what the members of each account have.
func (l *ledger) sum() {
	for _, p := range l.byPID {
		p.owner.clear()
	}
	for _, p := range l.ended {
		p.owner.clear()
	}
	for _, p := range l.byPID {
		a := p.owner
		a.live += p.used()
		a.members++
		if p.uncounted {
			continue
		}
		a.processes++
		a.threads += p.threads
		a.private += p.resident - p.shared
		a.shared = max(a.shared, p.shared)
		a.storage.read += p.storage.read
		a.storage.written += p.storage.written
		a.storage.known = a.storage.known && p.storage.known
	}
}
