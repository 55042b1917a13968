package exporter

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"nodemeter/collector/metric"
)

// infoFamily is the family that carries Entity.Info as labels.
func infoFamily(k metric.EntityKind) string {
	switch k {
	case metric.CPU:
		return "nodemeter_core_info"
	case metric.NIC:
		return "nodemeter_network_device_info"
	case metric.Disk:
		return "nodemeter_disk_device_info"
	}
	return "nodemeter_" + k.String() + "_info"
}

// families knows the families that samples become.
type families struct {
	byDesc map[*metric.Desc]*family
	info   map[metric.EntityKind]*family
	sorted []*family
	labels map[labelKey][]*dto.LabelPair // reused between samples
}

// family is one family and the metrics being collected for it.
type family struct {
	name, help string
	kind       dto.MetricType
	metrics    []*dto.Metric
}

// labelKey names a series by what it comes from.
type labelKey struct {
	entity metric.Key
	desc   *metric.Desc
	state  int
}

func newFamilies(descs []*metric.Desc) *families {
	f := &families{
		byDesc: map[*metric.Desc]*family{}, info: map[metric.EntityKind]*family{},
		labels: map[labelKey][]*dto.LabelPair{},
	}
	byName := map[string]*family{}
	for _, d := range descs {
		if d.Metric == "" {
			continue
		}
		fam := byName[d.Metric]
		if fam == nil {
			fam = &family{name: d.Metric, help: d.Help, kind: dto.MetricType_GAUGE}
			if d.Kind == metric.Counter {
				fam.kind = dto.MetricType_COUNTER
			}
			byName[d.Metric] = fam
		}
		f.byDesc[d] = fam
	}
	for k := metric.Node; k <= metric.Worker; k++ {
		fam := &family{name: infoFamily(k), kind: dto.MetricType_GAUGE,
			help: "What identifies the " + kindNoun(k) + "; always 1."}
		f.info[k], byName[fam.name] = fam, fam
	}
	f.sorted = slices.SortedFunc(maps.Values(byName), func(a, b *family) int { return cmp.Compare(a.name, b.name) })
	return f
}

func kindNoun(k metric.EntityKind) string {
	switch k {
	case metric.CPU:
		return "core"
	case metric.NIC:
		return "network link"
	case metric.GPU, metric.MIG:
		return strings.ToUpper(k.String()) + " device"
	}
	return k.String()
}

// conversion is the state of converting one sample.
type conversion struct {
	*families
	limit           int
	series, dropped int

	gauges   []gaugeMetric // what is left of the slabs
	counters []counterMetric
}

// convert turns a sample into metrics. Beyond the limit series are dropped, the
// node's own last, because its reading comes first.
func (f *families) convert(s *metric.Sample, o Options) *conversion {
	for _, fam := range f.sorted {
		fam.metrics = nil
	}
	if len(f.labels) > 4*o.MaxSeries { // entities came and went
		clear(f.labels)
	}
	c := &conversion{families: f, limit: o.MaxSeries}
	for i := range s.Readings {
		r := &s.Readings[i]
		if r.Entity.Kind == metric.CPU && !o.PerCore {
			continue
		}
		c.identity(r.Entity)
		for _, p := range r.Points {
			c.point(r.Entity, p)
		}
	}
	return c
}

// identity adds the entity's _info series, when there is anything to say.
func (c *conversion) identity(e *metric.Entity) {
	if len(e.Info) == 0 {
		return
	}
	labels := make([]metric.Label, 0, len(e.Info)+1)
	if e.Kind == metric.Node {
		labels = append(labels, metric.Label{Name: "nodename", Value: e.ID})
	}
	for _, l := range e.Info {
		if l.Name != e.Kind.Label() && l.Name != "nodename" {
			labels = append(labels, l)
		}
	}
	c.add(c.info[e.Kind], labelPairs(e, labels), 1)
}

// point adds the series of one number: one, or for a state one a state name.
func (c *conversion) point(e *metric.Entity, p metric.Point) {
	fam := c.byDesc[p.Desc]
	if fam == nil {
		return
	}
	if p.Desc.Type != metric.TypeState {
		c.add(fam, c.labelsOf(e, p.Desc, -1), p.Float())
		return
	}
	for i := range p.Desc.States {
		v := 0.0
		if int64(i) == p.Int() {
			v = 1
		}
		c.add(fam, c.labelsOf(e, p.Desc, i), v)
	}
}

func (c *conversion) add(fam *family, labels []*dto.LabelPair, v float64) {
	if c.series >= c.limit {
		c.dropped++
		return
	}
	c.series++
	fam.metrics = append(fam.metrics, c.metric(fam.kind, labels, v))
}

// slab is how many metrics are allocated at once: a sample has hundreds, each
// of three small parts.
const slab = 64

type gaugeMetric struct {
	metric dto.Metric
	gauge  dto.Gauge
	value  float64
}

type counterMetric struct {
	metric  dto.Metric
	counter dto.Counter
	value   float64
}

// metric makes one metric out of the slabs.
func (c *conversion) metric(kind dto.MetricType, labels []*dto.LabelPair, v float64) *dto.Metric {
	if kind == dto.MetricType_COUNTER {
		if len(c.counters) == 0 {
			c.counters = make([]counterMetric, slab)
		}
		m := &c.counters[0]
		c.counters = c.counters[1:]
		m.value, m.counter.Value = v, &m.value
		m.metric.Label, m.metric.Counter = labels, &m.counter
		return &m.metric
	}
	if len(c.gauges) == 0 {
		c.gauges = make([]gaugeMetric, slab)
	}
	m := &c.gauges[0]
	c.gauges = c.gauges[1:]
	m.value, m.gauge.Value = v, &m.value
	m.metric.Label, m.metric.Gauge = labels, &m.gauge
	return &m.metric
}

// done returns the families that have series, by name.
func (c *conversion) done() []*dto.MetricFamily {
	out := make([]*dto.MetricFamily, 0, len(c.sorted))
	for _, fam := range c.sorted {
		if len(fam.metrics) > 0 {
			out = append(out, &dto.MetricFamily{Name: &fam.name, Help: &fam.help, Type: &fam.kind, Metric: fam.metrics})
		}
	}
	return out
}

// labelsOf returns the sorted label pairs of a series, made once. state is the
// index of a state name, or -1.
func (f *families) labelsOf(e *metric.Entity, d *metric.Desc, state int) []*dto.LabelPair {
	k := labelKey{e.Key(), d, state}
	if l, ok := f.labels[k]; ok {
		return l
	}
	labels := slices.Clone(d.Labels)
	if state >= 0 {
		labels = append(labels, metric.Label{Name: "state", Value: d.States[state]})
	}
	l := labelPairs(e, labels)
	f.labels[k] = l
	return l
}

// labelPairs adds the entity's own label and sorts. Names that Prometheus does
// not allow and empty values, which mean no label, are left out.
func labelPairs(e *metric.Entity, labels []metric.Label) []*dto.LabelPair {
	if name := e.Kind.Label(); name != "" {
		labels = append(labels, metric.Label{Name: name, Value: e.ID})
	}
	out := make([]*dto.LabelPair, 0, len(labels))
	for _, l := range labels {
		if model.LegacyValidation.IsValidLabelName(l.Name) && l.Value != "" {
			value := strings.ToValidUTF8(l.Value, "\uFFFD")
			out = append(out, &dto.LabelPair{Name: &l.Name, Value: &value})
		}
	}
	slices.SortFunc(out, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return out
}
