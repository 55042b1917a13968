package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/window"
)

// openRecorder begins to record. A directory that cannot be used now is most
// likely a typo and an error; a disk that fails later is not.
func openRecorder(s *settings, node, dir string, log *slog.Logger) (*window.Recorder, error) {
	r, err := window.NewRecorder(s.windowOptions(node, dir, log))
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil, fmt.Errorf("windows cannot be written: %w; name another directory with --windows.dir, or record nothing with --windows=false", err)
	}
	return r, err
}

func (s *settings) windowOptions(node, dir string, log *slog.Logger) window.Options {
	return window.Options{
		Dir: dir, Node: node, BootID: bootID(), Agent: version, Interval: s.interval,
		Width: s.windowsWidth, SyncInterval: s.syncInterval, KernelTimer: true,
		MaxBytes: int64(s.maxBytes), MaxAge: s.maxAge, MinFree: int64(s.minFree),
		Log: log, Seal: sealInChild,
	}
}

// bootID is the kernel's identity of this boot, or "" where there is none
// (random(4)).
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// sealCommand is the hidden subcommand that seals one journal.
const sealCommand = "seal-window"

// sealInChild seals in a process of its own, so that the memory it takes (a
// whole window's) goes back to the system. The child is in a process group of
// its own: a Ctrl-C meant for the daemon must not end it. One that comes
// between the fork and that does, and then sealing is tried again.
func sealInChild(ctx context.Context, journal string) error {
	journal, err := filepath.Abs(journal)
	if err != nil {
		return err
	}
	err = runSeal(ctx, journal)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status, ok := exit.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && status.Signal() != syscall.SIGKILL {
			return runSeal(ctx, journal)
		}
	}
	return err
}

// runSeal runs one child. Sealing again what a child left half done is safe.
func runSeal(ctx context.Context, journal string) error {
	// /proc/self/exe is this very program even after an upgrade replaced the file.
	cmd := exec.CommandContext(ctx, "/proc/self/exe", sealCommand, journal)
	cmd.Args[0] = "nodemeterd"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("sealing process: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// recording is the recorder's health as metrics.
type recording struct {
	stats   func() window.Stats
	metrics []recordingMetric
}

type recordingMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(window.Stats) float64
}

func newRecording(stats func() window.Stats) *recording {
	r := &recording{stats: stats}
	counter, gauge := prometheus.CounterValue, prometheus.GaugeValue
	r.add("samples_total", counter, "Samples appended to a journal.", func(s window.Stats) float64 { return float64(s.Written) })
	r.add("written_bytes_total", counter, "Bytes appended to journals.", func(s window.Stats) float64 { return float64(s.Bytes) })
	r.add("dropped_samples_total", counter, "Samples that are not on disk: the queue was full or writing failed.", func(s window.Stats) float64 { return float64(s.Dropped + s.Lost) })
	r.add("queued_samples", gauge, "Samples waiting to be written.", func(s window.Stats) float64 { return float64(s.Queued) })
	r.add("sealed_total", counter, "Windows sealed.", func(s window.Stats) float64 { return float64(s.Sealed) })
	r.add("seal_failures_total", counter, "Windows that could not be sealed; their journals are kept.", func(s window.Stats) float64 { return float64(s.SealErrors) })
	r.add("recovered_total", counter, "Journals of an earlier run that were found open.", func(s window.Stats) float64 { return float64(s.Recovered) })
	r.add("syncs_total", counter, "Times the journal was forced to disk.", func(s window.Stats) float64 { return float64(s.Syncs) })
	r.add("sync_failures_total", counter, "Times forcing the journal to disk failed.", func(s window.Stats) float64 { return float64(s.SyncErrors) })
	r.add("sync_seconds_total", counter, "Time spent forcing the journal to disk.", func(s window.Stats) float64 { return s.SyncSeconds })
	r.add("loss_bound_seconds", gauge, "Most that a power cut can cost now.", func(s window.Stats) float64 { return s.LossBound.Seconds() })
	r.add("last_sync_timestamp_seconds", gauge, "When the journal was last forced to disk.", func(s window.Stats) float64 {
		if s.LastSync.IsZero() {
			return 0
		}
		return float64(s.LastSync.UnixMicro()) / 1e6
	})
	return r
}

func (r *recording) add(name string, kind prometheus.ValueType, help string, value func(window.Stats) float64) {
	r.metrics = append(r.metrics, recordingMetric{prometheus.NewDesc("nodemeter_windows_"+name, help, nil, nil), kind, value})
}

// Describe implements prometheus.Collector.
func (r *recording) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range r.metrics {
		ch <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (r *recording) Collect(ch chan<- prometheus.Metric) {
	s := r.stats()
	for _, m := range r.metrics {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(s))
	}
}
