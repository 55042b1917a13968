package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"nodemeter/collector"
	"nodemeter/collector/host"
	"nodemeter/collector/window"
	"nodemeter/exporter"
	"nodemeter/exporter/remotewrite"
)

// defaultListen is reachable from this machine only: what a run uses is the
// researcher's own business until somebody decides otherwise. The packaged
// service says :9911.
const defaultListen = "127.0.0.1:9911"

// defaultWidth is the span of a window.
const defaultWidth = time.Hour

// settings are the flags' values.
type settings struct {
	interval   time.Duration
	node       string
	once       bool
	maxCPU     percent
	configFile string

	listen        []string
	webConfigFile string
	systemdSocket bool
	perCoreSeries bool
	maxSeries     int
	span          time.Duration
	classic       bool
	pprof         bool
	compat        []string
	remote        remoteSettings

	windowsDir    string
	windowsWidth  time.Duration
	syncInterval  time.Duration
	maxBytes      byteSize
	maxAge        time.Duration
	minFree       byteSize
	recordWindows bool

	perCore    bool
	reader     host.Reader
	gpus       bool
	gpuLibrary string
	workers    workerSettings

	logLevel  string
	logFormat string

	place func(badSetting) error // where a setting comes from; set by resolve
}

// group is a paragraph of --help.
type group struct {
	title string
	flags *pflag.FlagSet
}

// flags defines every flag, in the order of --help.
func (s *settings) flags() []group {
	return []group{
		newGroup("Sampling", s.samplingFlags),
		newGroup("Attribution", s.workers.flags),
		newGroup("Recording", s.windowFlags),
		newGroup("Exporting", s.webFlags),
		newGroup("Pushing", s.remote.flags),
		newGroup("Other", s.otherFlags),
	}
}

func newGroup(title string, define func(*pflag.FlagSet)) group {
	fs := pflag.NewFlagSet(title, pflag.ContinueOnError)
	fs.SortFlags = false
	define(fs)
	return group{title, fs}
}

func (s *settings) samplingFlags(fs *pflag.FlagSet) {
	fs.Var(durationFlag(&s.interval, time.Second), "interval", "time between samples, which fall on its multiples of the wall clock")
	fs.StringVar(&s.node, "node", "", "`name` of this node in windows (default: the host name)")
	fs.BoolVar(&s.perCore, "collector.per-core", true, "sample each core, besides the node's own figures")
	fs.Var(readerFlag(&s.reader, host.Native), "collector.reader", "who parses the kernel's files: native (kept open, parsed in place) or gopsutil; the figures are the same")
	fs.BoolVar(&s.gpus, "gpu", true, "look for GPUs and sample them, in a process of its own")
	fs.StringVar(&s.gpuLibrary, "gpu.library", "", "`path` of the NVIDIA management library (default: found by the loader)")
	s.maxCPU = percent{value: defaultMaxCPU}
	fs.Var(&s.maxCPU, "max-cpu", "most processor time that sampling may use, in percent of one core (2 at --interval=100ms and below); over it, the agent slows down and says so. 0 is no limit")
	fs.BoolVar(&s.once, "once", false, "print one sample as JSON and exit; records and serves nothing")
}

func (s *settings) windowFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&s.recordWindows, "windows", true, "record samples on disk")
	fs.StringVar(&s.windowsDir, "windows.dir", "", "`directory` of the windows (default: $STATE_DIRECTORY/windows under systemd, else $XDG_STATE_HOME/nodemeter/windows, else ~/.local/state/nodemeter/windows)")
	fs.Var(durationFlag(&s.windowsWidth, defaultWidth), "windows.width", "span of a window, which becomes one Parquet file")
	fs.Var(durationFlag(&s.syncInterval, 5*time.Second), "windows.sync-interval", "how much a power cut may lose")
	fs.Var(sizeFlag(&s.maxBytes, 10*gigabyte), "windows.max-bytes", "most that all windows may take, oldest deleted first; 0 is no limit")
	fs.Var(durationFlag(&s.maxAge, 0), "windows.max-age", "age at which windows are deleted; 0 is no limit")
	fs.Var(sizeFlag(&s.minFree, gigabyte/2), "windows.min-free", "space on the file system that recording leaves free")
}

func (s *settings) webFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&s.listen, "web.listen-address", []string{defaultListen}, "`address` to serve /metrics on; may be repeated. The default is for this machine only, :9911 is for all; none serves nothing")
	fs.StringVar(&s.webConfigFile, "web.config.file", "", "`file` with TLS and basic authentication, in the format of Prometheus exporters")
	fs.BoolVar(&s.systemdSocket, "web.systemd-socket", false, "serve on the sockets that systemd passes instead")
	fs.BoolVar(&s.perCoreSeries, "metrics.per-core", false, "export series for each core")
	fs.IntVar(&s.maxSeries, "metrics.max-series", exporter.DefaultMaxSeries, "most series made from a sample; the rest is dropped and counted")
	fs.Var(durationFlag(&s.span, time.Minute), "metrics.span", "aligned span whose minimum, maximum and mean are exported; at least the scrape interval, 0 exports none")
	fs.BoolVar(&s.classic, "metrics.classic-histograms", false, "export histograms with classic buckets too, for servers without native ones")
	fs.BoolVar(&s.pprof, "web.enable-pprof", false, "serve Go's profiles of the daemon itself under /debug/pprof/")
	fs.StringSliceVar(&s.compat, "metrics.compat", nil, "also export under the names of these `exporters`: node_exporter, dcgm")
}

