package window

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// diskUse is what the node's directory really holds, the lock aside.
func diskUse(t testing.TB, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockName {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// seals seals what waits, as the sealer's goroutine does.
func (f *faulty) seals() {
	f.sealer.mu.Lock()
	list := f.sealer.list
	f.sealer.list = nil
	f.sealer.mu.Unlock()
	for _, path := range list {
		f.sealer.seal(path)
	}
}

// TestMaxBytesHoldsAtEveryMoment: with windows and journals of many sizes the
// directory never exceeds the limit, not even during a seal, the newest samples
// are kept, and none is lost for the limit.
func TestMaxBytesHoldsAtEveryMoment(t *testing.T) {
	o := options(t, t.TempDir())
	o.Width, o.MaxBytes = 10*time.Minute, 1<<20
	var f *faulty
	check := func(when string) {
		if n := diskUse(t, f.dir); n > o.MaxBytes {
			t.Fatalf("%s: %d bytes, limit %d", when, n, o.MaxBytes)
		}
		if n, _ := f.ledger.totals(); n != diskUse(t, f.dir) {
			t.Fatalf("%s: the ledger says %d bytes, the disk %d", when, n, diskUse(t, f.dir))
		}
	}
	o.Seal = func(_ context.Context, path string) error {
		if err := writeSealed(openTestJournal(t, path), sibling(path, extSealed)); err != nil {
			return err
		}
		if n := diskUse(t, f.dir); n > o.MaxBytes {
			t.Fatalf("during a seal: %d bytes, limit %d", n, o.MaxBytes)
		}
		return os.Remove(path)
	}
	f = newFaulty(t, o)
	f.m = newMaker("n1", 60)
	for i := range 9000 {
		if !f.tick() {
			t.Fatalf("tick %d was not recorded: %v", i, f.w.lost.why)
		}
		if i%50 == 0 {
			check("after a tick")
		}
		f.seals()
	}
	check("at the end")
	if s := f.Stats(); s.Deleted == 0 || s.DiskBytes < o.MaxBytes/3 {
		t.Errorf("%d windows deleted, %d bytes kept of %d", s.Deleted, s.DiskBytes, o.MaxBytes)
	}
	files, _, err := Find([]string{o.Dir}, Query{})
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	f.kept = f.kept[sampleAt(f, files[0]):]
	f.finish()
}

// sampleAt is the index of the first sample kept in a window.
func sampleAt(f *faulty, file File) int {
	m, err := file.Open(Query{})
	if err != nil {
		f.t.Fatal(err)
	}
	defer m.Close()
	m.Next()
	for i, s := range f.kept {
		if s.Time.UnixNano() == m.Chunk().Time[0] {
			return i
		}
	}
	return len(f.kept)
}

// TestFailedWritesTakeNoRoom: what could not be written is not counted, or a full disk
// would, write by write, cost the windows that are there.
func TestFailedWritesTakeNoRoom(t *testing.T) {
	f := newFaulty(t, options(t, t.TempDir()))
	f.ticks(3)
	f.disk.set(func(d *faultyDisk) { d.space = 0 })
	f.ticks(2)
	used := f.ledger.used
	if f.ticks(50) != 0 {
		t.Fatal("written to a full disk")
	}
	if n := f.ledger.used - used; n > 100 { // the room to seal them grows with the number of samples lost
		t.Errorf("50 writes that failed count as %d bytes", n)
	}
	f.disk.set(func(d *faultyDisk) { d.space = -1 })
	f.ticks(1)
	f.finish()
}

// TestMaxBytesOfAnOpenWindowAlone: while nothing can be sealed or deleted,
// appending stops at the limit, is counted, and goes on once there is room.
func TestMaxBytesOfAnOpenWindowAlone(t *testing.T) {
	o := options(t, t.TempDir())
	o.MaxBytes = 1 << 20
	f := newFaulty(t, o)
	f.m = newMaker("n1", 60)
	for f.tick() {
		if len(f.kept) > 1e5 {
			t.Fatal("the limit never stopped it")
		}
	}
	if n := diskUse(t, f.dir); n > o.MaxBytes {
		t.Errorf("%d bytes, limit %d", n, o.MaxBytes)
	}
	f.ticks(9)
	f.seals()
	if !f.tick() {
		t.Fatalf("recording did not resume: %v", f.w.lost.why)
	}
	if n, why := lost(f.finish()); n != 10 || !strings.Contains(why, "limit") {
		t.Errorf("windows say %d lost (%s), want 10", n, why)
	}
}

// TestMinFree: old windows go where that helps, and stay where others fill the disk.
func TestMinFree(t *testing.T) {
	for _, helps := range []bool{true, false} {
		o := options(t, t.TempDir())
		o.Width, o.MinFree = time.Minute, 1<<20
		free := int64(1 << 30)
		f := newFaulty(t, o)
		asked := 0
		f.opt.free = func(string) (int64, error) { asked++; return free - diskUse(t, f.dir), nil }
		f.ticks(600)
		f.seals()
		if asked == 0 || asked > 100 {
			t.Errorf("asked %d times for the free space while there was plenty", asked)
		}
		used := diskUse(t, f.dir)
		free = 1<<20 + used/2 // some windows have to go
		if !helps {
			free = 1 << 19
		}
		f.ledger.asked = time.Time{} // a while later
		wrote := f.ticks(5)
		if helps && (wrote != 5 || f.Stats().Deleted == 0 || free-diskUse(t, f.dir) < o.MinFree) {
			t.Errorf("%d of 5 written, %d windows deleted, %d free", wrote, f.Stats().Deleted, free-diskUse(t, f.dir))
		}
		if !helps && (wrote != 0 || f.Stats().Deleted != 0) {
			t.Errorf("%d written and %d windows deleted although that cannot help", wrote, f.Stats().Deleted)
		}
	}
}

func TestMaxAge(t *testing.T) {
	o := options(t, t.TempDir())
	o.Width, o.MaxAge = time.Minute, 5*time.Minute
	f := newFaulty(t, o)
	f.ticks(601)
	f.seals()
	now := f.m.at
	if err := f.ledger.expire(now); err != nil {
		t.Fatal(err)
	}
	files, _, err := Find([]string{o.Dir}, Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if now.Sub(file.To) > o.MaxAge {
			t.Errorf("%s is still there at %s", file, now)
		}
	}
	if len(files) != 6 { // five sealed, one open
		t.Errorf("%d windows are left, want 6", len(files))
	}
	f.m.at = f.m.at.Add(time.Hour)
	f.ticks(1)
	f.seals()
	if err := f.ledger.expire(f.m.at); err != nil {
		t.Fatal(err)
	}
	if files, _, _ = Find([]string{o.Dir}, Query{}); len(files) != 1 {
		t.Errorf("%d windows are left, want the open one", len(files))
	}
	if entries, _ := os.ReadDir(f.dir); len(entries) != 2 {
		t.Errorf("%d entries in the node's directory, want a date and the lock", len(entries))
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for what, change := range map[string]func(*Options){
		"no directory": func(o *Options) { o.Dir = "" },
		"no node":      func(o *Options) { o.Node = "" },
		"width 7m":     func(o *Options) { o.Width = 7 * time.Minute },
		"width 48h":    func(o *Options) { o.Width = 48 * time.Hour },
		"width 1.5s":   func(o *Options) { o.Width = 1500 * time.Millisecond },
		"tiny limit":   func(o *Options) { o.MaxBytes = 1000 },
	} {
		o := options(t, t.TempDir())
		change(&o)
		if _, err := NewRecorder(o); err == nil {
			t.Errorf("%s: not refused", what)
		}
	}
}
