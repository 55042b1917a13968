package gpu

import (
	"slices"
	"strings"
)

// crash is what a reader was doing when it ended by itself.
type crash struct {
	busy []string // the GPUs that were being called
	gpus int      // how many it had found
}

// crashes narrows down which GPU's calls end the reader's process, so that it
// can be left out and the others read. supervise owns it.
type crashes struct {
	row      int      // in a row
	suspects []string // GPUs that were being called at every one of them
	avoid    []string // left out from now on
}

// enough is after how many crashes in a row suspects are left out even if
// there are several.
const enough = 3

// add takes one crash, during which the given GPUs were being called; known is
// how many GPUs there are. It reports whether the GPUs to avoid have changed.
func (c *crashes) add(busy []string, known int) bool {
	busy = slices.DeleteFunc(slices.Clone(busy), func(id string) bool { return slices.Contains(c.avoid, id) })
	c.row++
	c.suspects = slices.DeleteFunc(c.suspects, func(id string) bool { return !slices.Contains(busy, id) })
	if len(c.suspects) == 0 { // no GPU explains all of them: this one may be the first of another row
		c.row, c.suspects = 1, busy
	}
	n := len(c.suspects)
	if n == 0 || c.row < 2 || n > 1 && c.row < enough || len(c.avoid)+n >= known {
		return false
	}
	c.avoid = append(c.avoid, c.suspects...)
	c.row, c.suspects = 0, nil
	return true
}

// served says that a reader served for a while: crashes before that are no row.
func (c *crashes) served() { c.row, c.suspects = 0, nil }

// trial is what another reader is to avoid: all but one of those left out,
// another one at each time, since suspects may be innocent.
func (c *crashes) trial() []string {
	if len(c.avoid) == 0 {
		return nil
	}
	c.avoid = append(c.avoid[1:], c.avoid[0])
	return slices.Clone(c.avoid[:len(c.avoid)-1])
}

// passed says that a reader which avoids no more than these serves.
func (c *crashes) passed(avoid []string) { *c = crashes{avoid: avoid} }

// blame looks at what a reader was doing when it ended by itself. One that
// crashes before it has told of any GPU has still found some.
func (s *Source) blame(c *child) {
	if c == nil || !c.gone() || c.crash == nil {
		return
	}
	s.mu.Lock()
	known, _ := s.ledger.tally()
	s.mu.Unlock()
	if s.crashes.add(c.crash.busy, max(known, c.crash.gpus)) {
		s.log.Warn("calls to a GPU end the gpu reader; it is left out for now", "gpus", strings.Join(s.crashes.avoid, ","))
	}
}
