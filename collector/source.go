// Package collector owns the tick loop: it asks every source for its numbers
// at wall-aligned instants and publishes one immutable Sample a tick.
//
// Data flow: at each tick a Runner lists the sources that are due; a goroutine
// reads them one after another, each into a Batch of its own; the batches that
// answered in time become the Sample, which is handed to every sink in order.
//
// Concurrency: Run owns the loop and everything not said otherwise. The
// goroutine that reads takes sources off the list; when it is stuck in one,
// another takes the rest, so that a source that does not answer blocks nothing
// but itself: it is not asked again until it has. Panics are recovered there. A
// source's Batch belongs to whoever reads it from request to answer and to the
// loop in between. Sinks run on the loop and must not block.
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
}
