package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector"
	"nodemeter/collector/metric"
	"nodemeter/collector/window"
	"nodemeter/exporter"
	"nodemeter/exporter/remotewrite"
)

// daemon is the parts of a running nodemeterd.
type daemon struct {
	*settings
	log      *slog.Logger
	started  time.Time
	node     *metric.Entity
	end      *endpoint
	recorder *window.Recorder // nil when nothing is recorded
	where    string           // where it records, in words
	runner   *collector.Runner
	export   *exporter.Exporter
	writer   *remotewrite.Writer // nil when nothing is pushed
	notify   *notifier
	reloads  *prometheus.CounterVec
	table    table
	forGPUs  <-chan os.Signal // to release and to take
	samples  int
}

// serve runs the daemon until ctx is done. What can fail at start fails in the
// order in which it costs least to undo: sockets, then the windows.
func serve(ctx context.Context, s *settings, c *configuration, log *slog.Logger) error {
	d := &daemon{settings: s, log: log, started: time.Now(), forGPUs: caught(syscall.SIGUSR1, syscall.SIGUSR2)}
	hangups := caught(syscall.SIGHUP)
	name, err := s.nodeName()
	if err != nil {
		return err
	}
	d.node = newNode(name)
	if d.end, err = listen(s, log); err != nil {
		return err
	}
	defer d.end.shutdown()
	if err := d.record(c.env); err != nil {
		return err
	}
	if err := d.wire(); err != nil {
		return err
	}
	d.end.serve(d.handler())
	go newReloader(c, d.end.config, d.notify, d.reloads, log).run(ctx, hangups)
	d.announce()
	served := d.run(ctx)
	d.notify.stopping("sealing the open window")
	d.finish()
	return served
}

// record opens the windows.
func (d *daemon) record(env lookup) error {
	if !d.recordWindows {
		d.where = "nothing is recorded (--windows=false)"
		return nil
	}
	dir, err := d.dir(env, os.Getuid())
	if err != nil {
		return err
	}
	d.where = dir
	d.recorder, err = openRecorder(d.settings, d.node.ID, dir, d.log)
	return err
}

// wire connects sources, loop and sinks.
func (d *daemon) wire() error {
	d.notify = newNotifier(d.interval, d.log)
	d.table = sources(d.settings, d.node, 0, d.log)
	var err error
	budget := d.budget()
	d.runner, err = collector.New(collector.Options{
		Interval: d.interval, Sources: d.table.entries, Log: d.log, KernelTimer: true, Budget: budget,
		Sinks: []func(*metric.Sample){d.publish},
	})
	if err != nil {
		return err
	}
	d.reloads = newReloads()
	extra := []prometheus.Collector{d.reloads, newPace(budget.Cores, d.interval, d.runner.Pace)}
	if d.recorder != nil {
		extra = append(extra, newRecording(d.recorder.Stats))
	}
	if d.table.gpu != nil {
		extra = append(extra, newGPUReaders(d.table.gpu.Status))
	}
	compatible, err := d.compatible()
	if err != nil {
		return err
	}
	pushing, err := d.pushing()
	if err != nil {
		return err
	}
	extra = append(append(extra, compatible...), pushing...)
	d.export, err = exporter.New(exporter.Options{
		Descs: d.runner.Descs(), Interval: d.interval, Stretch: func() int { return d.runner.Pace().Stretch }, PerCore: d.perCoreSeries, MaxSeries: d.maxSeries,
		Span: d.span, ClassicHistograms: d.classic, Build: build(), Extra: extra,
	})
	return err
}

// handler is what the endpoint serves.
func (d *daemon) handler() http.Handler {
	h := d.export.Handler(exporter.About{Node: d.node.ID, Version: version, Recording: d.where, Started: d.started}, d.log)
	if !d.pprof {
		return h
	}
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// publish hands a sample to everyone who wants it. It is called on the tick
// loop, and none of what it calls blocks.
func (d *daemon) publish(s *metric.Sample) {
	if d.samples++; d.samples == handBackAt {
		go handBack(d.log)
	}
	d.export.Publish(s)
	if d.recorder != nil {
		d.recorder.Publish(s)
	}
	d.notify.tick(s)
}

// announce says what a newcomer wants to know in the first minute.
func (d *daemon) announce() {
	d.log.Info("nodemeterd "+version, "node", d.node.ID, "interval", d.interval, "sources", d.table.names())
	d.log.Info("listening", "on", d.end.describe(), "reachable_from", d.end.reach())
	d.log.Info("recording", "to", d.where, "window", d.windowsWidth)
	warnUnknown(d.log)
	d.notify.ready(fmt.Sprintf("sampling every %s, recording to %s, listening on %s", d.interval, d.where, d.end.describe()))
}

// run samples until ctx is done or serving fails, whose error it returns.
func (d *daemon) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan error, 1)
	go func() {
		select {
		case err := <-d.end.failed:
			cancel()
			watched <- err
		case <-ctx.Done():
			watched <- nil
		}
	}()
	go d.table.obey(ctx, d.forGPUs, d.log)
	d.workers.endWith(ctx, cancel, d.log)
	defer d.push()()
	if err := d.runner.Run(ctx); err != nil {
		return err
	}
	if err := <-watched; err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// sealGrace is how long the end waits for the open window to be written and
// sealed; the next start's recovery does what could not be done.
const sealGrace = 10 * time.Second

// finish seals and says what was done.
func (d *daemon) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), sealGrace)
	defer cancel()
	d.table.close(d.log)
	said := []any{"samples", d.samples, "after", time.Since(d.started).Round(time.Second)}
	if d.recorder != nil {
		if err := d.recorder.Close(ctx); err != nil {
			d.log.Error("the open window is not sealed; the next start recovers it", "err", err)
		}
		said = append(said, "sealed", d.recorder.Stats().Sealed, "in", d.where)
	}
	d.log.Info("stopped", said...)
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
