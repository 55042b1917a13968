package window

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/collector/metric"
)

// faultyDisk opens journals that fail when told to.
type faultyDisk struct {
	mu    sync.Mutex
	space int64 // bytes left; negative is no limit
	write error // of every write
	sync  error
	open  error
	hang  chan struct{} // when set, writes wait until it is closed
	took  time.Duration // of a sync, in the test's own time
}

type faultyFile struct {
	*os.File
	disk *faultyDisk
}

func (d *faultyDisk) set(f func(*faultyDisk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

func (d *faultyDisk) openFile(path string) (journalFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open != nil {
		return nil, d.open
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	return &faultyFile{f, d}, err
}

func (f *faultyFile) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	hang, err, space := f.disk.hang, f.disk.write, f.disk.space
	f.disk.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if err != nil {
		return 0, err
	}
	if space >= 0 && int64(len(p)) > space { // as write(2) does on a disk that fills up
		n, err := f.File.Write(p[:space])
		f.disk.set(func(d *faultyDisk) { d.space = 0 })
		return n, errors.Join(err, syscall.ENOSPC)
	}
	n, err := f.File.Write(p)
	if space >= 0 {
		f.disk.set(func(d *faultyDisk) { d.space -= int64(n) })
	}
	return n, err
}

func (f *faultyFile) Sync() error {
	f.disk.mu.Lock()
	err, took := f.disk.sync, f.disk.took
	f.disk.mu.Unlock()
	<-time.After(took)
	return err
}

// faulty is a recorder on a disk that fails, driven sample by sample without
// its goroutines, so that a test says exactly what happens when.
type faulty struct {
	*Recorder
	t    *testing.T
	disk *faultyDisk
	m    *maker
	// kept are the samples that were written, by what write said.
	kept []*metric.Sample
}

func newFaulty(t *testing.T, o Options) *faulty {
	t.Helper()
	f := &faulty{t: t, disk: &faultyDisk{space: -1}, m: newMaker("n1", 10)}
	o.open = f.disk.openFile
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	f.Recorder = &Recorder{opt: o, dir: filepath.Join(o.Dir, nodeDir(o.Node))}
	f.ledger = &ledger{opt: &f.opt}
	f.sealer = newSealer(f.Recorder)
	f.w = newWriter(f.Recorder)
	t.Cleanup(func() {
		if f.lock != nil {
			f.lock.Close()
		}
	})
	return f
}

// tick publishes one sample and reports whether it was written.
func (f *faulty) tick() bool {
	s := f.m.sample()
	before := f.stats.written.Load()
	f.w.publish(s)
	ok := f.stats.written.Load() > before
	if ok {
		f.kept = append(f.kept, s)
	}
	return ok
}

func (f *faulty) ticks(n int) (written int) {
	for range n {
		if f.tick() {
			written++
		}
	}
	return written
}

// finish seals and checks that exactly the samples kept are there.
func (f *faulty) finish() []metric.Event {
	f.t.Helper()
	f.w.finish()
	f.sealer.close()
	f.sealer.run()
	got, problems := readAll(f.t, []string{f.opt.Dir}, Query{})
	if len(problems) > 0 {
		f.t.Error(problems)
	}
	compareCells(f.t, got, expect("n1", f.kept...))
	files, _, err := Find([]string{f.opt.Dir}, Query{})
	if err != nil {
		f.t.Fatal(err)
	}
	var events []metric.Event
	for _, file := range files {
		m, err := file.Meta()
		if err != nil {
			f.t.Fatal(err)
		}
		events = append(events, m.Events...)
	}
	return events
}

// lost sums what the windows themselves say was not written.
func lost(events []metric.Event) (n int64, why string) {
	for _, e := range events {
		if e.Kind == metric.EventWriteLost {
			n, why = n+e.Count, why+e.Detail+"; "
		}
	}
	return n, why
}

// TestDiskFillsUp: at every byte that a disk can be full at, no torn record
// stays, recording resumes, and the window says how many samples are missing.
func TestDiskFillsUp(t *testing.T) {
	for space := int64(0); space < 6000; space += 97 {
		f := newFaulty(t, options(t, t.TempDir()))
		f.disk.space = space
		for f.tick() {
		}
		f.ticks(4)
		f.disk.set(func(d *faultyDisk) { d.space = -1 })
		if f.ticks(3) != 3 {
			t.Fatalf("space %d: recording did not resume", space)
		}
		n, why := lost(f.finish())
		if n != 5 || f.stats.lost.Load() != 5 || !strings.Contains(why, "no space") {
			t.Fatalf("space %d: window says %d lost (%s), stats %d; want 5", space, n, why, f.stats.lost.Load())
		}
	}
}

// TestDiskFails: errors after which a file handle may never work again.
func TestDiskFails(t *testing.T) {
	for _, errno := range []error{syscall.EIO, syscall.EROFS, syscall.ESTALE, os.ErrClosed} {
		f := newFaulty(t, options(t, t.TempDir()))
		f.ticks(3)
		f.disk.set(func(d *faultyDisk) { d.write = errno })
		f.ticks(2)
		f.disk.set(func(d *faultyDisk) { d.open = errno })
		f.ticks(2)
		f.disk.set(func(d *faultyDisk) { d.open, d.write = nil, nil })
		if f.ticks(3) != 3 {
			t.Fatalf("%v: recording did not resume", errno)
		}
		n, why := lost(f.finish())
		if n != 4 || !strings.Contains(why, errno.Error()) {
			t.Errorf("%v: window says %d lost (%s), want 4", errno, n, why)
		}
		if files, _, _ := Find([]string{f.opt.Dir}, Query{}); len(files) != 1 {
			t.Errorf("%v: %d files, want the one journal to be gone on with", errno, len(files))
		}
	}
}

// TestDirectoryDeleted: recording goes on in a new directory, and what was
// deleted is counted.
func TestDirectoryDeleted(t *testing.T) {
	for _, what := range []string{"date", "node", "dir"} {
		f := newFaulty(t, options(t, filepath.Join(t.TempDir(), "windows")))
		f.ticks(5)
		f.kept = nil
		dir := map[string]string{"date": filepath.Dir(f.w.path), "node": f.dir, "dir": f.opt.Dir}[what]
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		f.syncOnce()
		if f.ticks(4) != 4 {
			t.Fatalf("%s: recording did not resume", what)
		}
		n, why := lost(f.finish())
		if n != 5 || !strings.Contains(why, "deleted") {
			t.Errorf("%s: window says %d lost (%s), want 5", what, n, why)
		}
	}
}

// TestSyncFails: after a failed sync the kernel may have dropped pages, so
// what follows goes to another part; both are read.
func TestSyncFails(t *testing.T) {
	f := newFaulty(t, options(t, t.TempDir()))
	f.ticks(3)
	f.disk.set(func(d *faultyDisk) { d.sync = syscall.EIO })
	f.syncOnce()
	f.ticks(3)
	f.syncOnce()
	f.disk.set(func(d *faultyDisk) { d.sync = nil })
	f.ticks(3)
	f.syncOnce()
	if s := f.Stats(); s.SyncErrors != 2 || s.Syncs != 1 || s.LossBound < 5*time.Second {
		t.Errorf("stats %+v", s)
	}
	f.finish()
	if files, _, _ := Find([]string{f.opt.Dir}, Query{}); len(files) != 2 {
		t.Errorf("%d parts, want 2: one before the failed sync and one after", len(files))
	}
}

// TestHungDiskNeverBlocksPublish: with the disk hanging, Publish returns at
// once and drops are counted; when it comes back, so does recording, and Close
// gives up when its context ends.
func TestHungDiskNeverBlocksPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t, t.TempDir())
		disk := &faultyDisk{space: -1}
		o.open, o.Queue = disk.openFile, 8
		r, err := NewRecorder(o)
		if err != nil {
			t.Fatal(err)
		}
		m := newMaker("n1", 10)
		r.Publish(m.sample())
		synctest.Wait()
		hang := make(chan struct{})
		disk.set(func(d *faultyDisk) { d.hang = hang })
		start := time.Now()
		for range 20 {
			r.Publish(m.sample())
			synctest.Wait()
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("publishing took %s while the disk hung", d)
		}
		if s := r.Stats(); s.Dropped != 20-8-1 || s.Queued != 8 {
			t.Errorf("dropped %d, queued %d; want 11 and 8", s.Dropped, s.Queued)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("close on a hung disk: %v after %s", err, time.Since(start))
		}
		disk.set(func(d *faultyDisk) { d.hang = nil })
		close(hang)
		<-r.done
		files, _, _ := Find([]string{o.Dir}, Query{})
		meta, err := files[0].Meta()
		if err != nil {
			t.Fatal(err)
		}
		if n, why := lost(meta.Events); n != 11 || !strings.Contains(why, "queue") {
			t.Errorf("window says %d lost (%s), want 11", n, why)
		}
	})
}

