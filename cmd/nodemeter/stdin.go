package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
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

// input is a file, or standard input.
type input struct {
	io.Reader
	file  *os.File // nil: standard input
	again bool     // it can be opened again, and begins anew
}

// openInput opens a file of a name, or standard input for "-".
func openInput(cmd *cobra.Command, path string) (*input, error) {
	if path == "-" {
		return &input{Reader: interruptible{cmd.Context(), cmd.InOrStdin()}}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	return &input{f, f, err == nil && (info.Mode().IsRegular() || info.IsDir())}, nil
}

// Close closes a file; standard input is not ours to close.
func (i *input) Close() error {
	if i.file == nil {
		return nil
	}
	return i.file.Close()
}
