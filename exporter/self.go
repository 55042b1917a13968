package exporter

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// self is what the daemon itself costs, under the names that every Prometheus
// client gives to its process. client_golang's own collector reads eight files
// of /proc for it, which is a third of a scrape; this one reads one.
type self struct {
	start                  float64
	cpu, rss, began, limit *prometheus.Desc
}

func newSelf(started time.Time) *self {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc("process_"+name, help, nil, nil) }
	return &self{
		start: float64(started.UnixMicro()) / 1e6,
		cpu:   desc("cpu_seconds_total", "Processor time of the daemon, and of its children that have ended."),
		rss:   desc("resident_memory_bytes", "Memory of the daemon that is in RAM."),
		began: desc("start_time_seconds", "When the daemon started, in seconds since the Unix epoch."),
		limit: desc("max_fds", "Most files the daemon may have open."),
	}
}

// Describe implements prometheus.Collector.
func (s *self) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.cpu, s.rss, s.began, s.limit} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is absent.
func (s *self) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(s.began, prometheus.GaugeValue, s.start)
	if cpu, ok := cpuSeconds(); ok {
		ch <- prometheus.MustNewConstMetric(s.cpu, prometheus.CounterValue, cpu)
	}
	if rss, ok := residentBytes(); ok {
		ch <- prometheus.MustNewConstMetric(s.rss, prometheus.GaugeValue, rss)
	}
	var fds unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &fds) == nil {
		ch <- prometheus.MustNewConstMetric(s.limit, prometheus.GaugeValue, float64(fds.Cur))
	}
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
func residentBytes() (float64, bool) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return float64(pages) * float64(os.Getpagesize()), err == nil
}
