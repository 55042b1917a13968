// Package compat shows samples under the names, units and labels of other
// exporters, so that dashboards and alerts written for those work unchanged on
// the day of the switch.
//
// Data flow: a Collector asks for the latest sample at each scrape and converts
// its points by a table, one file an exporter. It reads nothing else, and a
// point that is absent makes no series.
//
// Concurrency: a Collector does not change after New and may be shared.
package compat

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/metric"
)

// Names of the exporters that can be stood in for.
const (
	NodeExporter = "node_exporter"
	DCGM         = "dcgm"
)

// Options say what to show.
type Options struct {
	// Exporters are some of the names above.
	Exporters []string
	// Latest returns the sample to show, held for the caller; nil when there is
	// none or it is stale.
	Latest func() *metric.Sample
	// Node is what does not change while the node is up.
	Node NodeFacts
}

// NodeFacts become node_uname_info and node_boot_time_seconds.
type NodeFacts struct {
	Sysname, Release, Version, Machine, Nodename, Domainname string
	Boot                                                     time.Time // zero: not known
}

// Collector implements prometheus.Collector.
type Collector struct {
	options  Options
	families []*family
	byColumn map[metric.EntityKind]map[string][]*family
	uname    *prometheus.Desc
	boot     *prometheus.Desc
	now      *prometheus.Desc
}

// family is one line of a table: a column of ours under another name.
type family struct {
	name, help string
	kind       prometheus.ValueType
	on         metric.EntityKind
	column     string
	// scale is what our base unit is multiplied with; 0 means 1.
	scale float64
	// label and value are a constant label, such as mode="user"; "" is none.
	label, value string
	// only narrows the entities, nil is all of them.
	only func(*metric.Entity) bool
	desc *prometheus.Desc
}

// New makes a Collector. An unknown exporter is an error that names the known ones.
func New(o Options) (*Collector, error) {
	c := &Collector{options: o, byColumn: map[metric.EntityKind]map[string][]*family{}}
	for _, name := range o.Exporters {
		switch name {
		case NodeExporter:
			c.families = append(c.families, nodeFamilies()...)
			c.describeNode()
		case DCGM:
			c.families = append(c.families, dcgmFamilies()...)
		default:
			return nil, fmt.Errorf("%q: known are %s and %s", name, NodeExporter, DCGM)
		}
	}
	for _, f := range c.families {
		f.desc = prometheus.NewDesc(f.name, f.help, labelNames(f), nil)
		if c.byColumn[f.on] == nil {
			c.byColumn[f.on] = map[string][]*family{}
		}
		c.byColumn[f.on][f.column] = append(c.byColumn[f.on][f.column], f)
	}
	return c, nil
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	seen := map[string]bool{}
	for _, f := range c.families {
		if !seen[f.name] {
			seen[f.name] = true
			ch <- f.desc
		}
	}
	for _, d := range []*prometheus.Desc{c.uname, c.boot, c.now} {
		if d != nil {
			ch <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.options.Latest()
	if s == nil {
		return
	}
	defer s.Release()
	c.collectNode(ch, s)
	for i := range s.Readings {
		r := &s.Readings[i]
		columns := c.byColumn[r.Entity.Kind]
		if columns == nil {
			continue
		}
		labels := map[string][]string{}
		for _, p := range r.Points {
			for _, f := range columns[p.Desc.Column] {
				if f.only == nil || f.only(r.Entity) {
					ch <- f.metric(r.Entity, s, p, labels, c.options.Node.Nodename)
				}
			}
		}
	}
}

// metric converts one point. labels keeps what is the same for all of an entity.
func (f *family) metric(e *metric.Entity, s *metric.Sample, p metric.Point, labels map[string][]string, host string) prometheus.Metric {
	key := f.label + "=" + f.value
	values, ok := labels[key]
	if !ok {
		values = labelValues(f, e, host)
		labels[key] = values
	}
	v := p.Float()
	if f.scale == percent {
		v = math.Round(v*percent*1e6) / 1e6 // 0.07 is 7, not 7.000000000000001
	} else if f.scale != 0 {
		v *= f.scale
	}
	m, err := prometheus.NewConstMetric(f.desc, f.kind, v, values...)
	if err != nil {
		return prometheus.NewInvalidMetric(f.desc, err)
	}
	return m
}

// labelNames are those of the exporter that is stood in for.
func labelNames(f *family) []string {
	var names []string
	switch f.on {
	case metric.CPU:
		names = []string{"cpu"}
	case metric.NIC, metric.Disk:
		names = []string{"device"}
	case metric.GPU:
		names = slices.Clone(dcgmLabels[:])
	}
	if f.label != "" {
		names = append(names, f.label)
	}
	return names
}

func labelValues(f *family, e *metric.Entity, host string) []string {
	var values []string
	switch f.on {
	case metric.CPU, metric.NIC, metric.Disk:
		values = []string{valid(e.ID)}
	case metric.GPU:
		values = dcgmValues(e, host)
	}
	if f.label != "" {
		values = append(values, f.value)
	}
	return values
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// info returns a label of an entity, "" when it has none.
func info(e *metric.Entity, name string) string {
	for _, l := range e.Info {
		if l.Name == name {
			return valid(l.Value)
		}
	}
	return ""
}
