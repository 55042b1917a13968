package exporter

import (
	"cmp"
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
// would, which a test holds, at a third of the cost: one goroutine for all
// collectors, and no check of every series at every scrape.
type own struct {
	*prometheus.Registry

	mu         sync.Mutex // guards what follows, and is held while gathering
	collectors []prometheus.Collector
	known      map[*prometheus.Desc]ownFamily
}

// ownFamily is what a Desc says.
type ownFamily struct{ name, help string }

// mostDescs bounds known: collectors that make a Desc anew at each gathering
// must not make it grow.
const mostDescs = 2000

func newOwn() *own {
	return &own{Registry: prometheus.NewRegistry(), known: map[*prometheus.Desc]ownFamily{}}
}

// Register implements prometheus.Registerer.
func (o *own) Register(c prometheus.Collector) error {
	if err := o.Registry.Register(c); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.collectors = append(o.collectors, c)
	return nil
}

// gather returns the families by name, their series by labels. With an error
// it returns what could be gathered.
func (o *own) gather() ([]*dto.MetricFamily, error) {
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
	var failed []error
	byName := map[string]*dto.MetricFamily{}
	for m := range metrics {
		if err := o.add(byName, m); err != nil {
			failed = append(failed, err)
		}
	}
	out := make([]*dto.MetricFamily, 0, len(byName))
	for _, f := range byName {
		slices.SortFunc(f.Metric, byLabels)
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return out, errors.Join(failed...)
}

// add puts one metric into its family.
func (o *own) add(families map[string]*dto.MetricFamily, m prometheus.Metric) error {
	d := m.Desc()
	info, ok := o.known[d]
	if !ok {
		// The only way to what a Desc says is its String.
		if _, err := fmt.Sscanf(d.String(), "Desc{fqName: %q, help: %q", &info.name, &info.help); err != nil {
			return fmt.Errorf("collect metric %s: %w", d, err)
		}
		if len(o.known) > mostDescs {
			clear(o.known)
		}
		o.known[d] = info
	}
	x := &dto.Metric{}
	if err := m.Write(x); err != nil {
		return fmt.Errorf("collect metric %s: %w", info.name, err)
	}
	f := families[info.name]
	if f == nil {
		kind := kindOf(x)
		f = &dto.MetricFamily{Name: &info.name, Help: &info.help, Type: &kind}
		families[info.name] = f
	}
	f.Metric = append(f.Metric, x)
	return nil
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
