package worker

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measureGroup reads the counters of a control group. Those that its kernel or
// its site lacks are absent.
func (s *Source) measureGroup(w *worker) error {
	g, gr := s.groups, w.group
	if w.ended {
		s.lastOf(w)
		return nil
	}
	used, ok := g.usage(gr.rel)
	if w.tree == nil {
		if !ok {
			w.now.cpu = gr.used // not to be taken for the use of what it is in
			return g.unreadable(gr)
		}
		gr.grew = used - gr.used
		w.now.cpu, w.now.hasCPU = used, true
		gr.used, gr.seen = used, true
	}
	w.now.memory, w.now.hasMemory = g.memory(gr.rel)
	s.groupStorage(w)
	s.allocated(w)
	return nil
}

// unreadable says why a group has no processor time any more: nothing, when it
// ended just now, which the next tick finds.
func (g *groups) unreadable(gr *group) error {
	for c, rel := range gr.rel {
		if g.exists(c, rel) {
			return fmt.Errorf("%s: %s: no processor time can be read", gr.id, g.dir(c, rel))
		}
	}
	return nil
}

// lastOf completes a job that has ended: what its slurmd's jobs used together
// and none of those that are there did is what it used at the end. Of several
// that ended in one interval each gets what it used in the one before, in proportion.
func (s *Source) lastOf(w *worker) {
	gr := w.group
	if !gr.seen || w.tree != nil {
		return
	}
	w.now.cpu, w.now.hasCPU = gr.used+w.leftover, true
}

// leftovers finds what groups that ended in this interval used after they were
// read last: jobs from what their slurmd's jobs used together, steps from their
// job, tasks from their step.
func (s *Source) leftovers() {
	for _, r := range s.groups.roots {
		if r.seen && !s.searching && !s.busy(r) {
			continue // without a job it stays what it was
		}
		if all, ok := s.groups.usage(r.rel); ok {
			if r.seen {
				s.leftover(all-r.used, func(gr *group) bool { return gr.root == r && gr.parent == nil })
			}
			r.used, r.seen = all, true
		}
	}
	if s.o.Slurm == Jobs {
		return
	}
	for _, w := range s.workers { // a job comes before its steps
		gr := w.group
		if gr == nil || gr.root == nil || w.tree != nil || !gr.seen {
			continue
		}
		rest := w.leftover
		if !w.ended {
			used, ok := s.groups.usage(gr.rel)
			if !ok {
				continue
			}
			rest = used - gr.used
		}
		s.leftover(rest, func(inner *group) bool { return inner.parent == w })
	}
}

// busy reports whether a slurmd has jobs.
func (s *Source) busy(r *slurmRoot) bool {
	return slices.ContainsFunc(s.workers, func(w *worker) bool { return w.group != nil && w.group.root == r })
}

// leftover divides what the groups of one parent used together, and those of
// them that are there did not, among those that ended: in proportion to what
// they used in the interval before.
func (s *Source) leftover(rest float64, of func(gr *group) bool) {
	var weight, ended float64
	for _, w := range s.workers {
		if w.group == nil || w.tree != nil || !of(w.group) {
			continue
		}
		if w.ended {
			weight += w.group.grew
			ended++
		} else if used, ok := s.groups.usage(w.group.rel); ok {
			rest -= used - w.group.used
		}
	}
	if ended == 0 || rest <= 0 {
		return
	}
	for _, w := range s.workers {
		if w.group == nil || w.tree != nil || !w.ended || !of(w.group) {
			continue
		}
		part := 1 / ended
		if weight > 0 {
			part = w.group.grew / weight
		}
		w.leftover = rest * part
	}
}

// groupStorage reads version 2's io.stat and pids.current.
func (s *Source) groupStorage(w *worker) {
	rel, ok := w.group.rel[""]
	if !ok {
		return
	}
	if b, err := s.groups.poll("", rel, "io.stat"); err == nil {
		r, wr := parseIOStat(b)
		w.now.storage = io{r, wr, true}
	}
	if b, err := s.groups.poll("", rel, "pids.current"); err == nil {
		if n, err := decimal(bytes.TrimSpace(b)); err == nil {
			w.now.threads, w.now.hasThreads = int64(min(n, 1<<30)), true
		}
	}
}

// allocated says how many GPUs the job was given.
func (s *Source) allocated(w *worker) {
	gr := w.group
	if gr.parent != nil {
		return // its job was given them
	}
	if rel, ok := gr.rel["devices"]; ok {
		if b, err := s.groups.poll("devices", rel, "devices.list"); err == nil {
			if n, ok := parseDevices(b); ok && n > 0 {
				w.now.allocated, w.now.hasAlloc = n, true
				return
			}
		}
	}
	w.now.allocated, w.now.hasAlloc = gr.facts.gpus, gr.facts.hasGPU
}

