package exporter

import (
	"cmp"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protowire"

	"nodemeter/collector/metric"
)

// seriesLabels are what tells a series of a family apart, ready for each
// format; they are made once and do not change.
type seriesLabels struct {
	sorted []metric.Label
	text   string // {a="b",c="d"}, or nothing
	proto  []byte // fields of a Metric message
}

// entityLabels are those of the series of one entity. An entity does not
// change, and mostly is the same one at each tick.
type entityLabels struct {
	info *seriesLabels // of the _info series; nil: there is nothing to say
	of   map[*metric.Desc][]*seriesLabels
}

func newEntityLabels(e *metric.Entity) *entityLabels {
	l := &entityLabels{of: map[*metric.Desc][]*seriesLabels{}}
	if len(e.Info) == 0 {
		return l
	}
	labels := make([]metric.Label, 0, len(e.Info)+1)
	if e.Kind == metric.Node {
		labels = append(labels, metric.Label{Name: "nodename", Value: e.ID})
	}
	for _, i := range e.Info {
		if i.Name != e.Kind.Label() && i.Name != "nodename" {
			labels = append(labels, i)
		}
	}
	l.info = newSeriesLabels(e, labels)
	return l
}

// series are the labels of a metric's series: of one, or for a state of one a
// state name.
func (l *entityLabels) series(e *metric.Entity, d *metric.Desc) []*seriesLabels {
	of := l.of[d]
	if of != nil {
		return of
	}
	if d.Type != metric.TypeState {
		of = []*seriesLabels{newSeriesLabels(e, slices.Clone(d.Labels))}
	}
	for _, name := range d.States {
		of = append(of, newSeriesLabels(e, append(slices.Clone(d.Labels), metric.Label{Name: "state", Value: name})))
	}
	l.of[d] = of
	return of
}

// newSeriesLabels adds the entity's own label and sorts. Names that Prometheus
// does not allow and empty values, which mean no label, are left out.
func newSeriesLabels(e *metric.Entity, labels []metric.Label) *seriesLabels {
	if name := e.Kind.Label(); name != "" {
		labels = append(labels, metric.Label{Name: name, Value: e.ID})
	}
	s := &seriesLabels{}
	for _, l := range labels {
		if model.LegacyValidation.IsValidLabelName(l.Name) && l.Value != "" {
			s.sorted = append(s.sorted, metric.Label{Name: l.Name, Value: strings.ToValidUTF8(l.Value, "\uFFFD")})
		}
	}
	slices.SortFunc(s.sorted, func(a, b metric.Label) int { return cmp.Compare(a.Name, b.Name) })
	var t textWriter
	between := byte('{')
	for _, l := range s.sorted {
		t.label(between, l.Name, l.Value)
		between = ','
		pair := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), l.Name)
		pair = protowire.AppendString(protowire.AppendTag(pair, 2, protowire.BytesType), l.Value)
		s.proto = protowire.AppendBytes(protowire.AppendTag(s.proto, 1, protowire.BytesType), pair)
	}
	if len(t.out) > 0 {
		s.text = string(append(t.out, '}'))
	}
	return s
}

// value is one series of a sample.
type value struct {
	labels *seriesLabels
	v      float64
}

// sampleFamily is one family of a sample; immutable.
type sampleFamily struct {
	*family
	values []value
}

// message is the family as client_golang has it.
func (f *sampleFamily) message() *dto.MetricFamily {
	out := &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &f.kind, Metric: make([]*dto.Metric, len(f.values))}
	for i := range f.values {
		x := &f.values[i]
		m := &dto.Metric{Label: make([]*dto.LabelPair, len(x.labels.sorted))}
		for j := range x.labels.sorted {
			m.Label[j] = &dto.LabelPair{Name: &x.labels.sorted[j].Name, Value: &x.labels.sorted[j].Value}
		}
		if f.kind == dto.MetricType_COUNTER {
			m.Counter = &dto.Counter{Value: &x.v}
		} else {
			m.Gauge = &dto.Gauge{Value: &x.v}
		}
		out.Metric[i] = m
	}
	return out
}
