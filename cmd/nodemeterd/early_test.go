package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/pflag"
)

// TestSignalsWhileStarting sends what would end the process by default while
// the start waits for a file.
func TestSignalsWhileStarting(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "web.yml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &settings{}
	s.flags()
	s.webConfigFile = pipe
	ended := make(chan error)
	go func() { ended <- serve(context.Background(), s, &configuration{}, slog.New(slog.DiscardHandler)) }()
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits for the reader
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.WriteString("no configuration\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), pipe) {
		t.Errorf("got %v, want an error about %s", err, pipe)
	}
}

func TestConfigTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yml")
	if err := os.WriteFile(path, []byte(strings.Repeat("# x\n", maxConfig/4+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := readConfig(path, pflag.NewFlagSet("", pflag.ContinueOnError))
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v, want a refusal", err)
	}
}
