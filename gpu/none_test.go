package gpu_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/gpu"
)

// TestNoGPUCostsNothing: on a node without a driver no process is started, and
// a tick allocates nothing.
func TestNoGPUCostsNothing(t *testing.T) {
	s := gpu.New(gpu.Options{Node: &metric.Entity{Kind: metric.Node, ID: "n"}, Root: t.TempDir(), Executable: "/nonexistent", Log: slog.New(slog.DiscardHandler), Wait: time.Minute})
	defer s.Close(context.Background())
	var b metric.Batch
	tick := func() {
		b.Reset()
		if err := s.Read(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
	tick() // waits for the first look
	if p, _ := b.Readings()[0].Get("gpu_state"); p.StateName() != "none" {
		t.Fatalf("state %s", p.StateName())
	}
	if n := testing.AllocsPerRun(100, tick); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
	if st := s.Status(); st.ReadersStarted != 0 {
		t.Errorf("%d readers started", st.ReadersStarted)
	}
}
