package worker

import (
	"bytes"
	"cmp"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"nodemeter/collector/metric"
)

// slurmRoot is where one slurmd keeps its jobs, in every hierarchy it uses.
// Version 1: /slurm or /slurm_NODE, with uid_U/job_J/step_S/task_T below.
// Version 2: slurmstepd.scope or NODE_slurmstepd.scope, with job_J/step_S
// below. Slurm from 26.05 on names a job by its SLUID instead of job_J. Several
// slurmd on one machine have a root each.
type slurmRoot struct {
	node string            // NODE, or ""
	rel  map[string]string // by controller, "" is version 2
	used float64           // CPU seconds of all jobs, at the read before
	seen bool

	listed  []slurmJob // when they were listed last
	watched bool       // what changes is told
	changed bool       // since they were listed
}

// slurmJob is a job's directory, relative to its root, and the key of its group.
type slurmJob struct{ dir, key string }

// add notes a job that was listed.
func (r *slurmRoot) add(dir string) { r.listed = append(r.listed, slurmJob{dir, r.key(dir)}) }

// primary is the hierarchy that jobs are listed in.
func (r *slurmRoot) primary() string {
	for _, c := range append([]string{""}, controllers()...) {
		if _, ok := r.rel[c]; ok {
			return c
		}
	}
	return ""
}

// slurmRootName reads the name of a root's directory; unified says of which version.
func slurmRootName(name string, unified bool) (node string, ok bool) {
	if unified {
		node, ok = strings.CutSuffix(name, "slurmstepd.scope")
		if !ok || node != "" && !strings.HasSuffix(node, "_") {
			return "", false
		}
		return strings.TrimSuffix(node, "_"), true
	}
	if name == "slurm" {
		return "", true
	}
	node, ok = strings.CutPrefix(name, "slurm_")
	return node, ok && node != ""
}

// sluid is 's' and 13 characters of Crockford's base 32.
const sluid = `^s[0-9A-HJKMNP-TV-Z]{13}$`

// jobName reads the name of a job's directory: its number, or its SLUID.
func jobName(name string) (job string, ok bool) {
	if job, ok = strings.CutPrefix(name, "job_"); ok {
		_, ok = number(job)
		return job, ok
	}
	return name, len(name) == 14 && regexp.MustCompile(sluid).MatchString(name)
}

// slurmParents are the groups of version 2 in which slurmd makes its own.
func slurmParents() []string { return []string{"/", "/system.slice"} }

// slurmRoots finds the roots below every hierarchy.
func (g *groups) slurmRoots() []*slurmRoot {
	byNode := map[string]*slurmRoot{}
	add := func(controller, rel, node string) {
		r := byNode[node]
		if r == nil {
			if r = g.root(node); r == nil {
				r = &slurmRoot{node: node}
			}
			r.rel = map[string]string{}
			byNode[node] = r
		}
		r.rel[controller] = rel
	}
	for _, c := range controllers() {
		for _, name := range g.list(c, "/", func(name []byte) bool { return bytes.HasPrefix(name, []byte("slurm")) }) {
			if node, ok := slurmRootName(name, false); ok && c != "systemd" {
				add(c, "/"+name, node)
			}
		}
	}
	for _, parent := range slurmParents() {
		for _, name := range g.list("", parent, func(name []byte) bool { return bytes.HasSuffix(name, []byte("slurmstepd.scope")) }) {
			if node, ok := slurmRootName(name, true); ok {
				add("", path.Join(parent, name), node)
			}
		}
	}
	var out []*slurmRoot
	for _, r := range byNode {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *slurmRoot) int { return strings.Compare(a.node, b.node) })
	return out
}

// root is the root of a node that is known already, or nil.
func (g *groups) root(node string) *slurmRoot {
	for _, r := range g.roots {
		if r.node == node {
			return r
		}
	}
	return nil
}

// jobs lists the jobs of a root, anew only where something changed.
func (g *groups) jobs(r *slurmRoot, due bool) []slurmJob {
	if r.watched && !r.changed && !due {
		return r.listed
	}
	c := r.primary()
	top := r.rel[c]
	r.listed, r.changed = nil, false
	r.watched = g.edges.watch(g.dir(c, top))
	for _, name := range g.list(c, top, nil) {
		if _, ok := jobName(name); ok {
			r.add(name)
			continue
		}
		if !strings.HasPrefix(name, "uid_") {
			continue
		}
		user := path.Join(top, name)
		r.watched = g.edges.watch(g.dir(c, user)) && r.watched
		for _, job := range g.list(c, user, nil) {
			if _, ok := jobName(job); ok {
				r.add(path.Join(name, job))
			}
		}
	}
	return r.listed
}