// TestFsyncLatency: a slow sync is measured, raises the loss bound and delays nothing.
func TestFsyncLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t, t.TempDir())
		disk := &faultyDisk{space: -1, took: 2 * time.Second}
		o.open = disk.openFile
		r, err := NewRecorder(o)
		if err != nil {
			t.Fatal(err)
		}
		m := newMaker("n1", 10)
		for range 20 {
			r.Publish(m.sample())
			<-time.After(time.Second)
		}
		s := r.Stats()
		if s.LastSyncTime != 2*time.Second || s.LossBound != 7*time.Second || s.Written != 20 {
			t.Errorf("last sync %s, loss bound %s, %d written", s.LastSyncTime, s.LossBound, s.Written)
		}
		closeRecorder(t, r)
	})
}

func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	r, err := NewRecorder(options(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRecorder(options(t, dir)); err == nil || !strings.Contains(err.Error(), "already records") {
		t.Errorf("second writer: %v", err)
	}
	o := options(t, dir)
	o.Node = "n2" // another node may share the directory
	other, err := NewRecorder(o)
	if err != nil {
		t.Fatal(err)
	}
	closeRecorder(t, other)
	closeRecorder(t, r)
	again, err := NewRecorder(options(t, dir))
	if err != nil {
		t.Fatalf("after the first has closed: %v", err)
	}
	closeRecorder(t, again)
}

// TestDescriptorsOfAFailedWriteAreWrittenAgain: the numbers that a failed write
// was the first to use are described again in the next.
func TestDescriptorsOfAFailedWriteAreWrittenAgain(t *testing.T) {
	f := newFaulty(t, options(t, t.TempDir()))
	f.ticks(2)
	f.m.add(&metric.Entity{Kind: metric.NIC, ID: "eth9"}, []*metric.Desc{desc(metric.NIC, "network_mbps", metric.Mbps, metric.Gauge, metric.TypeFloat, 0.001)})
	f.disk.set(func(d *faultyDisk) { d.space = 10 })
	f.ticks(1)
	f.disk.set(func(d *faultyDisk) { d.space = -1 })
	f.ticks(2)
	f.finish()
}

// TestClockSteps: a clock set back within a window and into an older one
// overwrites nothing and loses nothing.
func TestClockSteps(t *testing.T) {
	f := newFaulty(t, options(t, t.TempDir()))
	all := map[cell]float64{}
	run := func(n int) {
		first := len(f.kept)
		if f.ticks(n) != n {
			t.Fatal("not recorded")
		}
		maps.Copy(all, expect("n1", f.kept[first:]...))
	}
	run(30)
	f.m.at = f.m.at.Add(-10500 * time.Millisecond) // half a second off the old ticks
	run(30)
	open, _ := readAll(t, []string{f.opt.Dir}, Query{}) // which fails where time goes back within a chunk
	compareCells(t, open, all)
	f.m.at = f.m.at.Add(5 * time.Hour)
	run(10)
	f.seals()
	f.m.at = f.m.at.Add(-5*time.Hour + 250*time.Millisecond)
	run(10) // the first window's span again
	f.m.at = f.m.at.Add(-time.Duration(24*365*60) * time.Hour)
	run(5) // before 1970
	f.w.finish()
	f.sealer.close()
	f.sealer.run()
	got, problems := readAll(t, []string{f.opt.Dir}, Query{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	compareCells(t, got, all)
	files, _, _ := Find([]string{f.opt.Dir}, Query{})
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(file.Path))
	}
	want := []string{"19660117T150000Z_3600s_001.parquet", "20260102T150000Z_3600s_001.parquet", "20260102T150000Z_3600s_002.parquet", "20260102T200000Z_3600s_001.parquet"}
	if !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
}

// TestSyncIsDueWithASample: with the last sample that is not too late for it.
func TestSyncIsDueWithASample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t, t.TempDir())
		o.SyncInterval = 5 * time.Second
		f := newFaulty(t, o)
		f.due = make(chan struct{}, 1)
		var due []int
		for i := range 12 {
			f.tick()
			select {
			case <-f.due:
				due = append(due, i)
				f.syncOnce()
			default:
			}
			time.Sleep(o.Interval)
		}
		if !slices.Equal(due, []int{4, 9}) {
			t.Errorf("synced with the samples %v, want 4 and 9", due)
		}
		f.finish()
	})
}

// TestSyncWithoutAnotherSample: what was appended last is synced in time though
// nothing follows it.
func TestSyncWithoutAnotherSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t, t.TempDir())
		o.SyncInterval = 5 * time.Second
		r, err := NewRecorder(o)
		if err != nil {
			t.Fatal(err)
		}
		m := newMaker("n1", 10)
		for range 7 { // the fifth brings a sync, which leaves two
			r.Publish(m.sample())
			time.Sleep(o.Interval)
		}
		synctest.Wait()
		if n := r.Stats().Syncs; n != 1 {
			t.Errorf("%d syncs with seven samples, want 1", n)
		}
		time.Sleep(3*time.Second - time.Nanosecond) // the sixth came two seconds ago
		synctest.Wait()
		if n := r.Stats().Syncs; n != 1 {
			t.Errorf("%d syncs before it was time", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := r.Stats().Syncs; n != 2 {
			t.Errorf("%d syncs five seconds after the sixth sample, want 2", n)
		}
		time.Sleep(30 * time.Second)
		if n := r.Stats().Syncs; n != 2 {
			t.Errorf("%d syncs, and nothing more to sync", n)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
