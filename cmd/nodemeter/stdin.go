package main

import (
	"context"
	"io"
)

// interruptible is standard input that Ctrl-C ends: nothing wakes a read of a
// terminal or pipe, so each is left behind in a goroutine of its own when ctx ends first.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	own := make([]byte, len(p)) // what is left behind must not write to p later
	done := make(chan result, 1)
	go func() {
		n, err := i.r.Read(own)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return copy(p, own[:r.n]), r.err
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	}
}
