package worker

import (
	"context"
	"testing"

	"nodemeter/collector/metric"
)

// A node on which nothing begins or ends costs no garbage: between searches,
// without workers, with one and with jobs, and in a search that finds nothing.
func TestQuietTickAllocatesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		dask, jobs, search bool
		most               float64
	}{
		"no worker":  {},
		"one worker": {dask: true},
		"jobs":       {jobs: true},
		"search":     {search: true, most: 8}, // the names of a few directories
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			for pid := 1000; pid < 1100; pid++ {
				m.put(proc{pid: pid, ppid: 1, comm: "sleep", start: pid})
			}
			if c.dask {
				m.dask(20, "", 5)
			}
			if c.jobs {
				m.write("proc/self/mounts", v1Mounts+"cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n")
				m.job1("slurm", "job_7", 300, 50)
				m.job1("slurm", "job_8", 300, 51)
			}
			s := m.source(Options{})
			s.sight.arrivals.inOrder = true
			write(t, s, 2000)
			if !c.search {
				s.o.Discover = 1 << 62
			}
			var b metric.Batch
			n := testing.AllocsPerRun(100, func() {
				b.Reset()
				if err := s.Read(context.Background(), &b); err != nil {
					t.Fatal(err)
				}
			})
			if n > c.most {
				t.Errorf("%v allocations a tick, want at most %v", n, c.most)
			}
		})
	}
}
