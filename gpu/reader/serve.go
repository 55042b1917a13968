package reader

import (
	"fmt"
	"io"
	"time"

	"nodemeter/gpu/wire"
)

// Serve answers the agent's ticks until in ends, which is the order to leave,
// and returns nil then. It does not wait for calls that are stuck: the caller
// ends the process.
func Serve(cfg Config, in io.Reader, out io.Writer) error {
	s := server{engine: newEngine(cfg), out: wire.NewWriter(out)}
	defer s.engine.leave()
	requests := wire.NewReader(in)
	for {
		m, err := requests.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read from the agent: %w", err)
		}
		tick, ok := m.(*wire.Tick)
		if !ok {
			return fmt.Errorf("the agent sent a %T, which is the reader's to send", m)
		}
		if err := s.answer(tick); err != nil {
			return fmt.Errorf("answer the agent: %w", err)
		}
	}
}

type server struct {
	engine *engine
	out    *wire.Writer
	detail time.Time
}

// answer sends a Snapshot, and before it whatever it needs to be understood.
func (s *server) answer(t *wire.Tick) error {
	c := s.engine.tick(t)
	if h := s.engine.greeting(); h != nil {
		if err := s.out.Write(h); err != nil {
			return err
		}
	}
	if c.changed {
		if err := s.out.Write(s.engine.inventory(c)); err != nil {
			return err
		}
	}
	if time.Since(s.detail) >= s.engine.cfg.DetailEvery*time.Duration(t.Pace) {
		if err := s.out.Write(s.engine.detail()); err != nil {
			return err
		}
		s.detail = time.Now()
	}
	return s.out.Write(&wire.Snapshot{Seq: t.Seq, Devices: c.devices})
}
