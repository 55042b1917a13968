package window

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"nodemeter/collector/metric"
)

// journalFile is what the writer needs of an open journal; tests put a disk
// that fails behind it.
type journalFile interface {
	Write(p []byte) (int, error)
	Truncate(size int64) error
	Sync() error
	Stat() (os.FileInfo, error)
	Close() error
}

// openJournalFile creates a journal, or opens one to go on with.
func openJournalFile(path string) (journalFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// writer owns the open journal: one goroutine appends to it.
type writer struct {
	r       *Recorder
	enc     *encoder
	slot    slotName
	path    string
	size    int64 // of the journal, all of it intact
	samples int64 // in it, by this run
	torn    bool  // what lies behind size could not be cut off yet

	mu   sync.Mutex // guards file against the sync goroutine
	file journalFile
	// dirty is when the first of what was not synced was appended; zero is never.
	dirty time.Time
	// stale is set by the sync goroutine when the journal has to be opened anew:
	// its path leads elsewhere by now, or the kernel could not write it back.
	stale atomic.Pointer[staleness]

	resume *resumable // to go on with
	lost   losses     // since the last sample written
}

// staleness is why a journal has to be opened anew, and whether in another part.
type staleness struct {
	err  error
	part bool
}

func newWriter(r *Recorder) *writer { return &writer{r: r} }

func (w *writer) run() {
	for {
		select {
		case s := <-w.r.queue:
			w.publish(s)
		case <-w.r.stop:
			for {
				select {
				case s := <-w.r.queue:
					w.publish(s)
				default:
					w.finish()
					return
				}
			}
		}
	}
}

// finish hands everything over to the sealer. What was lost at the very end is told
// in the last window, where there is one.
func (w *writer) finish() {
	w.miss(w.r.drops.take())
	if w.lost.samples > 0 && w.file == nil && w.resume != nil {
		_ = w.openSlot(w.resume.slot.from) // why it cannot be was logged with the first sample
	}
	if w.lost.samples > 0 && w.file != nil {
		_ = w.append(w.lost.encode(nil, w.lost.last))
	}
	w.retire()
	if w.resume != nil {
		w.r.sealer.add(w.resume.path)
	}
}

// publish writes one sample and releases it, or counts it as lost and says why
// in the window once writing works again.
func (w *writer) publish(s *metric.Sample) {
	defer s.Release()
	w.miss(w.r.drops.take())
	if err := w.write(s); err != nil {
		w.r.stats.lost.Add(1)
		w.miss(lose(s, err))
	}
}

// miss notes samples that did not reach a window; the first of them is logged.
func (w *writer) miss(l losses) {
	if l.samples == 0 {
		return
	}
	if w.lost.samples == 0 {
		w.r.opt.Log.Error("samples are not recorded; sampling goes on, and recording will by itself", "err", l.why)
	}
	w.lost.join(l)
}

func (w *writer) write(s *metric.Sample) error {
	if err := w.ready(s.Time); err != nil {
		return err
	}
	e := w.enc
	e.buf = w.lost.encode(e.buf[:0], s.Time)
	e.sample(s)
	if err := w.append(e.buf); err != nil {
		e.rollback()
		return err
	}
	if w.lost.samples > 0 {
		w.r.opt.Log.Info("recording again", "samples_lost", w.lost.samples, "reason", w.lost.why)
		w.lost = losses{}
	}
	w.samples++
	w.r.stats.written.Add(1)
	w.r.stats.bytes.Add(int64(len(e.buf)))
	return nil
}

// ready makes sure that the journal for a time is open.
func (w *writer) ready(t time.Time) error {
	if st := w.stale.Swap(nil); st != nil && w.file != nil {
		if st.part {
			w.retire()
		} else {
			w.detach()
		}
	}
	from := spanOf(t, w.r.opt.Width)
	if w.file != nil && from.Equal(w.slot.from) && !w.full() {
		return nil
	}
	w.retire()
	return w.openSlot(from)
}

// full reports whether the journal has grown so large beside MaxBytes that it
// is sealed before its time, so that old windows can make room for new ones.
func (w *writer) full() bool { return w.r.opt.MaxBytes > 0 && w.size > w.r.opt.MaxBytes/4 }

// append writes whole frames or nothing: what a failed write left behind is cut off.
func (w *writer) append(b []byte) error {
	if w.torn {
		if err := w.file.Truncate(w.size); err != nil {
			return fmt.Errorf("cut off a torn record: %w", err)
		}
		w.torn = false
	}
	if err := w.r.ledger.grow(w.path, w.size, int64(len(b))); err != nil {
		return err
	}
	n, err := w.file.Write(b)
	if err != nil {
		w.r.ledger.cut(w.path, int64(len(b)))
		if n > 0 {
			w.torn = w.file.Truncate(w.size) != nil
		}
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
			w.detach() // a full disk gets better by itself, a lost handle does not
		}
		return err
	}
	w.size += int64(n)
	w.soil()
	return nil
}

