// Package collector owns the tick loop: it asks every source for its numbers
// at wall-aligned instants and publishes one immutable Sample a tick.
//
// Data flow: a Runner sends a request to the goroutine of each source that is
// due; each reads into its own Batch; the Runner merges the batches that
// answered in time, stores the Sample where Latest finds it, and hands it to
// every sink in order.
//
// Concurrency: Run owns the loop and everything not said otherwise. Each source
// has one goroutine for life, which alone calls Read and recovers its panics;
// its Batch belongs to it from request to answer and to the loop in between. A
// source that does not answer blocks nothing but itself: it is not asked again
// until it has. Sinks run on the loop and must not block. Latest may be called
// from anywhere.
package collector

import (
	"context"

	"nodemeter/collector/metric"
)

// Source reads one subject. It keeps its own previous counters, so that rates
// span its own two reads; the first read gives counters and gauges but no rates.
type Source interface {
	// Descs lists every metric Read may add.
	Descs() []*metric.Desc
	// Read adds what can be read now to b. On failure it keeps what was read
	// before and returns an error that names the file or device. It is called
	// from one goroutine only. ctx ends when the tick no longer waits.
	Read(ctx context.Context, b *metric.Batch) error
}

// Entry is one line of the source table.
type Entry struct {
	Name   string
	Source Source
	// Every is the tier: the source is read on ticks whose number since the
	// epoch is a multiple of it. 0 and 1 mean every tick.
	Every int
}
