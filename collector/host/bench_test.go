package host

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nodemeter/collector/metric"
)

// thisMachine is the node that the benchmark runs on.
func thisMachine() Config {
	return Config{Node: &metric.Entity{Kind: metric.Node, ID: "n1"}, PerCore: true}
}

// BenchmarkSample is one tick of processors, memory and network on the kernel's
// own files: what the kernel takes alone (one pread of each file, kept open),
// our reader, and gopsutil. Compare with benchstat -col /reader.
func BenchmarkSample(b *testing.B) {
	b.Run("reader=bare", func(b *testing.B) {
		var fds []int
		for _, path := range []string{"/proc/stat", "/proc/meminfo", "/proc/net/dev"} {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			fds = append(fds, int(f.Fd()))
		}
		buf := make([]byte, 1<<20)
		b.ReportAllocs()
		for b.Loop() {
			for _, fd := range fds {
				if n, err := unix.Pread(fd, buf, 0); n <= 0 {
					b.Fatal(n, err)
				}
			}
		}
	})
	for _, reader := range []Reader{Native, Gopsutil} {
		b.Run("reader="+string(reader), func(b *testing.B) {
			cfg := thisMachine()
			cfg.Reader = reader
			bench(b, NewCPU(cfg), NewMemory(cfg), NewNetwork(cfg))
		})
	}
}

// BenchmarkMachine is one tick of every source on nodes of several sizes. Their
// files are on tmpfs and opened for each read, so that the whole time means
// little; user-ns/op is our own share of it.
func BenchmarkMachine(b *testing.B) {
	for _, m := range []machine{{2, 2, 1}, {64, 8, 8}, {256, 64, 32}} {
		root, err := os.MkdirTemp(tmpfs(), "nodemeter-bench-")
		if err != nil {
			b.Fatal(err)
		}
		defer os.RemoveAll(root)
		m.write(b, root, 0)
		for _, reader := range []Reader{Native, Gopsutil} {
			cfg := m.config(root)
			cfg.Reader = reader
			var all []Source
			for _, s := range Sources(cfg) {
				all = append(all, s.Source)
			}
			b.Run(m.String()+"/reader="+string(reader), func(b *testing.B) { bench(b, all...) })
		}
	}
}

// tmpfs is a directory in memory, or "" for the default place.
func tmpfs() string {
	const shm = "/dev/shm"
	if exists(shm) {
		return shm
	}
	return ""
}

// BenchmarkSource is one tick of each source on this machine.
func BenchmarkSource(b *testing.B) {
	for _, reader := range []Reader{Native, Gopsutil} {
		cfg := thisMachine()
		cfg.Reader = reader
		for _, s := range Sources(cfg) {
			b.Run(s.Name+"/reader="+string(reader), func(b *testing.B) { bench(b, s.Source) })
		}
	}
}

// bench reads the sources as one tick does, each into its own batch, and
// reports the user time of the thread beside the whole.
func bench(b *testing.B, sources ...Source) {
	batches := make([]metric.Batch, len(sources))
	for i, s := range sources {
		if err := s.Read(context.Background(), &batches[i]); err != nil {
			b.Skip(err) // a kernel without pressure stall information
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	begin := userTime(b)
	for b.Loop() {
		for i, s := range sources {
			batches[i].Reset()
			if err := s.Read(context.Background(), &batches[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(userTime(b)-begin)/float64(b.N), "user-ns/op")
}

// userTime is what this thread has run outside of the kernel. The kernel
// samples it, so short runs say little.
func userTime(b *testing.B) time.Duration {
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano())
}
