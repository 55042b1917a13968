package exporter

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// self is what the daemon itself costs, under the names that every Prometheus
// client gives to its process and to Go. client_golang's own collectors read
// eight files of /proc and Go's garbage collector for it, which is more than all
// the rest of a scrape; this one reads one file.
type self struct {
	statm                        *os.File // kept open: opening costs ten times as much as reading; nil where there is none
	started, limit, program      prometheus.Metric
	cpu, rss, goroutines, thread *prometheus.Desc
}

func newSelf(started time.Time) *self {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	fixed := func(d *prometheus.Desc, v float64) prometheus.Metric {
		return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	s := &self{
		started:    fixed(desc("process_start_time_seconds", "When the daemon started, in seconds since the Unix epoch."), float64(started.UnixMicro())/1e6),
		program:    fixed(prometheus.NewDesc("go_info", "Information about the Go environment.", nil, prometheus.Labels{"version": runtime.Version()}), 1),
		cpu:        desc("process_cpu_seconds_total", "Processor time of the daemon, and of its children that have ended."),
		rss:        desc("process_resident_memory_bytes", "Memory of the daemon that is in RAM."),
		goroutines: desc("go_goroutines", "Number of goroutines that currently exist."),
		thread:     desc("go_threads", "Number of OS threads created."),
	}
	var fds unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &fds) == nil {
		s.limit = fixed(desc("process_max_fds", "Most files the daemon may have open."), float64(fds.Cur))
	}
	if statm, err := os.Open("/proc/self/statm"); err == nil {
		s.statm = statm
	}
	return s
}

// Describe implements prometheus.Collector.
func (s *self) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, ch) }

// Collect implements prometheus.Collector. What cannot be read is absent.
func (s *self) Collect(ch chan<- prometheus.Metric) {
	ch <- s.started
	ch <- s.program
	if s.limit != nil {
		ch <- s.limit
	}
	if cpu, ok := cpuSeconds(); ok {
		ch <- prometheus.MustNewConstMetric(s.cpu, prometheus.CounterValue, cpu)
	}
	if rss, ok := s.residentBytes(); ok {
		ch <- prometheus.MustNewConstMetric(s.rss, prometheus.GaugeValue, rss)
	}
	ch <- prometheus.MustNewConstMetric(s.goroutines, prometheus.GaugeValue, float64(runtime.NumGoroutine()))
	threads, _ := runtime.ThreadCreateProfile(nil)
	ch <- prometheus.MustNewConstMetric(s.thread, prometheus.GaugeValue, float64(threads))
}

// cpuSeconds is user and system time, by getrusage(2).
func cpuSeconds() (float64, bool) {
	sum := 0.0
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if unix.Getrusage(who, &u) != nil {
			return 0, false
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	return sum, true
}

// residentBytes is the second field of /proc/self/statm, in pages (proc(5)).
func (s *self) residentBytes() (float64, bool) {
	var b [128]byte
	n, err := s.statm.ReadAt(b[:], 0)
	if err != nil && err != io.EOF {
		return 0, false
	}
	_, rest, _ := bytes.Cut(b[:n], []byte{' '})
	resident, _, _ := bytes.Cut(rest, []byte{' '})
	pages, err := strconv.ParseInt(string(resident), 10, 64)
	return float64(pages) * float64(os.Getpagesize()), err == nil
}