// soil notes that something was appended, and has it synced now if the next
// sample will be too late for it: a sync just after a sample wakes nobody up for
// itself.
func (w *writer) soil() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.dirty.IsZero() {
		w.dirty = now
		tell(w.r.dirtied)
	}
	// The next one may come a little later than it should.
	if now.Sub(w.dirty)+w.r.opt.Interval+w.r.opt.Interval/8 >= w.r.opt.SyncInterval {
		tell(w.r.due)
	}
}

// tell wakes the sync goroutine up, which may have been told already.
func tell(it chan<- struct{}) {
	select {
	case it <- struct{}{}:
	default:
	}
}

// openSlot opens the journal for a span: the one that is to be gone on with, or
// the first part whose name is free.
func (w *writer) openSlot(from time.Time) error {
	if err := w.r.ensureDir(); err != nil {
		return err
	}
	if res := w.resume; res != nil {
		if res.slot.from.Equal(from) {
			done, err := w.resumeSlot(res)
			if done || err != nil {
				return err
			}
		} else {
			w.resume = nil
			w.r.sealer.add(res.path)
		}
	}
	slot := slotName{from: from, width: w.r.opt.Width, part: 1}
	dir := filepath.Join(w.r.dir, slot.dir())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for ; ; slot.part++ {
		path := filepath.Join(dir, "_"+slot.base()+extJournal)
		if exists(path) || exists(sibling(path, extSealed)) {
			continue
		}
		return w.create(slot, path)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (w *writer) create(slot slotName, path string) error {
	file, err := w.r.opt.open(path)
	if err != nil {
		return err
	}
	o := w.r.opt
	head := appendHeader([]byte(journalMagic), header{node: o.Node, boot: o.BootID, agent: o.Agent, interval: o.Interval, from: slot.from, to: slot.to()})
	w.setFile(file, path, slot, newEncoder(), 0)
	if err := w.append(head); err != nil {
		if w.file != nil {
			w.setFile(nil, "", slotName{}, nil, 0)
			file.Close()
		}
		w.resume = nil
		os.Remove(path)
		w.r.ledger.closed(path)
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (w *writer) setFile(f journalFile, path string, slot slotName, e *encoder, size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file, w.path, w.slot, w.enc, w.size, w.torn, w.samples = f, path, slot, e, size, false, 0
	w.dirty = time.Time{}
	if f != nil { // an earlier run may have left something unsynced in it
		w.dirty = time.Now()
		tell(w.r.dirtied)
	}
}

// closeFile closes the open journal.
func (w *writer) closeFile() (path string) {
	file, path := w.file, w.path
	w.setFile(nil, "", slotName{}, nil, 0)
	if err := file.Close(); err != nil {
		w.r.opt.Log.Warn("close journal", "path", path, "err", err)
	}
	return path
}

// retire closes the open journal and has it sealed.
func (w *writer) retire() {
	if w.file == nil {
		return
	}
	if w.torn {
		w.torn = w.file.Truncate(w.size) != nil // recovery cuts it otherwise
	}
	w.r.sealer.add(w.closeFile())
}

// detach closes the open journal; the next sample opens it again by its path.
func (w *writer) detach() {
	if w.file == nil {
		return
	}
	w.resume = &resumable{slot: w.slot, good: w.size, enc: w.enc, samples: w.samples}
	w.resume.path = w.closeFile()
}
