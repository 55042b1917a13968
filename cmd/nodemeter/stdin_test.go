package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Input that never comes does not keep a command from being interrupted.
func TestSilentInputIsInterrupted(t *testing.T) {
	for _, line := range []string{"summary -", "tasks summary -", "plot --format svg -o - -"} {
		ctx, cancel := context.WithCancel(t.Context())
		in, out := io.Pipe()
		asked := make(chan struct{}, 16)
		go func() {
			<-asked
			cancel()
		}()
		var stdout, stderr bytes.Buffer
		code := run(ctx, strings.Fields(line), signalling{in, asked}, &stdout, &stderr)
		if code != 1 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "interrupted") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q; want 1 and interrupted", line, code, &stdout, &stderr)
		}
		out.Close()
	}
}

// signalling says when it is read from.
type signalling struct {
	io.Reader
	asked chan<- struct{}
}

func (s signalling) Read(p []byte) (int, error) {
	s.asked <- struct{}{}
	return s.Reader.Read(p)
}

func TestInputArrivesWhole(t *testing.T) {
	want := strings.Repeat("0123456789", 1000)
	got, err := io.ReadAll(interruptible{t.Context(), iotest.OneByteReader(strings.NewReader(want))})
	if err != nil || string(got) != want {
		t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
	}
}
