package window

import "time"

// syncLoop makes what was appended durable every SyncInterval. It has its own
// goroutine: a disk that takes long over it holds nothing else up.
func (r *Recorder) syncLoop() {
	tick := time.NewTicker(r.opt.SyncInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.syncOnce()
		case <-r.stop:
			r.syncOnce()
			return
		}
	}
}

func (r *Recorder) syncOnce() {
	w := r.w
	w.mu.Lock()
	file, dirty := w.file, w.dirty
	w.dirty = false
	w.mu.Unlock()
	if file == nil || !dirty {
		return
	}
	start := time.Now()
	err := file.Sync()
	took := time.Since(start)
	if err != nil {
		r.stats.syncErrors.Add(1)
		r.opt.Log.Error("sync window", "err", err)
		return
	}
	r.stats.syncs.Add(1)
	r.stats.syncNanos.Add(int64(took))
	r.stats.lastSyncNanos.Store(int64(took))
	r.stats.lastSync.Store(time.Now().UnixNano())
}
