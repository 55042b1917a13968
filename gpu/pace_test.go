package gpu

import (
	"bytes"
	"log/slog"
	"os"
	"testing"
	"time"

	"nodemeter/collector"
	"nodemeter/collector/metric"
	"nodemeter/collector/timer"
	"nodemeter/gpu/wire"
)

// TestPaceReachesTheReader: with each tick, from the next one on.
func TestPaceReachesTheReader(t *testing.T) {
	ours, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer in.Close()
	var asked bytes.Buffer
	c := &child{in: in, requests: wire.NewWriter(&asked), timer: timer.New(true), replies: make(chan wire.Message, 1)}
	s := &Source{
		opt:    Options{Node: &metric.Entity{Kind: metric.Node, ID: "n"}, Wait: time.Minute},
		ledger: newLedger(slog.New(slog.DiscardHandler)), phase: nodeOK, serving: c,
	}
	requests := wire.NewReader(&asked)
	var source collector.Paced = s
	for i, pace := range []int{4, 1} {
		source.SetPace(pace)
		c.replies <- &wire.Snapshot{Seq: uint64(i + 1)}
		if err := s.Read(t.Context(), &metric.Batch{}); err != nil {
			t.Fatal(err)
		}
		m, err := requests.Read()
		if tick, ok := m.(*wire.Tick); !ok || int(tick.Pace) != pace {
			t.Errorf("told pace %d, asked for %+v, %v", pace, m, err)
		}
	}
}
