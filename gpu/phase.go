package gpu

import (
	"context"
	"errors"
	"slices"
	"time"

	"nodemeter/gpu/device"
)

// nudge asks supervise to look at once.
func (s *Source) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// announce tells those who wait that serving or phase has changed. The caller holds mu.
func (s *Source) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Source) server() *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serving
}

func (s *Source) ordered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders
}

func (s *Source) isReleased() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.released
}

// idle publishes that no reader serves, and logs the first of equal reasons.
func (s *Source) idle(phase nodeState, err error, message string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released {
		return
	}
	said := message
	if err != nil {
		said = err.Error()
	}
	same := s.phase == phase && s.said == said
	s.said = said
	s.phase, s.failure = phase, err
	if phase == nodeNone {
		s.ledger.count = 0
	}
	if phase == nodeFailed {
		s.ledger.all(device.StateFailed, err.Error(), time.Now())
	}
	s.announce()
	switch {
	case same || message == "":
	case err != nil:
		s.log.Warn(message, "error", err)
	default:
		s.log.Info(message, args...)
	}
}

// serve puts a reader into service. It reports false when it is no longer wanted.
func (s *Source) serve(c *child, r *reply) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released {
		return false
	}
	again := s.phase != nodeStarting
	if err := s.enter(r); err != nil {
		s.log.Warn("gpu reader gives a wrong answer", "error", err)
		return false
	}
	if s.fresh {
		s.ledger.forget()
		s.fresh = false
	}
	s.serving, s.phase, s.failure = c, nodeOK, nil
	s.announce()
	for _, lib := range r.hello.Libraries {
		s.log.Info("gpu driver open", "backend", lib.Backend, "library", lib.Path, "driver", lib.Driver, "cuda", lib.CUDA,
			"gpus", s.ledger.count, "reader", c.cmd.Process.Pid, "again", again, "functions_missing", len(lib.Missing))
	}
	for _, f := range r.hello.Failures {
		s.log.Warn("gpu driver cannot be opened", "backend", f.Backend, "error", f.Message)
	}
	return true
}

// replace puts a reader in the place of the serving one if more devices are
// well in it.
func (s *Source) replace(c *child, r *reply) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	well := 0
	for _, d := range r.snapshot.Devices {
		if d.State == device.StateOK || d.State == device.StateUnsupported {
			well++
		}
	}
	now := 0
	for _, a := range s.ledger.order {
		if a.state == device.StateOK || a.state == device.StateUnsupported {
			now++
		}
	}
	if s.released || s.serving == nil || well <= now || s.enter(r) != nil {
		return false
	}
	s.leaving = append(s.leaving, s.serving)
	s.serving = c
	s.announce()
	return true
}

// lose takes the serving reader out of service. The caller holds mu.
func (s *Source) lose(c *child, err error) {
	if s.serving != c {
		return
	}
	state := device.StateFailed
	if errors.Is(err, errDeadline) {
		state = device.StateHung
	}
	s.log.Warn("gpu reader lost; starting another", "error", err)
	s.facts.lost++
	s.ledger.all(state, err.Error(), time.Now())
	s.serving, s.phase, s.failure = nil, nodeFailed, err
	s.leaving = append(s.leaving, c)
	if s.abort != nil {
		s.abort()
	}
	s.announce()
	s.nudge()
}

// ailing reports whether a device is in a state that another reader might change.
func (s *Source) ailing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, well := s.ledger.tally()
	return well < max(known, s.ledger.count)
}

// end stops a reader and remembers it until it is gone.
func (s *Source) end(c *child, grace time.Duration) {
	s.mu.Lock()
	s.leaving = append(s.leaving, c)
	s.mu.Unlock()
	c.stop(grace)
}

// reap stops the readers that were taken out of service.
func (s *Source) reap() {
	s.mu.Lock()
	leaving := append([]*child(nil), s.leaving...)
	s.mu.Unlock()
	for _, c := range leaving {
		c.stop(0)
	}
}

// stuck counts the readers that were told to leave and have not. One that has
// ended by itself may be met here before reap has told it: what the agent holds
// of it is given back before it is forgotten.
func (s *Source) stuck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = slices.DeleteFunc(s.leaving, func(c *child) bool {
		if !c.gone() {
			return false
		}
		c.stop(0) // waits for nothing: it is gone
		return true
	})
	return len(s.leaving)
}

// retire takes the serving reader out and stops it.
func (s *Source) retire(grace time.Duration) {
	s.mu.Lock()
	c := s.serving
	s.serving = nil
	s.announce()
	s.mu.Unlock()
	if c != nil {
		s.end(c, grace)
	}
	s.reap()
}

// releaseWait is how long Release waits for the reader to be gone.
const releaseWait = 5 * time.Second

// Release ends the reader, so that every handle on the driver is handed back
// for a reset of a GPU or a change of MIG, and returns when it is gone, or
// after five seconds with a line in the log. Devices are in the state released
// until Resume. It may be called at any time, and twice.
func (s *Source) Release() {
	s.mu.Lock()
	if s.released || s.opt.Node == nil {
		s.mu.Unlock()
		return
	}
	s.released, s.phase, s.failure = true, nodeReleased, nil
	s.orders++
	s.ledger.all(device.StateReleased, "handles given back on request", time.Now())
	s.mu.Unlock()
	s.launching.Lock() // one that was being started is known after this
	s.mu.Lock()
	if s.abort != nil {
		s.abort()
	}
	s.mu.Unlock()
	s.launching.Unlock()
	s.retire(stopGrace)
	s.nudge()
	s.awaitGone()
}

func (s *Source) awaitGone() {
	s.mu.Lock()
	leaving := append([]*child(nil), s.leaving...)
	if s.opening != nil {
		leaving = append(leaving, s.opening)
	}
	s.mu.Unlock()
	deadline := time.After(releaseWait)
	for _, c := range leaving {
		select {
		case <-c.exited:
		case <-deadline:
			s.log.Error("the gpu reader does not end: a call is stuck in the kernel and holds its handles", "reader", c.cmd.Process.Pid)
			return
		}
	}
	s.log.Info("gpu handles released")
}

// Resume takes the devices again after Release. What is there then is what
// counts: devices that are gone are forgotten.
func (s *Source) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.released {
		return
	}
	s.released, s.fresh = false, true
	s.orders++
	s.phase = nodeStarting
	s.log.Info("gpu handles are taken again")
	s.announce()
	s.nudge()
}

// Close ends the reader and the source. It returns the context's error when
// that ends first; nothing is left to do then but to end the process.
func (s *Source) Close(ctx context.Context) error {
	s.stop()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
