package worker

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nodemeter/collector/metric"
)

// thousands is a machine with 5,000 processes of others, some of them Python.
func thousands(b *testing.B) *machine {
	m := newMachine(b)
	for pid := 1000; pid < 6000; pid++ {
		p := proc{pid: pid, ppid: 1, comm: "sleep", start: pid}
		if pid%10 == 0 {
			p.comm, p.args = "python3", []string{"python3", "train.py"}
		}
		m.put(p)
	}
	return m
}

// BenchmarkDiscovery is one search for workers among 5,000 processes that are
// known, as it is every five seconds.
func BenchmarkDiscovery(b *testing.B) {
	s := thousands(b).source(Options{})
	s.sight.arrivals.inOrder = true // as on a real machine: numbers are given in order
	write(b, s, 6000)
	readAll(b, s)
}

// readAll reads again and again and says what that takes of the processor:
// the wall clock says more about what else the machine does.
func readAll(b *testing.B, s *Source) {
	var batch metric.Batch
	used := processorTime(b)
	for b.Loop() {
		batch.Reset()
		if err := s.Read(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processorTime(b)-used)/float64(b.N), "cpu-ns/op")
}

func processorTime(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkTick is a tick between two searches, with one worker of ten
// processes among 5,000 of others.
func BenchmarkTick(b *testing.B) {
	m := thousands(b)
	m.dask(20, "", 5)
	for i := range 7 {
		m.put(proc{pid: 30 + i, ppid: 22, comm: "python3", start: 200})
	}
	s := m.source(Options{})
	s.sight.arrivals.inOrder = true
	write(b, s, 6000)
	var batch metric.Batch
	if err := s.Read(context.Background(), &batch); err != nil {
		b.Fatal(err)
	}
	s.o.Discover = 1 << 62
	readAll(b, s)
}

// BenchmarkTree is a tick of `nodemeter run`: ten real processes and their shell.
func BenchmarkTree(b *testing.B) {
	shell := exec.Command("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done; echo; wait")
	shell.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	out, err := shell.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = unix.Kill(-shell.Process.Pid, unix.SIGKILL)
		_ = shell.Wait()
	}()
	if _, err := out.Read(make([]byte, 1)); err != nil { // all are there
		b.Fatal(err)
	}
	s := New(Options{Node: &metric.Entity{Kind: metric.Node, ID: "here"}, RootPID: shell.Process.Pid})
	defer s.Close()
	var batch metric.Batch
	for range 2 {
		if err := s.Read(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	readAll(b, s)
	b.ReportMetric(float64(len(s.ledger.byPID)), "processes")
}

func write(b testing.TB, s *Source, last int) {
	if err := os.WriteFile(s.files.path("proc", "loadavg"), []byte("0 0 0 1/5000 "+strconv.Itoa(last)+"\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	var batch metric.Batch
	for range 4 { // the first sees everything, the next two look twice at what is new
		if err := s.Read(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
		batch.Reset()
	}
}

// BenchmarkMachine is this machine, with what runs on it: a search when nothing
// is new, and a tick between two.
func BenchmarkMachine(b *testing.B) {
	for name, every := range map[string]time.Duration{"search": time.Nanosecond, "tick": 1 << 62} {
		b.Run(name, func(b *testing.B) {
			s := New(Options{Node: &metric.Entity{Kind: metric.Node, ID: "here"}, Discover: time.Nanosecond})
			defer s.Close()
			var batch metric.Batch
			for range 4 {
				batch.Reset()
				if err := s.Read(context.Background(), &batch); err != nil {
					b.Fatal(err)
				}
			}
			s.o.Discover = every
			readAll(b, s)
			b.ReportMetric(float64(len(s.sight.known)), "processes")
			b.ReportMetric(float64(len(s.workers)), "workers")
		})
	}
}
