package exporter

import "nodemeter/collector/metric"

// Latest returns the sample that a scrape shows now, or nil when there is none
// or it is stale. It is for collectors that show the same sample in another way.
func (e *Exporter) Latest() *metric.Sample {
	p := e.current()
	if p == nil {
		return nil
	}
	return p.sample
}
