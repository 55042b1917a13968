package window

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
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
	r    *Recorder
	enc  *encoder
	slot slotName
	path string
	size int64 // of the journal, all of it intact
	torn bool  // what lies behind size could not be cut off yet

	mu   sync.Mutex // guards file against the sync goroutine
	file journalFile
	// dirty is whether something was appended since the last sync.
	dirty bool

	resume  *resumable // left open by an earlier run
	pending int64      // samples lost since the last one written
	reason  error      // why
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
					w.retire()
					if w.resume != nil {
						w.r.sealer.add(w.resume.path)
					}
					return
				}
			}
		}
	}
}

// publish writes one sample, or counts it as lost and says why in the window
// once writing works again.
func (w *writer) publish(s *metric.Sample) {
	err := w.write(s)
	if err == nil {
		if w.pending > 0 {
			w.r.opt.Log.Info("recording again", "samples_lost", w.pending)
			w.pending, w.reason = 0, nil
		}
		return
	}
	w.r.stats.lost.Add(1)
	if w.pending == 0 {
		w.r.opt.Log.Error("cannot record: sampling goes on, samples are lost until this works again", "err", err)
	}
	w.pending++
	w.reason = err
}

func (w *writer) write(s *metric.Sample) error {
	from := spanOf(s.Time, w.r.opt.Width)
	if w.file == nil || !from.Equal(w.slot.from) {
		w.retire()
		if err := w.openSlot(from); err != nil {
			return err
		}
	}
	e := w.enc
	e.buf = e.buf[:0]
	if w.pending > 0 {
		e.buf = appendEvent(e.buf, metric.Event{Kind: metric.EventWriteLost, Time: s.Time, Count: w.pending, Detail: w.reason.Error()})
	}
	e.sample(s)
	if err := w.append(e.buf); err != nil {
		e.rollback()
		return err
	}
	w.r.stats.written.Add(1)
	w.r.stats.bytes.Add(int64(len(e.buf)))
	return nil
}

// append writes whole frames or nothing: what a failed write left behind is cut off.
func (w *writer) append(b []byte) error {
	if w.torn {
		if err := w.file.Truncate(w.size); err != nil {
			return fmt.Errorf("cut off a torn record: %w", err)
		}
		w.torn = false
	}
	n, err := w.file.Write(b)
	if err != nil {
		if n > 0 {
			w.torn = w.file.Truncate(w.size) != nil
		}
		return err
	}
	w.size += int64(n)
	w.mu.Lock()
	w.dirty = true
	w.mu.Unlock()
	return nil
}

// openSlot opens the journal for a span: the one an earlier run left, or the
// first part whose name is free.
func (w *writer) openSlot(from time.Time) error {
	if res := w.resume; res != nil {
		w.resume = nil
		if res.slot.from.Equal(from) {
			return w.resumeSlot(res)
		}
		w.r.sealer.add(res.path)
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
		w.setFile(nil, "", slotName{}, nil, 0)
		return errors.Join(err, file.Close(), os.Remove(path))
	}
	return syncDir(filepath.Dir(path))
}

func (w *writer) setFile(f journalFile, path string, slot slotName, e *encoder, size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file, w.path, w.slot, w.enc, w.size, w.dirty, w.torn = f, path, slot, e, size, f != nil, false
}

// retire closes the open journal and has it sealed.
func (w *writer) retire() {
	if w.file == nil {
		return
	}
	file, path := w.file, w.path
	w.setFile(nil, "", slotName{}, nil, 0)
	if err := file.Close(); err != nil {
		w.r.opt.Log.Warn("close journal", "path", path, "err", err)
	}
	w.r.sealer.add(path)
}