func (s *settings) otherFlags(fs *pflag.FlagSet) {
	fs.StringVar(&s.configFile, "config.file", "", "YAML `file` with the same settings")
	fs.StringVar(&s.logLevel, "log.level", "info", "least severe `level` to log: debug, info, warn, error")
	fs.StringVar(&s.logFormat, "log.format", "logfmt", "`format` of the log: logfmt, json")
	fs.BoolP("help", "h", false, "show this help")
	fs.Bool("version", false, "show the version")
}

// check reports settings that contradict themselves or make no sense.
func (s *settings) check() error {
	switch {
	case s.interval < collector.MinInterval:
		return bad("interval", s.interval, "the shortest interval is %s", collector.MinInterval)
	case s.recordWindows && s.windowsWidth < s.interval && s.windowsWidth == defaultWidth:
		return bad("interval", s.interval, "it is longer than --windows.width=%s", s.windowsWidth)
	case s.recordWindows && s.windowsWidth < s.interval:
		return bad("windows.width", s.windowsWidth, "it is shorter than --interval=%s", s.interval)
	case s.syncInterval <= 0:
		return bad("windows.sync-interval", s.syncInterval, "must be more than 0")
	case s.maxSeries < 1:
		return bad("metrics.max-series", s.maxSeries, "must be at least 1")
	case s.workers.rootPID < 0:
		return bad("collector.root-pid", s.workers.rootPID, "no process has a negative number")
	case s.remote.queue < 1 || s.remote.queue > remotewrite.MostQueue:
		return bad("remote-write.queue", s.remote.queue, "must be from 1 to %d", remotewrite.MostQueue)
	case s.logFormat != "logfmt" && s.logFormat != "json":
		return bad("log.format", s.logFormat, "must be logfmt or json")
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.logLevel)); err != nil {
		return bad("log.level", s.logLevel, "must be debug, info, warn or error")
	}
	if err := (window.Options{Dir: ".", Node: "n", Width: s.windowsWidth}).Check(); s.recordWindows && err != nil {
		return bad("windows.width", s.windowsWidth, "%v", err)
	}
	if err := (window.Options{Dir: ".", Node: "n", MaxBytes: int64(s.maxBytes)}).Check(); s.recordWindows && err != nil {
		return bad("windows.max-bytes", &s.maxBytes, "%v", err)
	}
	if _, err := s.remote.always("n"); err != nil {
		return err
	}
	if !s.serves() || s.systemdSocket {
		return nil
	}
	for _, a := range s.listen {
		_, port, err := net.SplitHostPort(a)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return bad("web.listen-address", a, "must be HOST:PORT or :PORT")
		}
	}
	return nil
}

// serves reports whether anything is exported.
func (s *settings) serves() bool {
	return s.systemdSocket || !(len(s.listen) == 1 && s.listen[0] == "none")
}

// logger makes the logger that the settings ask for; level sets its threshold
// from then on.
func (s *settings) logger(w io.Writer, env lookup, level *slog.LevelVar) (*slog.Logger, error) {
	if err := level.UnmarshalText([]byte(s.logLevel)); err != nil {
		return nil, err
	}
	o := &slog.HandlerOptions{Level: level}
	var lines *journalLines
	if inJournal(w, env) {
		lines = &journalLines{to: w}
		w, o.ReplaceAttr = lines, withoutTime
	}
	var h slog.Handler = slog.NewTextHandler(w, o)
	if s.logFormat == "json" {
		h = slog.NewJSONHandler(w, o)
	}
	if lines != nil {
		h = journalHandler{h, lines}
	}
	return slog.New(h), nil
}

// nodeName is the configured name or the host's.
func (s *settings) nodeName() (string, error) {
	if s.node != "" {
		return s.node, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("host name (set --node): %w", err)
	}
	return name, nil
}

// dir is where windows go when nothing else is said: systemd's state directory,
// or the XDG base directory for state.
func (s *settings) dir(env lookup, uid int) (string, error) {
	if s.windowsDir != "" {
		return s.windowsDir, nil
	}
	if d, _ := env("STATE_DIRECTORY"); d != "" {
		first, _, _ := strings.Cut(d, ":")
		return filepath.Join(first, "windows"), nil
	}
	if d, _ := env("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "nodemeter", "windows"), nil
	}
	if d, _ := env("HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, ".local", "state", "nodemeter", "windows"), nil
	}
	if uid == 0 {
		return "/var/lib/nodemeter/windows", nil
	}
	return "", fmt.Errorf("no place for windows: HOME is not set; name a directory with --windows.dir, or record nothing with --windows=false")
}

// names lists the group's flags.
func (g group) names() []string {
	var out []string
	g.flags.VisitAll(func(f *pflag.Flag) { out = append(out, f.Name) })
	return out
}
