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

// TestSignalsWhileStarting sends what would end the process by default while it
// starts: when it looks for the directory of windows, which is none here.
func TestSignalsWhileStarting(t *testing.T) {
	s := &settings{}
	s.flags()
	s.listen = []string{"none"}
	env := func(name string) (string, bool) {
		if name != "STATE_DIRECTORY" {
			return "", false
		}
		for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
			if err := syscall.Kill(os.Getpid(), sig); err != nil {
				t.Error(err)
			}
		}
		return "/dev/null", true
	}
	err := serve(context.Background(), s, &configuration{env: env}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "windows directory: mkdir /dev/null") {
		t.Errorf("got %v, want an error about the directory", err)
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
