package gpu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// backoff doubles from first to most.
type backoff struct{ first, most, next time.Duration }

func (b *backoff) step() time.Duration {
	d := max(b.next, b.first)
	b.next = min(2*d, b.most)
	return d
}

func (b *backoff) reset() { b.next = 0 }

// The longest times between attempts, and how long a reader must have served
// for its end to count as a first one.
const (
	longestLook    = time.Minute
	longestRestart = time.Minute
	longestRepair  = 10 * time.Minute
	servedWell     = 30 * time.Second
)

// stopGrace is how long a reader is given to leave by itself; it only has to
// notice that its pipe has closed.
const stopGrace = time.Second

// pauses are the times between attempts, by what is attempted.
type pauses struct{ look, restart, repair backoff }

// supervise keeps a reader serving for as long as the source lives.
func (s *Source) supervise(ctx context.Context) {
	defer close(s.done)
	p := pauses{
		look:    backoff{first: s.opt.LookEvery, most: max(longestLook, s.opt.LookEvery)},
		restart: backoff{first: s.opt.Restart, most: max(longestRestart, s.opt.Restart)},
		repair:  backoff{first: s.opt.Repair, most: max(longestRepair, s.opt.Repair)},
	}
	for ctx.Err() == nil {
		plan := s.plan()
		switch {
		case s.isReleased():
			s.pause(ctx, 0)
		case plan.backends == "":
			s.nothing(plan)
			s.pause(ctx, p.look.step())
		default:
			s.attempt(ctx, plan, &p)
		}
	}
	s.idle(nodeReleased, nil, "")
	s.retire(stopGrace)
}

// attempt starts a reader and watches it until it no longer serves.
func (s *Source) attempt(ctx context.Context, plan *plan, p *pauses) {
	orders := s.ordered()
	c, r, err := s.open(ctx, plan, s.crashes.avoid)
	if err != nil {
		s.blame(c)
		wait := p.restart.step()
		if s.refused(err) {
			wait = p.look.step()
		}
		s.pause(ctx, wait)
		return
	}
	p.look.reset()
	began := time.Now()
	if s.serve(c, r) {
		c = s.watch(ctx, plan, &p.repair)
	} else {
		s.end(c, stopGrace)
	}
	if time.Since(began) > servedWell {
		p.restart.reset()
		s.crashes.served()
	}
	s.blame(c)
	s.settle(ctx, p.restart.step(), orders)
}

// plan is what the reader is to open; no backends where there is no driver.
type plan struct {
	library, backends string
	idle              bool // there is a library, and no use for it
}

func (s *Source) plan() *plan {
	p := &plan{library: findLibrary(s.opt.Root, s.opt.Library)}
	p.idle = p.library != "" && s.opt.Library == "" && idleLibrary(s.opt.Root)
	var backends []string
	if p.library != "" && !p.idle {
		backends = append(backends, "nvml")
	}
	if findAMD(s.opt.Root) {
		backends = append(backends, "amdgpu")
	}
	p.backends = strings.Join(backends, ",")
	return p
}

// nothing publishes that there is nothing to read.
func (s *Source) nothing(p *plan) {
	if p.idle {
		s.idle(nodeNone, nil, "a GPU library is installed, but there is neither driver nor device; it is not loaded", "library", p.library)
		return
	}
	if s.opt.Library != "" { // a wrong path is not a node without GPUs
		s.idle(nodeFailed, fmt.Errorf("--gpu.library=%s: there is no such file", s.opt.Library), "GPUs cannot be read")
		return
	}
	s.idle(nodeNone, nil, "no GPU driver on this node", "looked_for", soname+", amdgpu")
}

func (s *Source) args(p *plan, avoid []string) []string {
	return []string{readerArg, "-backends", p.backends, "-library", p.library, "-root", s.opt.Root,
		"-detail", max(s.opt.Medium, 100*time.Millisecond).String(), "-medium", s.opt.Medium.String(), "-slow", s.opt.Slow.String(), "-rescan", s.opt.Rescan.String(),
		"-longest-step", max(10*time.Second, 2*s.opt.Interval).String(), "-marks", marksFD, "-avoid", strings.Join(avoid, ",")}
}

// errCrowded says that readers that cannot die stand in the way of another.
var errCrowded = errors.New("too many gpu readers are stuck in the kernel; not starting another")

// open starts a reader that leaves some GPUs alone, and waits until it has
// opened its drivers. With an error comes the reader that was started and
// ended, if one was.
func (s *Source) open(ctx context.Context, p *plan, avoid []string) (*child, *reply, error) {
	s.reap()
	if n := s.stuck(); n >= s.opt.MaxAbandoned {
		return nil, nil, fmt.Errorf("%w (%d)", errCrowded, n)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opt.StartWait)
	defer cancel()
	c, err := s.launch(p, avoid, cancel)
	if err != nil {
		return nil, nil, err
	}
	defer s.opened()
	defer context.AfterFunc(ctx, func() { c.stop(0) })()
	r, err := greet(c, s.opt.Wait)
	if err != nil {
		s.end(c, 0)
		if ctx.Err() == context.DeadlineExceeded {
			err = fmt.Errorf("the gpu reader has not opened the driver within %v", s.opt.StartWait)
		}
		return c, nil, err
	}
	return c, r, nil
}

