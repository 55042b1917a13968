package exporter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// own is the registry of the daemon's own metrics. It registers as a
// prometheus.Registry does, which refuses what clashes, and gathers what that
// would, which a test holds, at a quarter of the cost: single metrics are asked
// themselves, one goroutine asks all collectors of several, and not every series
// is checked at every scrape.
type own struct {
	*prometheus.Registry

	mu         sync.Mutex // guards what follows, and is held while gathering
	singles    []prometheus.Metric
	collectors []prometheus.Collector
	known      map[*prometheus.Desc]*ownFamily
	families   []*ownFamily // by name
	series     int          // gathered last
}

// ownShown is one of the daemon's own families, and what is known of it.
type ownShown struct {
	*ownFamily
	message *dto.MetricFamily
}

// ownFamily is what a Desc says, and what its metrics are.
type ownFamily struct {
	name, help string
	kind       dto.MetricType
	head, open string // the lines that describe it, in the text format and in OpenMetrics
	series     int    // the most that were gathered

	message *dto.MetricFamily // being gathered
}

// is notes what the metrics are.
func (f *ownFamily) is(kind dto.MetricType) {
	if f.head != "" && f.kind == kind {
		return // families gathered before point to it
	}
	f.kind = kind
	f.head, f.open = heads(f.name, kind, f.help)
}

// mostDescs bounds known: collectors that make a Desc anew at each gathering
// must not make it grow.
const mostDescs = 2000

func newOwn() *own {
	return &own{Registry: prometheus.NewRegistry(), known: map[*prometheus.Desc]*ownFamily{}}
}

// Register implements prometheus.Registerer.
func (o *own) Register(c prometheus.Collector) error {
	if err := o.Registry.Register(c); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if m, single := c.(prometheus.Metric); single {
		o.singles = append(o.singles, m)
	} else {
		o.collectors = append(o.collectors, c)
	}
	return nil
}

// gather returns the families by name, their series by labels. With an error
// it returns what could be gathered.
func (o *own) gather() ([]ownShown, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	metrics := make(chan prometheus.Metric, 128)
	go func() {
		defer close(metrics)
		for _, c := range o.collectors {
			c.Collect(metrics)
		}
	}()
	defer func() { // a metric that panics must not leave the goroutine behind
		for range metrics {
		}
	}()
	if len(o.known) > mostDescs {
		clear(o.known)
		o.families = nil
	}
	for _, f := range o.families {
		f.message = nil // of a gathering that did not get to its end
	}
	g := gathering{own: o, room: make([]dto.Metric, o.series)}
	for _, m := range o.singles {
		g.add(m)
	}
	for m := range metrics {
		g.add(m)
	}
	o.series = g.series
	out := make([]ownShown, 0, len(o.families))
	for _, f := range o.families {
		if f.message != nil {
			slices.SortFunc(f.message.Metric, byLabels)
			out = append(out, ownShown{f, f.message})
			f.message = nil
		}
	}
	return out, errors.Join(g.failed...)
}

// gathering is the state of one.
type gathering struct {
	*own
	room   []dto.Metric // for metrics, made at once
	series int
	failed []error
}

// add puts one metric into its family.
func (g *gathering) add(m prometheus.Metric) {
	if len(g.room) == 0 {
		g.room = make([]dto.Metric, 16)
	}
	x := &g.room[0]
	g.room = g.room[1:]
	f, err := g.family(m.Desc())
	if err == nil {
		err = m.Write(x)
	}
	if err != nil {
		g.failed = append(g.failed, fmt.Errorf("collect metric %s: %w", m.Desc(), err))
		return
	}
	if f.message == nil {
		f.is(kindOf(x))
		f.message = &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &f.kind, Metric: make([]*dto.Metric, 0, f.series)}
	}
	f.message.Metric = append(f.message.Metric, x)
	f.series = max(f.series, len(f.message.Metric))
	g.series++
}

// family reads what a Desc says, once. Several may be of one family.
func (o *own) family(d *prometheus.Desc) (*ownFamily, error) {
	if f := o.known[d]; f != nil {
		return f, nil
	}
	said := ownFamily{}
	// The only way to what a Desc says is its String.
	if _, err := fmt.Sscanf(d.String(), "Desc{fqName: %q, help: %q", &said.name, &said.help); err != nil {
		return nil, err
	}
	i, found := slices.BinarySearchFunc(o.families, said.name, func(f *ownFamily, name string) int { return strings.Compare(f.name, name) })
	if !found {
		o.families = slices.Insert(o.families, i, &said)
	}
	o.known[d] = o.families[i]
	return o.families[i], nil
}

func kindOf(m *dto.Metric) dto.MetricType {
	switch {
	case m.Counter != nil:
		return dto.MetricType_COUNTER
	case m.Gauge != nil:
		return dto.MetricType_GAUGE
	case m.Summary != nil:
		return dto.MetricType_SUMMARY
	case m.Histogram != nil:
		return dto.MetricType_HISTOGRAM
	}
	return dto.MetricType_UNTYPED
}

func byLabels(a, b *dto.Metric) int {
	return slices.CompareFunc(a.Label, b.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetValue(), b.GetValue()) })
}
