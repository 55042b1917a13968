package exporter

import (
	"slices"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"

	"nodemeter/collector/metric"
)

// sourcesHealth is the health of each source. Its families have the form of a
// sample's, which costs a scrape a tenth of what a registry's do: there are
// five series a source.
type sourcesHealth struct {
	families [sourceFamilies]*family // in the order of their names

	mu   sync.Mutex // held for as long as it takes to copy some numbers
	list []*sourceHealth
	at   []*sourceHealth // by the place in the source table
}

// The families of a source's health, by name.
const (
	sourceDuration = iota
	sourceFailures
	sourceLastSuccess
	sourceRejected
	sourceUp
	sourceFamilies
)

// sourceHealth is the numbers of one source, by family.
type sourceHealth struct {
	name   string
	labels *seriesLabels
	values [sourceFamilies]float64
}

func newSourcesHealth() *sourcesHealth {
	s := &sourcesHealth{families: [...]*family{
		sourceDuration:    {name: "nodemeter_source_duration_seconds", help: "How long the source's last read took.", kind: dto.MetricType_GAUGE},
		sourceFailures:    {name: "nodemeter_source_failures_total", help: "Reads of the source that failed or were late.", kind: dto.MetricType_COUNTER},
		sourceLastSuccess: {name: "nodemeter_source_last_success_timestamp_seconds", help: "Tick of the source's last read without error.", kind: dto.MetricType_GAUGE},
		sourceRejected:    {name: "nodemeter_source_rejected_total", help: "Values of the source refused because they cannot be true.", kind: dto.MetricType_COUNTER},
		sourceUp:          {name: "nodemeter_source_up", help: "1 when the source's last read succeeded, 0 when it failed or was late.", kind: dto.MetricType_GAUGE},
	}}
	for _, f := range s.families {
		f.describe()
	}
	return s
}

// observe takes in what a sample says of its sources.
func (s *sourcesHealth) observe(all []metric.SourceStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		if i == len(s.at) {
			s.at = append(s.at, nil)
		}
		if s.at[i] == nil || s.at[i].name != all[i].Name {
			s.at[i] = s.of(all[i].Name)
		}
		s.at[i].observe(&all[i])
	}
}

// of finds a source's numbers, or begins with none. The caller holds mu.
func (s *sourcesHealth) of(name string) *sourceHealth {
	i, found := slices.BinarySearchFunc(s.list, name, func(h *sourceHealth, name string) int { return strings.Compare(h.name, name) })
	if !found {
		labels := newSeriesLabels(&metric.Entity{Kind: metric.Node}, []metric.Label{{Name: "source", Value: name}})
		s.list = slices.Insert(s.list, i, &sourceHealth{name: name, labels: labels})
	}
	return s.list[i]
}

func (h *sourceHealth) observe(s *metric.SourceStatus) {
	v := &h.values
	v[sourceUp], v[sourceDuration] = 1, s.Duration.Seconds()
	v[sourceRejected] += float64(s.Rejected)
	if s.Err != nil {
		v[sourceUp] = 0
		v[sourceFailures]++
	}
	if !s.LastSuccess.IsZero() {
		v[sourceLastSuccess] = float64(s.LastSuccess.UnixMicro()) / 1e6
	}
}

// gather returns the families that have series, by name.
func (s *sourcesHealth) gather() []sampleFamily {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]sampleFamily, 0, sourceFamilies)
	all := make([]value, 0, sourceFamilies*len(s.list))
	for i, f := range s.families {
		from := len(all)
		for _, h := range s.list {
			if i != sourceLastSuccess || h.values[i] != 0 { // there is none before the first
				all = append(all, value{h.labels, h.values[i]})
			}
		}
		if len(all) > from {
			out = append(out, sampleFamily{f, all[from:len(all):len(all)]})
		}
	}
	return out
}