// launch starts a reader and notes it, unless handles are to be given back.
// cancel ends its opening.
func (s *Source) launch(p *plan, avoid []string, cancel context.CancelFunc) (*child, error) {
	s.launching.Lock() // Release waits for this, so that no reader escapes it
	defer s.launching.Unlock()
	if s.isReleased() {
		return nil, errors.New("handles were given back on request")
	}
	c, err := start(s.opt.Executable, s.args(p, avoid), s.opt.Env)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts.started++
	s.abort, s.opening = cancel, c
	return c, nil
}

func (s *Source) opened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abort, s.opening = nil, nil
}

// refusal is a reader's answer that no driver can be opened.
type refusal struct{ failures []wire.Failure }

func (r *refusal) Error() string {
	var all []string
	for _, f := range r.failures {
		all = append(all, f.Message)
	}
	return "open the GPU driver: " + strings.Join(all, "; ")
}

// greet asks until the reader has opened its drivers, or has failed to. The
// child is stopped from outside when that takes too long.
func greet(c *child, wait time.Duration) (*reply, error) {
	var hello *wire.Hello
	var inventory *wire.Inventory
	for {
		r, err := c.ask(max(wait, time.Second), 1)
		if err != nil && !errors.Is(err, errDeadline) {
			return nil, err
		}
		if r.hello != nil {
			hello = r.hello
		}
		if r.inventory != nil {
			inventory = r.inventory
		}
		if err != nil || hello == nil || !hello.Ready {
			continue
		}
		if len(hello.Libraries) == 0 {
			return nil, &refusal{hello.Failures}
		}
		r.hello, r.inventory = hello, inventory
		return r, nil
	}
}

// refused publishes why no reader serves. It reports whether that is a
// driver's answer, which is asked for again less eagerly than after a crash.
func (s *Source) refused(err error) bool {
	if s.isReleased() {
		return false
	}
	var r *refusal
	if !errors.As(err, &r) {
		s.idle(nodeFailed, err, "gpu reader failed")
		return errors.Is(err, errCrowded)
	}
	absent := !slices.ContainsFunc(r.failures, func(f wire.Failure) bool {
		return f.Status != device.DriverNotLoaded && f.Status != device.LibraryNotFound
	})
	if absent && !hasNVIDIAHardware(s.opt.Root) {
		s.idle(nodeNone, nil, "a GPU library is installed, but there is neither driver nor device", "reason", err.Error())
		return true
	}
	s.idle(nodeFailed, err, "GPU driver cannot be opened")
	return true
}

// watch returns when the serving reader has ended, was lost or is to end; it
// tries another one for devices that do not come back. It returns the last
// that served.
func (s *Source) watch(ctx context.Context, p *plan, repair *backoff) (last *child) {
	for {
		c := s.server()
		if c == nil {
			s.reap()
			return last
		}
		last = c
		wait := s.opt.Repair
		if s.ailing() {
			wait = repair.step()
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-c.exited:
			s.mu.Lock()
			s.lose(c, c.died(io.EOF))
			s.mu.Unlock()
		case <-timer.C:
			if s.ailing() {
				s.repair(ctx, p)
			} else {
				repair.reset()
			}
		}
		timer.Stop()
		if ctx.Err() != nil {
			return last
		}
	}
}

// repair tries a second reader beside the serving one, and puts it in its
// place if more devices are well in it: the devices that are well lose nothing.
func (s *Source) repair(ctx context.Context, p *plan) {
	avoid := s.crashes.trial()
	c, r, err := s.open(ctx, p, avoid)
	if err != nil {
		s.log.Debug("another gpu reader did not help", "reason", err)
		return
	}
	if !s.replace(c, r) {
		s.end(c, stopGrace)
		return
	}
	s.crashes.passed(avoid)
	s.log.Info("another gpu reader took over, with more devices in order")
	s.reap()
}

// settle waits between the end of a reader and the start of the next, so that
// one that crashes at once is not started in a loop. An order given since
// orders were counted last ends it.
func (s *Source) settle(ctx context.Context, d time.Duration, orders int) {
	select {
	case <-s.wake: // what it said is what brought us here, or an order
	default:
	}
	if s.ordered() == orders {
		s.pause(ctx, d)
	}
}

// pause waits for a wake-up, or for d if that is not zero.
func (s *Source) pause(ctx context.Context, d time.Duration) {
	var after <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-after:
	}
}
