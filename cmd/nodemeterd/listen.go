package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/prometheus/exporter-toolkit/web"

	"nodemeter/exporter"
)

// endpoint is where the daemon is reached over HTTP.
type endpoint struct {
	listeners []net.Listener
	config    *webConfig // nil without one
	scheme    string
	log       *slog.Logger
	server    *http.Server
	failed    chan error // what ended serving, nil after shutdown
}

// listen opens the sockets and checks the web configuration, so that a port in
// use or a bad certificate is known before anything is recorded.
func listen(s *settings, log *slog.Logger) (*endpoint, error) {
	e := &endpoint{scheme: "http", log: log, failed: make(chan error, 1)}
	if !s.serves() {
		return e, nil
	}
	var err error
	if e.config, err = newWebConfig(s.webConfigFile); err != nil {
		return nil, err
	}
	if e.config != nil {
		e.scheme = "http(s)"
	}
	if s.systemdSocket {
		ls, err := activation.Listeners()
		if err == nil && len(ls) == 0 {
			err = errors.New("systemd passed none; is there a .socket unit?")
		}
		if err != nil {
			return nil, fmt.Errorf("systemd sockets: %w", err)
		}
		e.listeners = ls
		return e, nil
	}
	for _, address := range s.listen {
		l, err := net.Listen("tcp", address)
		if err != nil {
			e.close()
			return nil, listenError(address, err)
		}
		e.listeners = append(e.listeners, l)
	}
	return e, nil
}

// listenError says what to do about an address that cannot be had.
func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("address %s is in use: another nodemeterd may be running here; choose another with --web.listen-address (127.0.0.1:0 is any free port, none serves nothing)", address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("address %s is not allowed: ports below 1024 need a privilege; choose another with --web.listen-address", address)
	}
	return fmt.Errorf("listen on %s: %w", address, err)
}

// urls are what to type into a browser.
func (e *endpoint) urls() []string {
	var out []string
	for _, l := range e.listeners {
		if l.Addr().Network() != "tcp" {
			out = append(out, l.Addr().String())
			continue
		}
		out = append(out, e.scheme+"://"+l.Addr().String()+"/")
	}
	return out
}

// describe says where the daemon listens and who can reach it.
func (e *endpoint) describe() string {
	if len(e.listeners) == 0 {
		return "nothing (--web.listen-address=none)"
	}
	return strings.Join(e.urls(), " ")
}

// reach says who can get there.
func (e *endpoint) reach() string {
	if len(e.listeners) == 0 {
		return "nowhere"
	}
	for _, l := range e.listeners {
		if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
			return "other machines"
		}
	}
	return "this machine only"
}

// serve answers until shutdown.
func (e *endpoint) serve(h http.Handler) {
	if len(e.listeners) == 0 {
		return
	}
	e.server = exporter.NewServer(h, e.log)
	quiet := slog.New(atLeast{e.log.Handler(), slog.LevelWarn}) // we say ourselves where we listen
	file := e.config.copied()
	config := &web.FlagConfig{WebConfigFile: &file}
	server := e.server
	go func() {
		err := web.ServeMultiple(e.listeners, server, config, quiet)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		e.failed <- err
	}()
}

// shutdownGrace is how long a scrape under way may take to finish at the end.
const shutdownGrace = 300 * time.Millisecond

func (e *endpoint) shutdown() {
	if e.server == nil {
		e.close()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if e.server.Shutdown(ctx) != nil {
		e.server.Close()
	}
}

func (e *endpoint) close() {
	for _, l := range e.listeners {
		l.Close()
	}
}

// atLeast is a slog.Handler that drops what is less severe than a level.
type atLeast struct {
	slog.Handler
	level slog.Level
}

// Enabled implements slog.Handler.
func (h atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}

// WithAttrs implements slog.Handler.
func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(attrs), h.level}
}

// WithGroup implements slog.Handler.
func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}
