package worker

import (
	"bytes"
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nodemeter/collector/metric"
)

// group is a control group, or the ones of the same name in several hierarchies
// of version 1, that is a worker.
type group struct {
	key, id   string
	resolver  string
	rel       map[string]string // directory by controller, "" is version 2
	root      *slurmRoot
	job       string
	user      string
	parent    *worker        // of a step or task: the job or step that it is in
	depth     int            // of a step 1, of a task 2
	labels    []metric.Label // that say which step or task it is
	facts     jobFacts
	described bool
	marked    bool // the mark was read, or is bad
	given     allocation
	tries     int
	empty     int  // discoveries in a row without a process
	there     bool // seen at this tick
	used      float64
	seen      bool
	grew      float64 // CPU seconds, in the interval before
}

// groups knows the control groups that are workers.
type groups struct {
	files  *files
	mounts mounts
	roots  []*slurmRoot
	byKey  map[string]*worker
	stale  map[string]int // how often one was found without processes: made just now, or left behind
	edges  *edges
	began  map[string]time.Time // of groups that are no workers yet
	inner  bool                 // a group inside another became a worker

	searches    int
	unlisted    bool         // something could not be listed
	links, seen []groupLinks // of the directories that hold roots; seen is of the search before
}

func newGroups(f *files) *groups {
	return &groups{files: f, byKey: map[string]*worker{}, stale: map[string]int{}, edges: newEdges(), began: map[string]time.Time{}}
}

// dir is where a control group is, or "".
func (g *groups) dir(controller, rel string) string {
	at := g.mounts.at(controller)
	if at == "" {
		return ""
	}
	return g.files.path(at, rel)
}

func (g *groups) exists(controller, rel string) bool {
	d := g.dir(controller, rel)
	if d == "" {
		return false
	}
	fi, err := os.Stat(d)
	return err == nil && fi.IsDir()
}

// list lists the groups inside one that accept takes; nil takes all. What it
// takes is copied, the hundreds of others on a node are not.
func (g *groups) list(controller, rel string, accept func(name []byte) bool) []string {
	d := g.dir(controller, rel)
	if d == "" {
		return nil
	}
	var out []string
	// What cannot be listed has nothing: the group may have ended just now.
	err := g.files.listing.all([]byte(d), func(name []byte, dir bool) {
		if dir && (accept == nil || accept(name)) {
			out = append(out, string(name))
		}
	})
	g.unlisted = g.unlisted || err != nil && !errors.Is(err, errGone)
	return out
}

// read reads a file of a group.
func (g *groups) read(controller, rel, name string) ([]byte, error) {
	d := g.dir(controller, rel)
	if d == "" {
		return nil, errGone
	}
	return g.files.read(path.Join(d, name))
}

// poll reads a file of a group that every tick reads: it is kept open. Nothing
// is allocated.
func (g *groups) poll(controller, rel, name string) ([]byte, error) {
	at := g.mounts.at(controller)
	if at == "" {
		return nil, errGone
	}
	f := g.files
	f.name = append(append(f.name[:0], f.root...), at...)
	f.name = append(append(append(f.name, rel...), '/'), name...)
	return f.readKept()
}

// maxDepth bounds how far below a job's group processes are looked for.
const maxDepth = 4

// processes lists the processes in a group and below; with first, those of the
// first group that has any, tasks before Slurm's own.
func (g *groups) processes(gr *group, first bool) []int {
	for _, c := range append([]string{""}, controllers()...) {
		rel, ok := gr.rel[c]
		if !ok {
			continue
		}
		if pids := g.below(c, rel, first, maxDepth); len(pids) > 0 {
			return pids
		}
	}
	return nil
}

func (g *groups) below(controller, rel string, first bool, depth int) []int {
	var out []int
	if depth > 0 {
		names := g.list(controller, rel, nil)
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(b, a) }) // user before slurm, tasks before the rest
		for _, name := range names {
			out = append(out, g.below(controller, path.Join(rel, name), first, depth-1)...)
			if first && len(out) > 0 {
				return out
			}
		}
	}
	if b, err := g.read(controller, rel, "cgroup.procs"); err == nil {
		out = append(out, parsePIDs(b)...)
	}
	return out
}

// usage reads a group's processor time in seconds.
func (g *groups) usage(rel map[string]string) (float64, bool) {
	if r, ok := rel["cpuacct"]; ok {
		if b, err := g.poll("cpuacct", r, "cpuacct.usage"); err == nil {
			if ns, err := decimal(bytes.TrimSpace(b)); err == nil {
				return float64(ns) / 1e9, true
			}
		}
	}
	if r, ok := rel[""]; ok {
		if b, err := g.poll("", r, "cpu.stat"); err == nil {
			if us, ok := keyed(b, "usage_usec"); ok {
				return float64(us) / 1e6, true
			}
		}
	}
	return 0, false
}

// memory reads what a group uses, without file pages that nobody has touched lately.
func (g *groups) memory(rel map[string]string) (int64, bool) {
	controller, usage, inactive := "memory", "memory.usage_in_bytes", "total_inactive_file"
	r, ok := rel[controller]
	if !ok {
		controller, usage, inactive = "", "memory.current", "inactive_file"
		if r, ok = rel[controller]; !ok {
			return 0, false
		}
	}
	b, err := g.poll(controller, r, usage)
	if err != nil {
		return 0, false
	}
	used, err := decimal(bytes.TrimSpace(b))
	if err != nil {
		return 0, false
	}
	if b, err = g.poll(controller, r, "memory.stat"); err == nil {
		if file, ok := keyed(b, inactive); ok {
			used -= min(file, used)
		}
	}
	return int64(used), true
}