// slurmGroup makes the group of a job found below a root.
func (g *groups) slurmGroup(r *slurmRoot, dir, nodeID string) *group {
	job, _ := jobName(path.Base(dir))
	id := "slurm-" + job
	short, _, _ := strings.Cut(nodeID, ".")
	if r.node != "" && r.node != short && r.node != nodeID {
		id += "@" + clean(r.node)
	}
	gr := &group{key: "slurm:" + r.node + ":" + dir, id: id, resolver: "slurm", rel: map[string]string{}, root: r, job: job}
	for c, rel := range r.rel {
		p := path.Join(rel, dir)
		if g.exists(c, p) {
			gr.rel[c] = p
		}
	}
	return gr
}

// jobFacts is what a job's processes have in their environment.
type jobFacts struct {
	labels []metric.Label
	gpus   int64
	hasGPU bool
	cpus   int64 // 0: not told
}

// parseJobEnvironment reads what Slurm told a job. ok is false when it is not
// the environment of job, which is its number or SLUID.
func parseJobEnvironment(b []byte, job string) (facts jobFacts, ok bool) {
	names := map[string]string{
		"SLURM_JOB_NAME": "job_name", "SLURM_ARRAY_JOB_ID": "array_job", "SLURM_ARRAY_TASK_ID": "array_task",
		"SLURM_JOB_PARTITION": "partition", "SLURM_JOB_ACCOUNT": "account",
	}
	for kv := range bytes.SplitSeq(b, []byte{0}) {
		name, value, _ := strings.Cut(string(kv), "=")
		switch name {
		case "SLURM_JOB_ID":
			if _, numbered := number(job); numbered && value != job {
				return jobFacts{}, false
			}
			ok = true
			facts.labels = append(facts.labels, metric.Label{Name: "job", Value: clean(value)})
		case "SLURM_JOB_GPUS":
			facts.gpus, facts.hasGPU = countList(value), true
		case "SLURM_CPUS_ON_NODE":
			facts.cpus, _ = positive(value)
		default:
			if label := names[name]; label != "" {
				facts.labels = append(facts.labels, metric.Label{Name: label, Value: clean(value)})
			}
		}
	}
	return facts, ok
}

// countList counts the entries of "0,1,3" and "0-3".
func countList(s string) int64 {
	var n int64
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err1 := decimal([]byte(from))
		if err1 != nil {
			continue
		}
		b, err2 := decimal([]byte(to))
		if isRange && err2 == nil && b >= a && b-a < 1024 {
			n += int64(b - a + 1)
			continue
		}
		n++
	}
	return n
}

// mostAsked bounds how many of a job's processes are asked whose they are.
const mostAsked = 64

// describe completes a job's identity: from its mark, then from one of its
// processes.
func (s *Source) describe(w *worker) {
	g := w.group
	if g.described || g.tries > 3 {
		return
	}
	g.tries++
	s.marked(w)
	pids := s.groups.processes(g, false) // Slurm's own, which know nothing, may come first
	for _, pid := range pids[:min(len(pids), mostAsked)] {
		if uid, ok := s.users.of(pid); ok && uid != 0 && g.user == "" {
			g.user = s.users.name(uid)
			w.entity = entity(g.id, append(slices.Clone(w.entity.Info), metric.Label{Name: "user", Value: g.user}))
		}
		b, err := os.ReadFile(s.files.proc(pid, "environ"))
		if err != nil {
			continue
		}
		facts, ok := parseJobEnvironment(b, g.job)
		if !ok {
			continue
		}
		g.described = true
		if g.facts.hasGPU {
			facts.gpus, facts.hasGPU = g.facts.gpus, true // the mark's word
		}
		facts.cpus = cmp.Or(g.facts.cpus, facts.cpus)
		g.facts = facts
		labels := slices.DeleteFunc(slices.Clone(w.entity.Info), func(l metric.Label) bool { return l.Name == "job" })
		if uid, ok := s.users.of(pid); ok && g.user == "" {
			g.user = s.users.name(uid)
			labels = append(labels, metric.Label{Name: "user", Value: g.user})
		}
		w.entity = entity(g.id, append(labels, facts.labels...))
		return
	}
}
