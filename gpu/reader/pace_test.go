package reader

import (
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/gpu/device"
)

// TestPaceIsOfTheDearCalls: the cheap ones are made at every tick, however far
// the agent has slowed down, and the dear ones as often as before once it has
// speeded up.
func TestPaceIsOfTheDearCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gadget{uuid: "g", calls: []device.Call{
			takes("fast", device.Fast, 0, device.OK), takes("medium", device.Medium, 0, device.OK), takes("slow", device.Slow, 0, device.OK),
		}}
		a := serve(t, &bench{devices: []device.Device{g}})
		var before [4]uint64
		for _, c := range []struct {
			pace uint16
			want [4]uint64 // fast, medium and slow calls, and details
		}{{1, [4]uint64{600, 120, 20, 600}}, {4, [4]uint64{600, 30, 5, 150}}, {1, [4]uint64{600, 120, 20, 600}}} {
			a.pace = c.pace
			after := a.calls(600, before)
			for i, want := range c.want {
				// those that go by when the pace changes, and those since the last detail
				if got := after[i] - before[i]; got > want+4 || got+4 < want {
					t.Errorf("pace %d: %d of fast, medium, slow, details %d, want %d", c.pace, got, i, want)
				}
			}
			before = after
		}
		a.leave()
	})
}

// calls ticks once a second and returns how many calls the last detail knows
// of, by tier, and how many details there have been, earlier ones included.
func (a *agent) calls(seconds int, before [4]uint64) [4]uint64 {
	now := before
	for range seconds {
		a.detail = nil
		a.tick(deadline)
		if a.detail != nil {
			now[3]++
			for i, c := range a.detail.Calls {
				now[i] = c.Count
			}
		}
		pass(time.Second)
	}
	return now
}
