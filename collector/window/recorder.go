package window

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"nodemeter/collector/metric"
)

// Options says where and how to record.
type Options struct {
	// Dir is the directory of the windows of all nodes.
	Dir string
	// Node, BootID, Agent (version) and Interval are kept in each window.
	Node, BootID, Agent string
	Interval            time.Duration
	// Width is the span of a window: 1 s to 24 h and a divisor of 24 h. Default 1 h.
	Width time.Duration
	// SyncInterval is the loss bound on a power cut. Default 5 s.
	SyncInterval time.Duration
	// KernelTimer has a timer of the kernel's wait for samples that do not come,
	// rather than Go's: see package timer. Not within testing/synctest.
	KernelTimer bool
	// MaxBytes bounds what the node's directory holds, the open window
	// included; zero does not.
	MaxBytes int64
	// MaxAge is when a sealed window is deleted; zero keeps them.
	MaxAge time.Duration
	// MinFree is the free space on the file system below which nothing is
	// recorded; older windows go first where that helps.
	MinFree int64
	// Queue is how many samples wait for a slow disk. Default 64.
	Queue int
	// Log is told of changes of state. Default: discard.
	Log *slog.Logger
	// Seal turns a journal into a sealed window, as SealJournal does, which is
	// the default. A daemon seals in a child process to keep its own memory small.
	Seal func(ctx context.Context, journal string) error

	open func(path string) (journalFile, error) // for tests: a disk that fails
	free func(dir string) (int64, error)
}

// Recorder writes samples to windows.
type Recorder struct {
	opt          Options
	dir          string // of the node
	queue        chan *metric.Sample
	dirtied, due chan struct{} // something was appended since the last sync; it is to be synced
	stop         chan struct{}
	once         sync.Once
	done         chan struct{} // all goroutines have ended

	stats counters
	drops drops
	lock  *os.File

	w      *writer
	sealer *sealer
	ledger *ledger

	rotated bool // by the sync goroutine, in this minute
}

// NewRecorder takes the node's directory, recovers what an earlier run left
// open, and is then ready for samples.
func NewRecorder(opt Options) (*Recorder, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	r := &Recorder{
		opt: opt, dir: filepath.Join(opt.Dir, nodeDir(opt.Node)),
		queue: make(chan *metric.Sample, opt.Queue), dirtied: make(chan struct{}, 1), due: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := r.ensureDir(); err != nil {
		return nil, err
	}
	r.ledger = &ledger{opt: &r.opt}
	r.sealer = newSealer(r)
	r.w = newWriter(r)
	if err := r.recover(); err != nil {
		r.lock.Close()
		return nil, err
	}
	go r.run()
	return r, nil
}

// ensureDir makes the node's directory and takes its lock, again when somebody
// deleted or unmounted it. After NewRecorder only the writer calls it.
func (r *Recorder) ensureDir() error {
	path := filepath.Join(r.dir, lockName)
	if r.lock != nil {
		mine, err := r.lock.Stat()
		if err != nil {
			return err
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(mine, there) {
			return nil
		}
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return fmt.Errorf("windows directory: %w", err)
	}
	lock, err := lockDir(r.dir)
	if err != nil {
		return err
	}
	if r.lock != nil {
		r.lock.Close()
	}
	r.lock = lock
	return nil
}

// Check says whether NewRecorder would take the options. It touches no file.
func (o Options) Check() error { return o.complete() }

func (o *Options) complete() error {
	if o.Dir == "" || o.Node == "" {
		return errors.New("windows: a directory and a node name are needed")
	}
	if o.Width == 0 {
		o.Width = time.Hour
	}
	if o.Width < time.Second || (24*time.Hour)%o.Width != 0 || o.Width%time.Second != 0 {
		return fmt.Errorf("windows: width %s must be whole seconds and divide 24h, such as 10m, 1h or 24h", o.Width)
	}
	if o.SyncInterval <= 0 {
		o.SyncInterval = 5 * time.Second
	}
	if o.Queue <= 0 {
		o.Queue = 64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Seal == nil {
		o.Seal = func(_ context.Context, journal string) error { return SealJournal(journal) }
	}
	if o.MaxBytes > 0 && o.MaxBytes < minMaxBytes {
		return fmt.Errorf("windows: a limit of %d bytes is too small to record anything: give %d at least", o.MaxBytes, minMaxBytes)
	}
	if o.open == nil {
		o.open = openJournalFile
	}
	if o.free == nil {
		o.free = freeSpace
	}
	return nil
}

// Publish hands over a sample and returns at once; when the disk is so slow
// that the queue is full, the sample is dropped and counted, its events kept. No call may
// follow Close.
func (r *Recorder) Publish(s *metric.Sample) {
	s.Hold()
	select {
	case r.queue <- s:
	default:
		r.drops.add(s)
		s.Release()
		r.stats.dropped.Add(1)
	}
}

// Close writes what is queued, seals the open window and lets the directory
// go. When ctx ends first (a disk that hangs) the rest is left to the next
// start's recovery, and ctx's error is returned.
func (r *Recorder) Close(ctx context.Context) error {
	r.once.Do(func() { close(r.stop) })
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("windows: not everything could be written: %w", ctx.Err())
	}
}

func (r *Recorder) run() {
	defer close(r.done)
	defer func() { r.lock.Close() }()
	var bg sync.WaitGroup
	bg.Go(r.sealer.run)
	bg.Go(r.syncLoop)
	r.w.run()
	r.sealer.close()
	bg.Wait()
}

// counters are the parts of Stats, each written by one goroutine.
type counters struct {
	dropped, lost, written, bytes atomic.Int64
	sealed, sealErrors, recovered atomic.Int64
	syncs, syncErrors, syncNanos  atomic.Int64
	lastSync, lastSyncNanos       atomic.Int64
}