// findGroups adds and ends the workers that are control groups. Jobs are listed
// on every tick, which is a few directories: a short job is seen while it runs.
func (s *Source) findGroups(due bool) {
	g := s.groups
	if due && !g.findRoots() {
		return
	}
	for _, w := range g.byKey {
		w.group.there = false
	}
	over := s.noteEdges()
	for _, r := range g.roots {
		for _, job := range g.jobs(r, due) {
			s.seeGroup(job.key, due, func() *group { return g.slurmGroup(r, job.dir, s.o.Node.ID) })
		}
	}
	s.findInside(due)
	s.findSessions(due)
	s.endJobs(over)
	s.endGroups(due)
	if due || g.inner {
		g.inner = false
		s.nest()
	}
}

// findRoots finds where control groups are mounted, once, and each slurmd's; ok
// is false where that cannot be told.
func (g *groups) findRoots() (ok bool) {
	if g.mounts.controller == nil {
		b, err := g.files.read(g.files.path("proc", "self", "mounts"))
		if err != nil {
			return false
		}
		g.mounts = parseMounts(b)
	}
	if g.rootsMoved() {
		g.unlisted = false
		g.roots = g.slurmRoots()
		if g.unlisted {
			g.seen = nil // the next search tries again
		}
	}
	return true
}

// relist is after how many searches the groups at the top are listed whatever
// their number is: one may have come when another went.
const relist = 4

// rootsMoved reports whether slurmd's groups may be others than before. To list
// the top of every hierarchy costs more than all the rest of a search on a node
// without jobs; that a group has come or gone is told by its directory's number
// of links (kernfs_refresh_inode in fs/kernfs/inode.c).
func (g *groups) rootsMoved() bool {
	links := g.links[:0]
	for _, c := range controllers() {
		links = append(links, g.linksOf(c, "/"))
	}
	for _, parent := range slurmParents() {
		links = append(links, g.linksOf("", parent))
	}
	moved := g.searches%relist == 0 || !slices.Equal(links, g.seen)
	g.searches++
	g.links, g.seen = g.seen, links
	return moved
}

// linksOf is the number of links of a group's directory, and which it is; none where it is not there.
func (g *groups) linksOf(controller, rel string) (l groupLinks) {
	var st unix.Stat_t
	if d := g.dir(controller, rel); d != "" && unix.Stat(d, &st) == nil {
		l = groupLinks{st.Ino, uint64(st.Nlink)}
	}
	return l
}

type groupLinks struct{ inode, links uint64 }

// endGroups ends the workers whose groups are not there any more.
func (s *Source) endGroups(due bool) {
	g := s.groups
	for key, w := range g.byKey {
		if due {
			s.checkStale(w)
			s.describe(w)
			s.allocate(w)
		}
		if !w.group.there {
			w.ended = true
			delete(g.byKey, key)
		}
	}
}

// seeGroup notes that a group is there, and makes it a worker when it is new
// and has processes.
func (s *Source) seeGroup(key string, due bool, make func() *group) {
	g := s.groups
	if w := g.byKey[key]; w != nil {
		w.group.there = true
		return
	}
	if g.stale[key] > staleTries && !due {
		return
	}
	gr := make()
	if len(g.processes(gr, true)) == 0 {
		if len(g.stale) > maxStale {
			clear(g.stale)
		}
		g.stale[key]++
		return
	}
	delete(g.stale, key)
	gr.there = true
	w := s.newGroupWorker(gr, s.groupStart(gr))
	if at, ok := g.began[key]; ok {
		w.started = at
		delete(g.began, key)
	}
	// Its processes are read one by one only where no counter of its processor
	// time can be read.
	if _, ok := g.usage(gr.rel); !ok {
		w.tree = &account{}
		s.trees[w.tree] = w
	}
	g.byKey[key] = w
	s.describe(w)
	s.allocate(w)
	s.o.Log.Info("worker found", "worker", w.entity.ID, "resolver", gr.resolver)
}

// staleTries is how many ticks in a row an empty group is looked into before
// that is left to discoveries, and maxStale how many of those are remembered.
const (
	staleTries = 20
	maxStale   = 4096
)

// staleAfter is how many discoveries in a row must find a group without a
// process before it counts as left behind.
const staleAfter = 2

// checkStale ends a worker whose group has no processes any more.
func (s *Source) checkStale(w *worker) {
	gr := w.group
	if len(s.groups.processes(gr, true)) > 0 {
		gr.empty = 0
		return
	}
	if gr.empty++; gr.empty >= staleAfter {
		gr.there = false
	}
}

// newGroupWorker makes the worker of a group.
func (s *Source) newGroupWorker(gr *group, started time.Time) *worker {
	labels := []metric.Label{{Name: "resolver", Value: gr.resolver}, {Name: "engine", Value: gr.resolver}}
	if _, numbered := number(gr.job); numbered {
		labels = append(labels, metric.Label{Name: "job", Value: gr.job})
	} else if gr.job != "" {
		labels = append(labels, metric.Label{Name: "sluid", Value: gr.job})
	}
	if gr.root != nil && gr.root.node != "" {
		labels = append(labels, metric.Label{Name: "slurm_node", Value: clean(gr.root.node)})
	}
	if gr.user == "" {
		gr.user = s.groupUser(gr)
	}
	labels = append(labels, metric.Label{Name: "user", Value: gr.user})
	labels = append(labels, gr.labels...)
	w := &worker{entity: entity(gr.id, labels), group: gr, rank: len(s.resolvers), started: started, inside: gr.parent}
	s.workers = append(s.workers, w)
	return w
}