// groupStart is when a group was made: its directory's time is that of the
// oldest thing in it.
func (s *Source) groupStart(gr *group) time.Time {
	for c, rel := range gr.rel {
		if fi, err := os.Stat(s.groups.dir(c, rel)); err == nil {
			start := fi.ModTime()
			for _, pid := range s.groups.processes(gr, true) {
				if st, err := s.files.stat(pid); err == nil {
					if t := s.facts.started(st.start); t.Before(start) {
						start = t
					}
				}
			}
			return start
		}
	}
	return time.Now()
}

// groupUser is the user that a group's path or owner of its first process names.
func (s *Source) groupUser(gr *group) string {
	for _, rel := range gr.rel {
		m := regexp.MustCompile(`/(?:uid_|user-)(\d+)(?:\.slice)?/`).FindStringSubmatch(rel)
		if m == nil {
			continue
		}
		if uid, err := strconv.ParseUint(m[1], 10, 32); err == nil {
			return s.users.name(uint32(uid))
		}
	}
	return ""
}

// walk adds the processes of groups without counters to their accounts.
func (s *Source) walk() {
	for _, w := range s.workers {
		if w.group == nil || w.tree == nil || w.ended {
			continue
		}
		for _, pid := range s.groups.processes(w.group, false) {
			if p := s.ledger.byPID[pid]; p != nil {
				continue
			}
			if st, err := s.files.stat(pid); err == nil && !st.isThread && !s.own(pid) {
				s.ledger.join(&st, w.tree, false)
			}
		}
	}
}

// groupOf finds the worker whose control group a process is in, or nil.
func (s *Source) groupOf(pid int) *worker {
	if len(s.groups.byKey) == 0 {
		return nil
	}
	b, err := s.files.readProc(pid, "cgroup")
	if err != nil {
		return nil
	}
	paths := parseCgroups(b)
	var best *worker
	longest := 0
	for _, w := range s.groups.byKey {
		for c, rel := range w.group.rel {
			at, ok := paths[c]
			if ok && (at == rel || strings.HasPrefix(at, rel+"/")) && (best == nil || w.goesBefore(best) || len(rel) > longest && !best.goesBefore(w)) {
				best, longest = w, len(rel)
			}
		}
	}
	return best
}

// goesBefore says whose a process is that is in the control groups of both: a
// session's is that of the job that it was taken into (pam_slurm_adopt).
func (w *worker) goesBefore(o *worker) bool {
	if w.rank != o.rank {
		return w.rank < o.rank
	}
	return w.group.resolver != "session" && o.group.resolver == "session"
}

// nest finds the control group that each tree runs in: the innermost one, which
// may have become a worker after the tree did.
func (s *Source) nest() {
	for _, w := range s.workers {
		if w.group != nil || w.tree == nil || w.root == nil {
			continue
		}
		g := s.groupOf(w.root.pid)
		if g == nil || g.tree != nil || g == w.inside {
			continue
		}
		w.inside = g
		w.entity = entity(w.entity.ID, join(w.entity.Info, g.entity.Info, "job", "array_job", "array_task", "job_name", "sluid", "step", "task"))
	}
}

// findSessions finds systemd's login sessions and user managers.
func (s *Source) findSessions(due bool) {
	g := s.groups
	home := "" // of systemd's own groups: version 2, or a hierarchy of version 1 without counters
	if g.mounts.at("") == "" {
		home = "systemd"
	}
	if !due {
		for _, w := range g.byKey {
			if w.group.resolver == "session" {
				rel, ok := w.group.rel[home]
				w.group.there = ok && g.exists(home, rel)
			}
		}
		return
	}
	for _, user := range g.list(home, "/user.slice", nil) {
		if !strings.HasPrefix(user, "user-") {
			continue
		}
		for _, unit := range g.list(home, path.Join("/user.slice", user), nil) {
			name, ok := sessionName(unit)
			if !ok {
				continue
			}
			rel := path.Join("/user.slice", user, unit)
			// One without counters (CPUAccounting=no) would have to be added up
			// process by process, at each tick, and those of jobs twice.
			if _, ok := g.usage(g.everywhere(rel)); !ok {
				continue
			}
			s.seeGroup("session:"+rel, due, func() *group {
				return &group{key: "session:" + rel, id: "session-" + clean(name), resolver: "session", rel: g.everywhere(rel)}
			})
		}
	}
}

// sessionName is the short name of session-N.scope and user@UID.service.
func sessionName(unit string) (string, bool) {
	if n, ok := strings.CutSuffix(unit, ".scope"); ok {
		return strings.CutPrefix(n, "session-")
	}
	if n, ok := strings.CutSuffix(unit, ".service"); ok && strings.HasPrefix(n, "user@") {
		return n, true
	}
	return "", false
}

// everywhere finds a group of one name in every hierarchy.
func (g *groups) everywhere(rel string) map[string]string {
	out := map[string]string{}
	for _, c := range append([]string{""}, controllers()...) {
		if g.exists(c, rel) {
			out[c] = rel
		}
	}
	return out
}

// forget drops a group that ended.
func (g *groups) forget(gr *group) {
	if w := g.byKey[gr.key]; w != nil && w.group == gr {
		delete(g.byKey, gr.key)
	}
}
