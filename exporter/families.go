package exporter

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

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
	labels map[*metric.Entity]*entityLabels // reused between samples
}

// family is one family and the series being collected for it.
type family struct {
	name, help string
	kind       dto.MetricType
	values     []value
	head, open string // the lines that describe it, in the text format and in OpenMetrics
}

func newFamilies(descs []*metric.Desc) *families {
	f := &families{
		byDesc: map[*metric.Desc]*family{}, info: map[metric.EntityKind]*family{},
		labels: map[*metric.Entity]*entityLabels{},
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
	for _, fam := range byName {
		fam.describe()
	}
	f.sorted = slices.SortedFunc(maps.Values(byName), func(a, b *family) int { return cmp.Compare(a.name, b.name) })
	return f
}

func (f *family) describe() { f.head, f.open = heads(f.name, f.kind, f.help) }

// heads are the lines that describe a family, in the text format and in OpenMetrics.
func heads(name string, kind dto.MetricType, help string) (head, open string) {
	plain, metrics := textWriter{}, textWriter{open: true}
	plain.head(name, kind, help)
	metrics.head(name, kind, help)
	return string(plain.out), string(metrics.out)
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
}

// convert turns a sample into families. Beyond the limit series are dropped, the
// node's own last, because its reading comes first.
func (f *families) convert(s *metric.Sample, o Options) *conversion {
	for _, fam := range f.sorted {
		fam.values = fam.values[:0]
	}
	if len(f.labels) > 2*len(s.Readings)+16 { // entities came and went
		f.labels = make(map[*metric.Entity]*entityLabels, len(s.Readings))
	}
	c := &conversion{families: f, limit: o.MaxSeries}
	for i := range s.Readings {
		r := &s.Readings[i]
		if r.Entity.Kind == metric.CPU && !o.PerCore {
			continue
		}
		l := f.labels[r.Entity]
		if l == nil {
			l = newEntityLabels(r.Entity)
			f.labels[r.Entity] = l
		}
		if l.info != nil {
			c.add(c.info[r.Entity.Kind], l.info, 1)
		}
		for _, p := range r.Points {
			c.point(r.Entity, l, p)
		}
	}
	return c
}

// point adds the series of one number: one, or for a state one a state name.
func (c *conversion) point(e *metric.Entity, l *entityLabels, p metric.Point) {
	fam := c.byDesc[p.Desc]
	if fam == nil {
		return
	}
	of := l.series(e, p.Desc)
	if p.Desc.Type != metric.TypeState {
		c.add(fam, of[0], p.Float())
		return
	}
	for i := range of {
		v := 0.0
		if int64(i) == p.Int() {
			v = 1
		}
		c.add(fam, of[i], v)
	}
}

func (c *conversion) add(fam *family, labels *seriesLabels, v float64) {
	if c.series >= c.limit {
		c.dropped++
		return
	}
	c.series++
	fam.values = append(fam.values, value{labels, v})
}

// done returns the families that have series, by name.
func (c *conversion) done() []sampleFamily {
	out := make([]sampleFamily, 0, len(c.sorted))
	all := make([]value, 0, c.series)
	for _, fam := range c.sorted {
		if n := len(fam.values); n > 0 {
			all = append(all, fam.values...)
			out = append(out, sampleFamily{fam, all[len(all)-n : len(all) : len(all)]})
		}
	}
	return out
}
