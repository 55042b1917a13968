package worker

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"nodemeter/collector/metric"
)

// Detail is what of Slurm becomes a worker of its own.
type Detail int

// Each job; each of its steps too; each task of these too. What is inside
// another is taken from it, so that they may be added up.
const (
	Jobs Detail = iota
	Steps
	Tasks
)

func details() []string { return []string{"job", "step", "task"} }

// ParseDetail reads "job", "step" or "task".
func ParseDetail(s string) (Detail, error) {
	if i := slices.Index(details(), s); i >= 0 {
		return Detail(i), nil
	}
	return Jobs, fmt.Errorf("%.30q: give job, step or task", s)
}

// String is what ParseDetail reads.
func (d Detail) String() string { return details()[d] }

// findInside finds the steps of jobs and the tasks of steps.
func (s *Source) findInside(due bool) {
	if s.o.Slurm == Jobs {
		return
	}
	for i := 0; i < len(s.workers); i++ { // which grows: steps that were found just now have tasks
		w := s.workers[i]
		if w.group == nil || w.group.root == nil || !w.group.there || w.tree != nil || w.group.depth >= int(s.o.Slurm) {
			continue
		}
		for _, dir := range s.groups.inside(w.group) {
			s.seeGroup(w.group.key+"/"+dir, due, func() *group { return s.groups.innerGroup(w, dir) })
		}
	}
}

// inside lists the steps of a job, or the tasks of a step, relative to it:
// version 1 has job_J/step_S/task_T, version 2 job_J/step_S/user/task_T.
func (g *groups) inside(gr *group) []string {
	c := gr.root.primary()
	rel, ok := gr.rel[c]
	if !ok {
		return nil
	}
	prefix, below := "step_", ""
	if gr.depth > 0 {
		prefix = "task_"
		if c == "" {
			below = "user"
		}
	}
	names := g.list(c, path.Join(rel, below), func(name []byte) bool { return bytes.HasPrefix(name, []byte(prefix)) })
	for i, name := range names {
		names[i] = path.Join(below, name)
	}
	return names
}

// innerGroup makes the group of a step or task: slurm-JOB.STEP and slurm-JOB.STEP.TASK.
func (g *groups) innerGroup(w *worker, dir string) *group {
	p := w.group
	kind, name, _ := strings.Cut(path.Base(dir), "_")
	name = clean(name)
	id, node, several := strings.Cut(p.id, "@")
	if id += "." + name; several {
		id += "@" + node
	}
	gr := &group{
		key: p.key + "/" + dir, id: id, resolver: p.resolver, rel: map[string]string{}, root: p.root, job: p.job, user: p.user,
		parent: w, depth: p.depth + 1, labels: append(slices.Clone(p.labels), metric.Label{Name: kind, Value: name}),
	}
	for c, rel := range p.rel {
		if at := path.Join(rel, dir); g.exists(c, at) {
			gr.rel[c] = at
		}
	}
	g.inner = true
	return gr
}
