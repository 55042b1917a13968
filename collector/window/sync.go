package window

import (
	"errors"
	"fmt"
	"os"
	"time"

	"nodemeter/collector/timer"
)

// syncLoop makes what was appended durable within SyncInterval, sees to it that
// the open journal is still where it should be, and deletes what is too old.
// It has its own goroutine: a disk that takes long over it holds nothing else up.
func (r *Recorder) syncLoop() {
	// The writer says when; the timer is for samples that do not come.
	late := timer.New(r.opt.KernelTimer)
	defer late.Close()
	retry := time.NewTicker(time.Minute)
	defer retry.Stop()
	for {
		select {
		case <-retry.C:
			r.sealer.retry()
			r.rotated = false
			r.tidy()
		case <-r.dirtied:
			late.Set(r.opt.SyncInterval)
		case <-r.due:
			late.Stop()
			r.tidy()
		case <-late.C:
			if late.Expired() {
				late.Stop()
				r.tidy()
			}
		case <-r.stop:
			r.syncOnce()
			return
		}
	}
}

func (r *Recorder) tidy() {
	r.syncOnce()
	if err := r.ledger.expire(time.Now()); err != nil {
		r.opt.Log.Warn("delete old windows", "err", err)
	}
}

func (r *Recorder) syncOnce() {
	w := r.w
	w.mu.Lock()
	file, path, dirty := w.file, w.path, !w.dirty.IsZero()
	w.dirty = time.Time{}
	w.mu.Unlock()
	if file == nil {
		return
	}
	if err := inPlace(file, path); err != nil {
		w.stale.Store(&staleness{err: err})
		return
	}
	if !dirty {
		return
	}
	start := time.Now()
	err := file.Sync()
	took := time.Since(start)
	if errors.Is(err, os.ErrClosed) {
		return // the writer closed it meanwhile: the sealer makes it durable
	}
	if err != nil {
		// The kernel may have thrown the pages away and will not say so twice:
		// what follows goes to a part of its own.
		if r.stats.syncErrors.Add(1) == 1 {
			r.opt.Log.Error("sync window: up to the sync interval may be lost on a power cut", "err", err)
		}
		if !r.rotated { // once a minute at most
			r.rotated = true
			w.stale.Store(&staleness{err: err, part: true})
		}
		return
	}
	r.stats.syncs.Add(1)
	r.stats.syncNanos.Add(int64(took))
	r.stats.lastSyncNanos.Store(int64(took))
	r.stats.lastSync.Store(time.Now().UnixNano())
}

// inPlace reports whether a file is still the one that its path leads to.
func inPlace(file journalFile, path string) error {
	mine, err := file.Stat()
	if err != nil {
		return nil // closed meanwhile
	}
	there, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(mine, there) {
		return fmt.Errorf("%s is another file by now", path)
	}
	return nil
}
