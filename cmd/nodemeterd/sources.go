package main

import (
	"log/slog"

	"nodemeter/collector"
	"nodemeter/collector/host"
	"nodemeter/collector/metric"
)

// table is the source table of this daemon.
type table struct {
	entries []collector.Entry
}

// sources makes every source. The order is that of the columns in windows.
func sources(s *settings, node *metric.Entity, log *slog.Logger) table {
	var t table
	for _, n := range host.Sources(host.Config{Node: node, PerCore: s.perCore}) {
		t.entries = append(t.entries, collector.Entry{Name: n.Name, Source: n.Source})
	}
	return t
}
