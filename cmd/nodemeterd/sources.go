package main

import (
	"nodemeter/collector"
	"nodemeter/collector/host"
	"nodemeter/collector/metric"
)

// hostSources is the host's part of the source table.
func hostSources(s *settings, node *metric.Entity) []collector.Entry {
	var out []collector.Entry
	for _, n := range host.Sources(host.Config{Node: node, PerCore: s.perCore}) {
		out = append(out, collector.Entry{Name: n.Name, Source: n.Source})
	}
	return out
}
