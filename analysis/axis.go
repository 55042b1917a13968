package analysis

import (
	"maps"
	"slices"

	"nodemeter/collector/metric"
)

// Axis is what the pictures of a recording have a line, a row or a bar for: its
// nodes, the workers found on them, or these added up by job or user.
type Axis struct {
	Name string // node, worker, job or user
	Rows []*EntityResult
	// Overall are the figures over the samples of all rows together, by column.
	Overall map[string]*Stats
	// Unit says what the shares of a job or user are of; empty where they are
	// of the node or of the GPUs that a row has.
	Unit string
}

// axis finds the rows asked for. Where nobody asked, they are the workers, if
// attribution found some that are more than login sessions, and not too many
// for a picture.
func (a *analyzer) axis(groups *Axis) Axis {
	r := a.result
	switch {
	case groups != nil && len(groups.Rows) > 0:
		return *groups
	case a.csv || r.by != 0 && r.by != metric.Worker || len(a.pooled) == 0:
		return r.nodeAxis()
	}
	workers, told := 0, false
	for _, e := range r.Entities {
		if e.Entity.Kind == metric.Worker {
			workers++
			told = told || !slices.Contains(e.Info, metric.Label{Name: "resolver", Value: "session"})
		}
	}
	if r.by == 0 && (!told || workers > maxDefaultWorkers) {
		return r.nodeAxis()
	}
	x := Axis{Name: "worker", Overall: map[string]*Stats{}}
	for name, d := range a.pooled {
		x.Overall[name] = d.stats()
	}
	for _, e := range r.Entities {
		if e.Entity.Kind == metric.Worker {
			x.Rows = append(x.Rows, e)
		}
	}
	return x
}

func (r *Result) nodeAxis() Axis { return Axis{Name: "node", Rows: r.Nodes(), Overall: r.Overall} }

// groupAxis makes each job or user a row. Sums over several nodes and GPUs pass
// one: a row's shares are of all that was recorded, so that rows add up to the whole.
func (a *analyzer) groupAxis() *Axis {
	r, g := a.result, a.groups
	whole := [len(groupColumns)]float64{}
	for _, e := range r.Entities {
		switch e.Entity.Kind {
		case metric.Node:
			whole[groupCPUUtil]++
			whole[groupMemoryUtil]++
		case metric.GPU:
			whole[groupGPUUtil]++
		}
	}
	x := &Axis{Name: g.label, Overall: map[string]*Stats{}, Unit: "Shares are of all nodes recorded together, of GPUs of all GPUs."}
	pooled := map[string]*Distribution{}
	for _, name := range slices.SortedFunc(maps.Keys(g.groups), CompareNames) {
		t := g.groups[name]
		label := name
		if label == "" {
			label = "no " + g.label
		} else if job := t.group.Info["job_name"]; job != "" && g.label == "job" {
			label += " (" + job + ")"
		}
		e := &EntityResult{
			Entity: Entity{Kind: metric.Worker, ID: label, Worker: label}, Presence: t.group.Presence,
			Stats: map[string]*Stats{}, Increase: map[string]Increase{}, States: map[string]map[string]float64{},
		}
		for i, column := range groupColumns {
			if whole[i] > 0 {
				a.groupRow(e, t, i, column.name, whole[i], pooled)
			}
		}
		x.Rows = append(x.Rows, e)
	}
	for name, d := range pooled {
		x.Overall[name] = d.stats()
	}
	return x
}

// groupRow gives a row one column: its figures and its series.
func (a *analyzer) groupRow(e *EntityResult, t *groupTrack, i int, column string, whole float64, pooled map[string]*Distribution) {
	d := newDistribution(metric.Ratio, exactLimit)
	d.expected = int64(len(t.cells))
	series := binned{width: a.groups.width}
	for _, bin := range slices.Sorted(maps.Keys(t.cells)) {
		c := t.cells[bin]
		if !c.has[i] || c.seconds <= 0 {
			continue
		}
		v := min(c.sum[i]/c.seconds/whole, 1)
		d.add(v, c.seconds)
		series.add(bin*a.groups.width, v, c.seconds, a.bins)
	}
	if d.n == 0 {
		return
	}
	e.Stats[column] = d.stats()
	if pooled[column] == nil {
		pooled[column] = newDistribution(metric.Ratio, exactLimit)
	}
	pooled[column].merge(d)
	a.pending = append(a.pending, pendingSeries{e, column, metric.Ratio, series})
	a.cells += len(series.cells)
}
