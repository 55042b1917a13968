package main

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/metric"
	"nodemeter/exporter/compat"
)

// compatible shows samples under other exporters' names too, as
// --metrics.compat asks; nil when it does not.
func (d *daemon) compatible() ([]prometheus.Collector, error) {
	if len(d.compat) == 0 {
		return nil, nil
	}
	facts, err := compat.ThisNode()
	if err != nil {
		return nil, fmt.Errorf("--metrics.compat: ask the kernel who this node is: %w", err)
	}
	c, err := compat.New(compat.Options{Exporters: d.compat, Node: facts, Latest: func() *metric.Sample { return d.export.Latest() }})
	if err != nil {
		return nil, d.placed(bad("metrics.compat", strings.Join(d.compat, ","), "%v", err))
	}
	return []prometheus.Collector{c}, nil
}
