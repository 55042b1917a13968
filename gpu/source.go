// Package gpu reads GPUs without letting them take anything down.
//
// Drivers hang, crash and lose devices, so they are loaded in a child process
// (package reader) that the agent runs from its own executable, and only on
// machines where a driver's library exists; the agent itself never loads one.
// Source asks the child at each tick, over a pipe, keeps what must outlive a
// child (identity, state, counters), and publishes points.
//
// Concurrency: Read is called by one goroutine at a time and never blocks
// beyond its deadline. One goroutine (supervise) starts, replaces and ends
// children. mu guards the ledger and the phase and is never held while
// somebody waits. Children that do not die are abandoned, never waited for,
// and there are never more than Options.MaxAbandoned of them.
package gpu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/gpu/device"
)

// Options says what to read and how. The zero value of a duration or number
// is its default.
type Options struct {
	// Node is the entity that carries the node's own points.
	Node *metric.Entity
	// Interval is the time between ticks. Default 1 s.
	Interval time.Duration
	// Log takes state changes. Default slog.Default().
	Log *slog.Logger
	// Library is the path of libnvidia-ml.so.1. Default: looked for.
	Library string
	// Executable is what to run as the reader. Default: this executable.
	Executable string
	// Root is where /sys, /etc and /usr are looked for. Default "/".
	Root string
	// Env is the reader's environment. Default: this process's.
	Env []string

	// Wait is how long one Read may take. Default: half the interval, at
	// least 50 ms and at most 2 s. Devices have half of it.
	Wait time.Duration
	// StartWait is how long a reader may take to open the drivers. Default 60 s.
	StartWait time.Duration
	// LookEvery is the time between looks for a driver where there is none;
	// it doubles up to a minute. Default 10 s.
	LookEvery time.Duration
	// Restart is the time before a reader is started again; it doubles up to
	// a minute with each failure. Default 100 ms.
	Restart time.Duration
	// Repair is how long devices may be lost, hung or failed before another
	// reader is tried for them; it doubles up to ten minutes. Default 10 s.
	Repair time.Duration
	// Medium and Slow are the times between dear calls; Rescan is that
	// between enumerations. Defaults 5 s, 30 s and 15 s.
	Medium, Slow, Rescan time.Duration
	// MaxAbandoned bounds the readers that were killed and have not died.
	// Default 3.
	MaxAbandoned int
}

