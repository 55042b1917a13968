package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestJournalGetsSeverities: in the journal a line has its severity and no time
// of its own; anywhere else it has its time, JOURNAL_STREAM set or not.
func TestJournalGetsSeverities(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) {
		return fmt.Sprintf("%d:%d", st.Dev, st.Ino), name == "JOURNAL_STREAM"
	}
	s := &settings{logLevel: "debug", logFormat: "logfmt"}
	log, err := s.logger(f, env, new(slog.LevelVar))
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("d")
	log.Info("i")
	log.With("a", 1).Warn("w")
	log.Error("e")
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "<7>level=DEBUG msg=d\n<6>level=INFO msg=i\n<4>level=WARN msg=w a=1\n<3>level=ERROR msg=e\n"; string(got) != want {
		t.Errorf("the journal got\n%swant\n%s", got, want)
	}
	var pipe bytes.Buffer
	if log, err = s.logger(&pipe, env, new(slog.LevelVar)); err != nil {
		t.Fatal(err)
	}
	log.Info("i")
	if !bytes.HasPrefix(pipe.Bytes(), []byte("time=")) {
		t.Errorf("elsewhere: %s", &pipe)
	}
}
