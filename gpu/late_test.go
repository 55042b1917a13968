package gpu

import (
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"nodemeter/collector/timer"
	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// TestLateAnswersAreCounted: a snapshot that comes after its tick was given up
// is not this tick's reading, but no event and no second of it is lost.
func TestLateAnswersAreCounted(t *testing.T) {
	ours, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer in.Close()
	c := &child{in: in, requests: wire.NewWriter(io.Discard), timer: timer.New(true), replies: make(chan wire.Message, 8), seq: 2}
	device1 := &wire.Inventory{Count: 1, Devices: []wire.DeviceInfo{{Info: device.Info{UUID: "GPU-1"}}}}
	snapshot := func(seq uint64, util, busy float64, xids int64) *wire.Snapshot {
		return &wire.Snapshot{Seq: seq, Devices: []wire.DeviceValues{{Values: []device.Value{
			device.FloatValue(device.Util, util), device.FloatValue(device.BusyDelta, busy), device.IntValue(device.XIDDelta, xids),
		}}}}
	}
	for _, m := range []wire.Message{device1, snapshot(1, 0.1, 1, 2), snapshot(2, 0.2, 10, 0), snapshot(3, 0.3, 100, 1)} {
		c.replies <- m
	}
	r, err := c.ask(time.Minute, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := &Source{ledger: newLedger(slog.New(slog.DiscardHandler))}
	if err := s.enter(r); err != nil {
		t.Fatal(err)
	}
	a := s.ledger.devices["GPU-1"]
	if a.sums[device.BusyDelta] != 111 || a.sums[device.XIDDelta] != 3 {
		t.Errorf("%g seconds and %g events, want 111 and 3", a.sums[device.BusyDelta], a.sums[device.XIDDelta])
	}
	if len(a.values) != 3 || a.values[0].Float() != 0.3 {
		t.Errorf("values %v, want those of the last tick", a.values)
	}
}
