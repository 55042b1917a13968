// Package exporter shows the latest sample to Prometheus and to people.
//
// Data flow: Publish is a sink of the tick loop; it keeps the sample and counts
// what cannot be read off a single one (ticks, misses, failures). A scrape turns
// the kept sample into families; it never touches /proc or a driver, and all
// scrapes between two ticks share one conversion.
//
// Concurrency: Publish is called from the loop, everything else from any
// goroutine. The loop never waits for a scrape: converting happens outside the
// lock that Publish takes.
package exporter

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"nodemeter/collector/metric"
)

// Options say what is exported.
type Options struct {
	// Descs are the metrics of every source.
	Descs []*metric.Desc
	// Interval is the time between ticks.
	Interval time.Duration
	// Stretch is how many intervals there are between samples now, where the
	// loop slows down to keep within a budget; nil is one.
	Stretch func() int
	// PerCore exports a series a core and metric. Off, the node's own figures remain.
	PerCore bool
	// MaxSeries bounds the series made from a sample; 0 means DefaultMaxSeries.
	MaxSeries int
	// Span is the length of the aligned spans whose extremes are exported; 0 exports none.
	Span time.Duration
	// ClassicHistograms adds classic buckets to the native histograms.
	ClassicHistograms bool
	// Build is exported as nodemeter_build_info.
	Build Build
	// Extra are further collectors of the daemon's own health, such as the
	// recorder's.
	Extra []prometheus.Collector
}

// DefaultMaxSeries is far above what a node with eight GPUs makes (about 600)
// and far below what hurts a server that scrapes ten thousand of them.
const DefaultMaxSeries = 5000

// Build identifies the running program.
type Build struct {
	Version, Revision, GoVersion string
}

// Exporter converts samples. Make one with New.
type Exporter struct {
	options  Options
	families *families
	health   *health
	all      *distributions
	registry *own
	latest   latest
	// publishing is odd while Publish is at work, and another number after it.
	publishing atomic.Uint64

	mu    sync.Mutex // guards the conversion, never taken by Publish
	from  uint64     // the number of the sample that cache was made from
	cache []sampleFamily
}

// New checks the descriptors and makes an Exporter.
func New(o Options) (*Exporter, error) {
	if o.MaxSeries <= 0 {
		o.MaxSeries = DefaultMaxSeries
	}
	if o.Interval <= 0 {
		return nil, fmt.Errorf("interval %s: must be positive", o.Interval)
	}
	if err := metric.Check(o.Descs); err != nil {
		return nil, err
	}
	e := &Exporter{options: o, families: newFamilies(o.Descs), health: newHealth(o), all: newDistributions(o.Descs, o.Span, o.ClassicHistograms), registry: newOwn()}
	for _, c := range slices.Concat(e.health.collectors(), e.all.collectors(), o.Extra) {
		if err := e.registry.Register(c); err != nil {
			return nil, fmt.Errorf("register own metrics: %w", err)
		}
	}
	return e, nil
}

// Publish takes the sample of a tick. It is a sink of the tick loop.
func (e *Exporter) Publish(s *metric.Sample) {
	e.publishing.Add(1)
	defer e.publishing.Add(1)
	e.health.observe(s)
	e.all.observe(s)
	e.latest.put(s, time.Now())
}

// staleTicks is after how many intervals without a sample the last one is no
// longer shown, and the daemon no longer ready.
const staleTicks = 3

// staleAfter is the age at which a sample is not shown any more.
func (e *Exporter) staleAfter() time.Duration {
	between := e.options.Interval
	if e.options.Stretch != nil {
		between *= time.Duration(max(e.options.Stretch(), 1))
	}
	return max(staleTicks*between, 3*time.Second)
}

// Ready is nil when samples are coming in, or says why not.
func (e *Exporter) Ready() error {
	s, _, age := e.latest.get()
	if s == nil {
		return fmt.Errorf("no sample yet")
	}
	s.Release()
	if age > e.staleAfter() {
		return fmt.Errorf("no sample for %s: the tick loop is stuck", age.Round(time.Second))
	}
	return nil
}

// Gather implements prometheus.Gatherer: the latest sample's families, and the
// daemon's own health. Both come sorted by name and share none, which a test
// holds with prometheus.Gatherers; checking it at every scrape costs more than
// all the rest.
func (e *Exporter) Gather() ([]*dto.MetricFamily, error) {
	shown, err := e.gather()
	out := make([]*dto.MetricFamily, len(shown))
	for i, f := range shown {
		out[i] = f.message()
	}
	return out, err
}

// shown is one family: of the sample, or of the daemon's own.
type shown struct {
	sample *sampleFamily
	own    *ownShown
}

func (f shown) name() string {
	if f.sample != nil {
		return f.sample.name
	}
	return f.own.message.GetName()
}

func (f shown) message() *dto.MetricFamily {
	if f.sample != nil {
		return f.sample.message()
	}
	return f.own.message
}

// untorn is how often gathering is begun again because a sample came in
// meanwhile. Once is enough unless the machine hardly runs us.
const untorn = 3

// gather returns all families, of one tick: counters of ticks, histograms and
// the sample's own belong together.
func (e *Exporter) gather() ([]shown, error) {
	for range untorn - 1 {
		before := e.publishing.Load()
		out, err := e.gatherOnce()
		if before%2 == 0 && e.publishing.Load() == before {
			return out, err
		}
	}
	return e.gatherOnce()
}

// gatherOnce joins all families in the order of their names.
func (e *Exporter) gatherOnce() ([]shown, error) {
	sample, sources := e.gatherSample(), e.health.sources.gather()
	own, err := e.registry.gather()
	out := make([]shown, 0, len(sample)+len(sources)+len(own))
	for n := cap(out); n > 0; n-- {
		from := &sample // whose next name comes first
		if len(sample) == 0 || len(sources) > 0 && sources[0].name < sample[0].name {
			from = &sources
		}
		if len(*from) == 0 || len(own) > 0 && own[0].name < (*from)[0].name {
			out, own = append(out, shown{own: &own[0]}), own[1:]
		} else {
			out, *from = append(out, shown{sample: &(*from)[0]}), (*from)[1:]
		}
	}
	return out, err
}

// gatherSample converts the latest sample, once for all scrapes that see it.
func (e *Exporter) gatherSample() []sampleFamily {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, seq := e.current()
	if s == nil {
		e.health.series.Set(0)
		e.from, e.cache = 0, nil
		return nil
	}
	defer s.Release()
	if e.from != seq {
		c := e.families.convert(s, e.options)
		e.from, e.cache = seq, c.done()
		e.health.series.Set(float64(c.series))
		e.health.dropped.Add(float64(c.dropped))
	}
	return e.cache
}