func (o Options) withDefaults() (Options, error) {
	if o.Node == nil {
		return o, errors.New("gpu: Options.Node is missing")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Executable == "" {
		exe, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("find our own executable to run the gpu reader from: %w", err)
		}
		o.Executable = exe
	}
	if o.Root == "" {
		o.Root = "/"
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.MaxAbandoned == 0 {
		o.MaxAbandoned = 3
	}
	def(&o.Interval, time.Second)
	def(&o.Wait, min(max(o.Interval/2, 50*time.Millisecond), 2*time.Second))
	def(&o.StartWait, time.Minute)
	def(&o.LookEvery, 10*time.Second)
	def(&o.Restart, 100*time.Millisecond)
	def(&o.Repair, 10*time.Second)
	def(&o.Medium, 5*time.Second)
	def(&o.Slow, 30*time.Second)
	def(&o.Rescan, 15*time.Second)
	return o, nil
}

func def(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

// Source reads all GPUs of the node.
type Source struct {
	opt  Options
	log  *slog.Logger
	done chan struct{} // closed when supervise has ended
	stop context.CancelFunc
	wake chan struct{} // asks supervise to look at once; has one place
	pace uint16        // of who calls Read

	launching sync.Mutex // held while a reader process is started

	mu       sync.Mutex
	ledger   *ledger
	phase    nodeState     // of the path; nodeOK while a reader serves
	failure  error         // why the phase is failed
	said     string        // the last reason logged for the phase
	serving  *child        // nil without a reader
	changed  chan struct{} // closed and replaced when serving or phase changes
	released bool
	orders   int                // calls of Release and Resume
	fresh    bool               // after Resume: forget devices the next reader does not list
	abort    context.CancelFunc // ends the opening of a reader; may be nil
	opening  *child             // may be nil
	crashes  crashes            // supervise's own
	leaving  []*child           // told to leave, or to be told, and not yet known to be gone
	facts    facts
}

// New starts looking after the node's GPUs. It reads nothing and does not
// wait. An Options that cannot work (no Node, no executable) is reported by
// every Read.
func New(o Options) *Source {
	o, err := o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	s := &Source{opt: o, log: o.Log, done: make(chan struct{}), stop: stop, wake: make(chan struct{}, 1), pace: 1, phase: nodeStarting, changed: make(chan struct{})}
	if err != nil {
		s.phase, s.failure = nodeFailed, err
		s.ledger = newLedger(slog.New(slog.DiscardHandler))
		close(s.done)
		return s
	}
	s.ledger = newLedger(s.log)
	go s.supervise(ctx)
	return s
}

// Descs lists every metric that Read may add.
func (s *Source) Descs() []*metric.Desc { return allDescs() }

// SetPace makes the dear calls, of which process lists and PCIe counters are,
// rarer by a factor, when the agent is over its budget.
func (s *Source) SetPace(factor int) { s.pace = uint16(min(max(factor, 1), math.MaxUint16)) }

// Read asks the reader and adds the points of all devices. Without a reader
// it adds states; the error then says why there is none. It returns within
// the context's deadline and Options.Wait.
func (s *Source) Read(ctx context.Context, b *metric.Batch) error {
	if s.opt.Node == nil {
		return s.failure
	}
	deadline := time.Now().Add(s.opt.Wait)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d.Add(-time.Millisecond)
	}
	c := s.await(ctx, deadline)
	var r *reply
	var err error
	if c != nil {
		if time.Until(deadline) <= 0 {
			return errors.New("no time was left to ask the gpu reader")
		}
		r, err = c.ask(time.Until(deadline), s.pace)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c != nil && s.serving == c:
		s.ledger.expire()
		err = s.conclude(c, r, err)
	case c != nil && s.serving != nil:
		err = nil // replaced meanwhile; its successor's first reading is there
	default:
		s.ledger.expire()
		err = s.failure
	}
	s.ledger.publish(b, s.opt.Node, s.state())
	s.ledger.reject(b)
	return err
}

// conclude enters what asking the serving reader has brought. The caller holds mu.
func (s *Source) conclude(c *child, r *reply, err error) error {
	if errors.Is(err, errDeadline) && c.missed <= patience {
		s.miss(r, err)
		return err
	}
	if err == nil {
		err = s.enter(r)
	}
	if err != nil {
		s.lose(c, err)
	}
	return err
}

// patience is how many ticks in a row a reader may leave unanswered. The
// reader's answering goroutine calls no driver: it is late only when the
// machine is, and silent only when it has been stopped.
const patience = 1

// miss notes that a reader has not answered in time. What it said of its
// devices besides values must not be lost with the tick. The caller holds mu.
func (s *Source) miss(r *reply, err error) {
	now := time.Now()
	s.facts.note(r)
	s.credit(r, now)
	if r.inventory != nil {
		s.ledger.list(r.inventory, now)
	}
	s.ledger.all(device.StateHung, err.Error(), now)
}

// await returns the serving reader; while the first is being started it waits
// for it.
func (s *Source) await(ctx context.Context, deadline time.Time) *child {
	var expired <-chan time.Time // made where there is something to wait for
	for {
		s.mu.Lock()
		c, phase, changed := s.serving, s.phase, s.changed
		s.mu.Unlock()
		if c != nil || phase != nodeStarting {
			return c
		}
		if expired == nil {
			expired = time.After(time.Until(deadline))
		}
		select {
		case <-changed:
		case <-expired:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// enter enters a reply of the serving reader. The caller holds mu.
func (s *Source) enter(r *reply) error {
	now := time.Now()
	s.facts.note(r)
	s.credit(r, now)
	if r.inventory != nil {
		s.ledger.list(r.inventory, now)
	}
	if err := s.ledger.take(r.snapshot, now); err != nil {
		return err
	}
	return nil
}

// credit adds what late answers add to counters. The caller holds mu.
func (s *Source) credit(r *reply, now time.Time) {
	for _, l := range r.late {
		if l.inventory != nil {
			s.ledger.list(l.inventory, now)
		}
		s.ledger.credit(l.snapshot)
	}
}

// state is the node's state. The caller holds mu.
func (s *Source) state() nodeState {
	if s.phase != nodeOK {
		return s.phase
	}
	known, well := s.ledger.tally()
	switch {
	case known == 0 && s.ledger.count == 0:
		return nodeNone
	case well == 0:
		return nodeFailed
	case well < max(known, s.ledger.count):
		return nodeDegraded
	}
	return nodeOK
}
