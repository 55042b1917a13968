package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"nodemeter/collector"
	"nodemeter/collector/metric"
	"nodemeter/exporter"
)

// serve runs the daemon until ctx is done.
func serve(ctx context.Context, s *settings, env lookup, log *slog.Logger) error {
	started := time.Now()
	name, err := s.nodeName()
	if err != nil {
		return err
	}
	node := &metric.Entity{Kind: metric.Node, ID: name}
	end, err := listen(s, log)
	if err != nil {
		return err
	}
	defer end.shutdown()

	entries := hostSources(s, node)
	notify := newNotifier(s.interval, log)
	var export *exporter.Exporter // made below, from the runner's descriptors
	runner, err := collector.New(collector.Options{
		Interval: s.interval, Sources: entries, Log: log,
		Sinks: []func(*metric.Sample){
			func(m *metric.Sample) { export.Publish(m) },
			notify.tick,
		},
	})
	if err != nil {
		return err
	}
	export, err = exporter.New(exporter.Options{
		Descs: runner.Descs(), Interval: s.interval, PerCore: s.perCoreSeries, MaxSeries: s.maxSeries,
		Build: build(),
	})
	if err != nil {
		return err
	}
	end.serve(export.Handler(exporter.About{Node: name, Version: version, Recording: "", Started: started}, log))

	log.Info("nodemeterd "+version, "node", name, "interval", s.interval, "sources", names(entries))
	log.Info("listening", "on", end.describe())
	warnUnknown(log)
	notify.ready(fmt.Sprintf("sampling every %s, listening on %s", s.interval, end.describe()))

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var served error
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case served = <-end.failed:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := runner.Run(ctx); err != nil {
		return err
	}
	<-watched
	notify.stopping("sealing the open window")
	log.Info("stopped", "after", time.Since(started).Round(time.Second))
	return served
}

func names(entries []collector.Entry) string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return strings.Join(out, " ")
}

// build says which program this is.
func build() exporter.Build {
	b := exporter.Build{Version: version, GoVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	return b
}

// warnUnknown reports environment variables that look like settings and are none.
func warnUnknown(log *slog.Logger) {
	known := map[string]bool{}
	for _, g := range new(settings).flags() {
		for _, name := range g.names() {
			known[envName(name)] = true
		}
	}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "NODEMETER_") && !known[name] {
			log.Warn("environment variable is not a setting", "name", name)
		}
	}
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }
