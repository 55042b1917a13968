package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/collector"
	"nodemeter/collector/metric"
)

// systemdSocket stands in for systemd: it returns the function that reads the
// next message.
func systemdSocket(t *testing.T) (next func() string) {
	t.Helper()
	c := listenAsSystemd(t)
	return func() string {
		t.Helper()
		b := make([]byte, 4096)
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func listenAsSystemd(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return c
}

func expectMessage(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("systemd got %q, want %q", got, want)
	}
}

func TestNotifierTellsSystemd(t *testing.T) {
	next := systemdSocket(t)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	n := newNotifier(time.Second, slog.New(slog.DiscardHandler))
	n.ready("sampling")
	expectMessage(t, next(), "READY=1\nSTATUS=sampling")
	n.tick(nil)
	expectMessage(t, next(), "WATCHDOG=1")
	n.tick(nil) // too soon for another
	n.stopping("sealing")
	expectMessage(t, next(), "STOPPING=1\nSTATUS=sealing")
}

func TestWatchdogShorterThanTheIntervalIsStretched(t *testing.T) {
	next := systemdSocket(t)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	n := newNotifier(time.Minute, slog.New(slog.DiscardHandler))
	expectMessage(t, next(), "WATCHDOG_USEC=180000000")
	if n.every != 45*time.Second {
		t.Errorf("pats every %s", n.every)
	}
}

// TestWatchdogHearsOfTheTickLoopOnly: a loop that is stuck pats no more, while
// everything else in the process goes on.
func TestWatchdogHearsOfTheTickLoopOnly(t *testing.T) {
	socket := listenAsSystemd(t)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	synctest.Test(t, func(t *testing.T) {
		n := newNotifier(time.Second, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		samples, stuck := 0, make(chan struct{})
		runner, err := collector.New(collector.Options{Interval: time.Second, Sinks: []func(*metric.Sample){n.tick, func(*metric.Sample) {
			if samples++; samples == 40 {
				<-stuck
			}
		}}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- runner.Run(ctx) }()
		<-time.After(10 * time.Minute)
		stop()
		close(stuck)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if err := socket.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	pats, b := 0, make([]byte, 4096)
	for {
		n, err := socket.Read(b)
		if err != nil {
			break // no more
		}
		expectMessage(t, string(b[:n]), "WATCHDOG=1")
		pats++
	}
	// One at the first tick, then every 8 s of the first 40, and one by the
	// sample that is taken at the end.
	if pats != 6 {
		t.Errorf("%d messages, want 6", pats)
	}
}

func TestNotifierWithoutSystemdIsSilent(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	var log bytes.Buffer
	n := newNotifier(time.Second, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	n.ready("")
	n.tick(nil)
	n.stopping("")
	if log.Len() > 0 {
		t.Error(log.String())
	}
}
