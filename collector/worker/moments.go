package worker

import (
	"path"
	"strings"
	"time"
)

// finished is a job whose control group is gone.
type finished struct {
	root *slurmRoot
	dir  string
	from time.Time // when it began; zero where that was not told, or is its worker's
	at   time.Time
}

// key names the group of a job of this slurmd.
func (r *slurmRoot) key(dir string) string { return "slurm:" + r.node + ":" + dir }

// noteEdges takes what the kernel told since the tick before: it remembers when
// jobs began and returns those that are over.
func (s *Source) noteEdges() []finished {
	g := s.groups
	happened, lost := g.edges.take()
	if len(happened) == 0 && !lost {
		return nil
	}
	var over []finished
	for _, r := range g.roots {
		r.changed = r.changed || lost
		c := r.primary()
		top := g.dir(c, r.rel[c])
		for _, e := range happened {
			dir, ok := strings.CutPrefix(path.Join(e.dir, e.name), top+"/")
			if !ok {
				continue
			}
			r.changed = true
			if _, ok := jobName(e.name); !ok {
				continue
			}
			key := r.key(dir)
			if e.removed {
				over = append(over, finished{r, dir, g.began[key], e.at})
				delete(g.began, key) // a job that is requeued begins anew
				continue
			}
			if len(g.began) >= maxStale {
				clear(g.began)
			}
			if _, known := g.began[key]; !known && g.byKey[key] == nil {
				g.began[key] = e.at
			}
		}
	}
	return over
}

// endJobs gives jobs that are over their exact end. One that nobody saw, because
// it began and ended between two ticks, becomes a worker that has ended: its
// processor time is what its slurmd's jobs used and no other of them did.
func (s *Source) endJobs(over []finished) {
	g := s.groups
	for _, f := range over {
		key := f.root.key(f.dir)
		if w := g.byKey[key]; w != nil {
			if !w.group.there {
				w.over = f.at
			}
			continue
		}
		if f.from.IsZero() || g.exists(f.root.primary(), path.Join(f.root.rel[f.root.primary()], f.dir)) {
			continue
		}
		delete(g.stale, key)
		gr := g.slurmGroup(f.root, f.dir, s.o.Node.ID)
		for c, rel := range f.root.rel {
			gr.rel[c] = path.Join(rel, f.dir)
		}
		_, gr.seen = g.usage(f.root.rel)
		gr.grew = f.at.Sub(f.from).Seconds() // its weight among others that ended
		w := s.newGroupWorker(gr, f.from)
		w.over = f.at
		g.byKey[key] = w // which ends below, and once, were it requeued and over again
		s.describe(w)
		s.o.Log.Info("worker found", "worker", w.entity.ID, "resolver", gr.resolver)
	}
}
