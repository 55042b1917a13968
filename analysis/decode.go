package analysis

import (
	"context"
	"runtime"
	"sync"

	"nodemeter/collector/window"
)

// source is one file of a recording, or all of a CSV.
type source struct {
	name  string
	bytes int64
	// read sends what the file holds: its Meta first, then chunks, which it
	// must not touch again. Damage is sent as problems; an error is I/O.
	read func(ctx context.Context, send func(piece) error) error
}

// piece is what a source sends; one of its fields is set.
type piece struct {
	meta     *window.Meta
	chunk    *window.Chunk
	problems []window.Problem
	err      error
	// pool takes the chunk back after use; nil where it is not to be used again.
	pool *sync.Pool
}

// piecesAhead is how many chunks a decoder may be ahead of the accumulator.
const piecesAhead = 8

// decode reads sources on all cores and hands their pieces to use in order:
// source by source, whatever finished first, so that the same input gives the
// same figures bit for bit. As many files are open as there are cores. done is
// called after each source.
func decode(ctx context.Context, sources []source, use func(piece) error, done func(source)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queues := make(chan chan piece, runtime.GOMAXPROCS(0)-1)
	go func() {
		defer close(queues)
		for _, s := range sources {
			q := make(chan piece, piecesAhead)
			select {
			case queues <- q:
			case <-ctx.Done():
				return
			}
			go readSource(ctx, s, q)
		}
	}()
	at := 0
	for q := range queues {
		for p := range q {
			err := p.err
			if err == nil {
				err = use(p)
			}
			if p.pool != nil {
				p.pool.Put(p.chunk)
			}
			if err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		done(sources[at])
		at++
	}
	return ctx.Err()
}

// readSource owns q: it alone sends and closes.
func readSource(ctx context.Context, s source, q chan<- piece) {
	defer close(q)
	send := func(p piece) error {
		select {
		case q <- p:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := s.read(ctx, send); err != nil && ctx.Err() == nil {
		_ = send(piece{err: err}) // fails only when nobody listens any more
	}
}
