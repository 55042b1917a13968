package window

import "time"

// Stats is how recording fares. All counts are since NewRecorder.
type Stats struct {
	Written int64 // samples appended to a journal
	Bytes   int64 // and their bytes
	Dropped int64 // samples dropped because the queue was full
	Lost    int64 // samples that could not be written, and samples of a journal that was lost
	Queued  int   // samples waiting now

	Sealed     int64 // windows sealed
	SealErrors int64
	Deleted    int64 // windows deleted for a limit
	DiskBytes  int64 // what the node's directory holds
	Recovered  int64 // journals of an earlier run that were found open

	// LossBound is the most that a power cut can cost: the sync interval and
	// the last sync's own time.
	LossBound    time.Duration
	Syncs        int64
	SyncErrors   int64
	SyncSeconds  float64       // spent in fsync altogether
	LastSync     time.Time     // end of the last good one
	LastSyncTime time.Duration // how long it took
}

// Stats returns the figures of now; it never waits for the disk.
func (r *Recorder) Stats() Stats {
	s := &r.stats
	out := Stats{
		Written: s.written.Load(), Bytes: s.bytes.Load(), Dropped: s.dropped.Load(), Lost: s.lost.Load(), Queued: len(r.queue),
		Sealed: s.sealed.Load(), SealErrors: s.sealErrors.Load(), Recovered: s.recovered.Load(),
		Syncs: s.syncs.Load(), SyncErrors: s.syncErrors.Load(), SyncSeconds: float64(s.syncNanos.Load()) / 1e9,
		LastSyncTime: time.Duration(s.lastSyncNanos.Load()),
	}
	out.DiskBytes, out.Deleted = r.ledger.glance()
	out.LossBound = r.opt.SyncInterval + out.LastSyncTime
	if ns := s.lastSync.Load(); ns != 0 {
		out.LastSync = time.Unix(0, ns)
	}
	return out
}
