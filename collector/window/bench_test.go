package window

import (
	"os"
	"syscall"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// reportCPU adds the processor time of each operation, which on a busy machine
// says more than the wall clock.
func reportCPU(b *testing.B) (done func()) {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkAppend is the cost of one tick of 100 values, without fsync.
func BenchmarkAppend(b *testing.B) {
	r, err := NewRecorder(Options{Dir: b.TempDir(), Node: "n1", BootID: "b", Agent: "1", Interval: time.Second, Width: 24 * time.Hour, SyncInterval: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer closeRecorder(b, r)
	m := newMaker("n1", 89) // and 11 of other entities
	s := m.sample()
	w := newWriter(r)
	if err := w.write(s); err != nil {
		b.Fatal(err)
	}
	defer w.file.Close()
	b.ReportAllocs()
	done := reportCPU(b)
	for b.Loop() {
		if err := w.write(s); err != nil {
			b.Fatal(err)
		}
		if w.size > 64<<20 { // keep the file from filling the disk
			b.StopTimer()
			if err := w.file.Truncate(0); err != nil {
				b.Fatal(err)
			}
			w.size = 0
			b.StartTimer()
		}
	}
	done()
	b.ReportMetric(float64(len(w.enc.buf)), "bytes/tick")
}

// BenchmarkSealHour seals an hour at 1 Hz of 100 columns.
func BenchmarkSealHour(b *testing.B) {
	dir := b.TempDir()
	journal, values := makeJournal(b, dir, newMaker("n1", 89), 3600)
	data, err := os.ReadFile(journal)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	done := reportCPU(b)
	for b.Loop() {
		if err := os.WriteFile(journal, data, 0o644); err != nil {
			b.Fatal(err)
		}
		os.Remove(sibling(journal, extSealed))
		if err := SealJournal(journal); err != nil {
			b.Fatal(err)
		}
	}
	done()
	st, err := os.Stat(sibling(journal, extSealed))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(data))/float64(values), "journal-bytes/value")
	b.ReportMetric(float64(st.Size())/float64(values), "bytes/value")
}

// makeJournal writes n samples to a journal and returns its path and the
// number of values in it.
func makeJournal(t testing.TB, dir string, m *maker, n int) (path string, values int) {
	t.Helper()
	var samples []*metric.Sample
	for range n {
		s := m.sample()
		for _, r := range s.Readings {
			values += len(r.Points)
		}
		samples = append(samples, s)
	}
	return writeJournal(t, options(t, dir), samples), values
}

// BenchmarkReadDay reads a node's day, 86,400 ticks of 100 columns in 24
// windows, and sums every value of the node.
func BenchmarkReadDay(b *testing.B) {
	dir := b.TempDir()
	m := newMaker("n1", 100)
	record(b, options(b, dir), m, 86400)
	b.ReportAllocs()
	done := reportCPU(b)
	for b.Loop() {
		r, err := Open([]string{dir}, Query{Kinds: []metric.EntityKind{metric.Node}})
		if err != nil {
			b.Fatal(err)
		}
		values := 0
		sum := 0.0
		for r.Next() {
			c := r.Chunk()
			for i := range c.Columns {
				for _, v := range c.Columns[i].Float {
					sum += v
				}
				for _, v := range c.Columns[i].Int {
					sum += float64(v)
				}
				values += c.Len()
			}
		}
		if values != 100*86400 || len(r.Problems()) > 0 {
			b.Fatal(values, r.Problems())
		}
		r.Close()
	}
	done()
}
