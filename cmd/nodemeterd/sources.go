package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"nodemeter/collector"
	"nodemeter/collector/host"
	"nodemeter/collector/metric"
	"nodemeter/gpu"
)

// table is the source table of this daemon.
type table struct {
	entries []collector.Entry
	gpu     *gpu.Source // nil with --gpu=false
}

// sources makes every source. The order is that of the columns in windows.
// gpuWait is how long one read of the GPUs may take; 0 is the source's default.
func sources(s *settings, node *metric.Entity, gpuWait time.Duration, log *slog.Logger) table {
	var t table
	for _, n := range host.Sources(host.Config{Node: node, PerCore: s.perCore, Reader: s.reader}) {
		t.entries = append(t.entries, collector.Entry{Name: n.Name, Source: n.Source})
	}
	if s.gpus {
		t.gpu = gpu.New(gpu.Options{Node: node, Interval: s.interval, Log: log, Library: s.gpuLibrary, Wait: gpuWait})
		t.entries = append(t.entries, collector.Entry{Name: "gpu", Source: t.gpu})
	}
	if s.workers.on {
		t.entries = append(t.entries, s.workers.entry(node, t.gpu, log))
	}
	return t
}

// names lists the sources.
func (t table) names() string {
	out := make([]string, len(t.entries))
	for i, e := range t.entries {
		out[i] = e.Name
	}
	return strings.Join(out, " ")
}

// gpuGrace is how long the GPU reader may take to hand its handles back at the end.
const gpuGrace = time.Second

// close ends what the sources started.
func (t table) close(log *slog.Logger) {
	for _, e := range t.entries {
		if c, ok := e.Source.(interface{ Close() }); ok {
			c.Close()
		}
	}
	if t.gpu == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), gpuGrace)
	defer cancel()
	if err := t.gpu.Close(ctx); err != nil {
		log.Warn("the gpu reader is left behind: it does not end", "err", err)
	}
}

// obey releases the GPUs on SIGUSR1 and takes them again on SIGUSR2, until ctx
// is done.
func (t table) obey(ctx context.Context, signals <-chan os.Signal, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return // later ones are let go: the default would end the process while it seals
		case s := <-signals:
			switch {
			case t.gpu == nil:
				log.Info("no gpus to release or to take: --gpu=false", "signal", s)
			case s == syscall.SIGUSR1:
				t.gpu.Release()
			default:
				t.gpu.Resume()
			}
		}
	}
}
