package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// inJournal reports whether w is systemd's journal, which then has the time and
// wants the severity in front of each line (systemd.exec(5), JOURNAL_STREAM;
// sd-daemon(3)). journalctl -p warning works by it.
func inJournal(w io.Writer, env lookup) bool {
	f, ok := w.(*os.File)
	stream, _ := env("JOURNAL_STREAM")
	if !ok || stream == "" {
		return false
	}
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// journalLines are a log's lines on their way to the journal.
type journalLines struct {
	mu       sync.Mutex
	to       io.Writer
	severity int // of the line that comes next
}

// Write puts the severity in front of a line: slog writes one at a time.
func (j *journalLines) Write(line []byte) (int, error) {
	if _, err := j.to.Write(append(fmt.Appendf(nil, "<%d>", j.severity), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// journalHandler tells its lines how severe they are.
type journalHandler struct {
	slog.Handler
	lines *journalLines
}

// Handle implements slog.Handler.
func (h journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	switch { // syslog(3)
	case r.Level >= slog.LevelError:
		h.lines.severity = 3
	case r.Level >= slog.LevelWarn:
		h.lines.severity = 4
	case r.Level >= slog.LevelInfo:
		h.lines.severity = 6
	default:
		h.lines.severity = 7
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return journalHandler{h.Handler.WithAttrs(attrs), h.lines}
}

// WithGroup implements slog.Handler.
func (h journalHandler) WithGroup(name string) slog.Handler {
	return journalHandler{h.Handler.WithGroup(name), h.lines}
}

// withoutTime leaves out what the journal keeps itself.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
