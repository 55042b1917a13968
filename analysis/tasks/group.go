package tasks

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// grouper finds the Group of each row of one file: from the file's own columns
// where it has them, from the manifest's run otherwise.
type grouper struct {
	set   *Set
	run   *Run
	file  int
	key   []byte
	known map[string]int32
}

func (g *grouper) of(r *row) int32 {
	if r.decimalNodes || math.IsNaN(r.nodes) {
		g.set.floatNodes = true
	}
	if r.decimalCores || math.IsNaN(r.cores) {
		g.set.floatCores = true
	}
	g.key = append(append(append(g.key[:0], r.config...), 0), r.engine...)
	if !r.hasConfig {
		g.key = append(g.key, 0) // no column is not the same as nothing in it
	}
	for _, v := range []float64{r.nodes, r.cores, r.gpus} {
		g.key = strconv.AppendUint(append(g.key, 0), math.Float64bits(v), 16)
	}
	i, ok := g.known[string(g.key)]
	if !ok {
		i = g.add(r)
		g.known[string(g.key)] = i
	}
	g.set.Groups[i].Rows++
	return i
}

func (g *grouper) add(r *row) int32 {
	group := Group{Config: -1, Engine: g.run.Engine, Nodes: r.nodes, Cores: r.cores, GPUs: r.gpus}
	if !absent(r.engine) {
		group.Engine = string(r.engine)
	}
	for _, d := range []struct {
		have *float64
		from float64
	}{{&group.Nodes, g.run.Nodes}, {&group.Cores, g.run.Cores}, {&group.GPUs, g.run.GPUs}} {
		if math.IsNaN(*d.have) && d.from > 0 {
			*d.have = d.from
		}
	}
	id, label := string(r.config), ""
	if !r.hasConfig {
		id, label = g.run.identity()
	}
	if !absent([]byte(id)) {
		group.Config = g.config(id, label, group)
	}
	g.set.Groups = append(g.set.Groups, group)
	return int32(len(g.set.Groups) - 1)
}

// identity names the configuration of a run whose file does not: its label, or
// what it is made of. Runs of equal identity are repeats of one configuration.
func (r *Run) identity() (id, label string) {
	switch {
	case r.Label != "":
		return r.Label, r.Label
	case r.Engine != "" || r.Nodes > 0 || r.Cores > 0:
		name := shapeLabel(r.Engine, unknownIfZero(r.Nodes), unknownIfZero(r.Cores))
		return name, name
	}
	name := filepath.Base(r.File)
	if name == "-" {
		name = "standard input"
	}
	if name == "metrics.csv" || name == "." {
		name = cmp.Or(filepath.Base(filepath.Dir(r.File)), name)
		if name == "." || name == "/" {
			name = "metrics.csv"
		}
	}
	return cmp.Or(r.File, name), name
}

func unknownIfZero(x float64) float64 {
	if x > 0 {
		return x
	}
	return math.NaN()
}

func (g *grouper) config(id, label string, group Group) int {
	if i, ok := g.set.configIndex[id]; ok {
		c := g.set.Configs[i]
		c.Mixed = c.Mixed || c.Engine != group.Engine || !same(c.Nodes, group.Nodes) || !same(c.Cores, group.Cores)
		return i
	}
	g.set.configIndex[id] = len(g.set.Configs)
	g.set.Configs = append(g.set.Configs, &Config{
		ID: NamedConfig(id), Label: label, Engine: group.Engine, Nodes: group.Nodes, Cores: group.Cores, GPUs: group.GPUs,
	})
	return len(g.set.Configs) - 1
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// finish gives configurations their rows, ids and labels once all is read.
func (s *Set) finish() {
	s.internErrors, s.internIDs, s.configIndex = nil, nil, nil
	s.numericIDs = true
	for _, c := range s.Configs {
		if _, err := parseNumber([]byte(c.ID.Text)); err != nil {
			s.numericIDs = false
		}
	}
	sizes := make([]int, len(s.Configs))
	for _, g := range s.Groups {
		if g.Config >= 0 {
			sizes[g.Config] += g.Rows
		}
	}
	for i, c := range s.Configs {
		c.Rows = make([]int32, 0, sizes[i])
		if s.numericIDs {
			v, _ := parseNumber([]byte(c.ID.Text))
			c.ID.value, c.ID.numeric = v, true
		}
	}
	for i, group := range s.Group {
		c := s.Groups[group].Config
		if c < 0 {
			s.withoutConfig++
			s.Files[s.File[i]].withoutID++
			continue
		}
		s.Configs[c].Rows = append(s.Configs[c].Rows, int32(i))
	}
	for _, f := range s.Files {
		if f.withoutID > 0 {
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s without config_id, in no configuration", countNoun(f.withoutID, "task")))
		}
	}
	s.label()
	s.throughput = sync.OnceValue(s.newThroughput)
	s.latency = sync.OnceValue(s.newLatency)
	s.comparison = sync.OnceValue(s.newComparison)
}

// label names each configuration by what it is made of, and adds the id where two
// are alike.
func (s *Set) label() {
	count := map[string]int{}
	for _, c := range s.Configs {
		if c.Label == "" {
			c.Label = shapeLabel(c.Engine, c.Nodes, c.Cores)
			if c.Label == "" {
				c.Label = "config " + c.ID.Text
			}
		}
		count[c.Label]++
	}
	for _, c := range s.Configs {
		if count[c.Label] > 1 {
			c.Label = fmt.Sprintf("%s #%s", c.Label, c.ID.Text)
		}
	}
}

// shapeLabel is "ray 2N/128C", without what is not known.
func shapeLabel(engine string, nodes, cores float64) string {
	var size []string
	if !math.IsNaN(nodes) {
		size = append(size, strconv.FormatFloat(nodes, 'g', -1, 64)+"N")
	}
	if !math.IsNaN(cores) {
		size = append(size, strconv.FormatFloat(cores, 'g', -1, 64)+"C")
	}
	return strings.TrimSpace(engine + " " + strings.Join(size, "/"))
}
