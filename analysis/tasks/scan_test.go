package tasks

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// endless is a line that never ends, n bytes of it.
func endless(n int64) io.Reader { return io.LimitReader(zeros{}, n) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// stopping is a reader of nothing that calls itself.
type stopping func()

func (s stopping) Read([]byte) (int, error) {
	s()
	return 0, io.EOF
}

// A line without end must not be kept in memory, quoted or not.
func TestLongLinesAreNotKept(t *testing.T) {
	for _, head := range []string{"", `"`} {
		text := io.MultiReader(strings.NewReader(head), endless(64<<20), strings.NewReader("\nnext,line\n"))
		s := newScanner(text)
		rec, err := s.scan()
		if err != nil || !strings.Contains(rec.broken, "4 MiB") {
			t.Errorf("%q: broken %q, %v", head, rec.broken, err)
		}
		if kept := cap(s.long) + cap(s.buf); kept > 6*maxRecord {
			t.Errorf("%q: %d MiB kept of a line of 64", head, kept>>20)
		}
		if rec, err = s.scan(); err != nil || len(rec.fields) != 2 || rec.broken != "" {
			t.Errorf("%q: the line after it: %q %q %v", head, rec.fields, rec.broken, err)
		}
	}
}

func TestLongRowIsRejected(t *testing.T) {
	head := "task_id,wait_time_secs,execution_secs,status\n"
	text := io.MultiReader(strings.NewReader(head+"a,1,2,SUCCESS\n"), endless(5<<20), strings.NewReader("\nb,1,2,SUCCESS\n"))
	s, err := Read(t.Context(), "x", text, Run{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f := s.Files[0]; f.Rows != 2 || f.Rejected != 1 || f.Rejects[0].Line != 3 || !strings.Contains(f.Rejects[0].Reason, "4 MiB") {
		t.Errorf("%d rows, %d rejected: %+v", f.Rows, f.Rejected, f.Rejects)
	}
}

// Reading ends with its context even within one line.
func TestReadingStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	text := io.MultiReader(endless(1<<20), stopping(cancel), endless(1<<30))
	_, err := Read(ctx, "x", text, Run{}, Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A failure to read scaling rows is not the lack of a header.
func TestScalingSaysWhatFailed(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, _, err := ReadScaling(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, _, err := ReadScaling(bytes.NewReader(nil)); !errors.Is(err, ErrNoHeader) {
		t.Errorf("an empty file: %v", err)
	}
}
