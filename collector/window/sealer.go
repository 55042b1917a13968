package window

import (
	"context"
	"sync"
)

// sealer seals journals one after another in its own goroutine, so that a slow
// seal delays no sample.
type sealer struct {
	r    *Recorder
	mu   sync.Mutex
	list []string
	// failed are journals that could not be sealed; they are tried again.
	failed []string
	wake   chan struct{}
	end    bool
}

func newSealer(r *Recorder) *sealer { return &sealer{r: r, wake: make(chan struct{}, 1)} }

// add queues a journal.
func (s *sealer) add(path string) {
	s.r.ledger.sealing(path)
	s.mu.Lock()
	s.list = append(s.list, path)
	s.mu.Unlock()
	s.signal()
}

// retry queues what could not be sealed once more.
func (s *sealer) retry() {
	s.mu.Lock()
	failed := s.failed
	s.failed = nil
	s.mu.Unlock()
	for _, path := range failed {
		if exists(path) {
			s.add(path)
		}
	}
}

func (s *sealer) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// close lets run end once everything queued is sealed.
func (s *sealer) close() {
	s.mu.Lock()
	s.end = true
	s.mu.Unlock()
	s.signal()
}

func (s *sealer) run() {
	for {
		s.mu.Lock()
		path, end := "", s.end
		if len(s.list) > 0 {
			path, s.list = s.list[0], s.list[1:]
		}
		s.mu.Unlock()
		switch {
		case path != "":
			s.seal(path)
		case end:
			return
		default:
			<-s.wake
		}
	}
}

func (s *sealer) seal(path string) {
	err := s.r.opt.Seal(context.Background(), path)
	s.r.ledger.closed(path)
	if err != nil && !exists(path) {
		return // deleted to make room
	}
	if err != nil {
		s.mu.Lock()
		s.failed = append(s.failed, path)
		s.mu.Unlock()
		s.r.stats.sealErrors.Add(1)
		s.r.opt.Log.Error("seal window: its journal stays and is read as it is", "path", path, "err", err)
		return
	}
	s.r.stats.sealed.Add(1)
	s.r.opt.Log.Debug("window sealed", "path", sibling(path, extSealed))
}
