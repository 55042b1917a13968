package window

import (
	"testing"
	"time"
)

// TestStatsWhileTheDiskHangs: a scrape is answered while the recorder waits for
// a file system that does not answer.
func TestStatsWhileTheDiskHangs(t *testing.T) {
	o := options(t, t.TempDir())
	o.MinFree = 1
	hangs, answered := make(chan bool), make(chan bool)
	o.free = func(string) (int64, error) {
		hangs <- true
		<-answered
		return 1 << 40, nil
	}
	l := &ledger{opt: &o}
	r := &Recorder{opt: o, ledger: l}
	grown := make(chan error)
	go func() { grown <- l.grow("d/_20260101T000000Z_3600s_001.journal", 0, 10) }()
	<-hangs
	got := make(chan Stats, 1)
	go func() { got <- r.Stats() }()
	select {
	case <-got:
	case <-time.After(10 * time.Second):
		t.Error("the figures wait for the disk")
	}
	close(answered)
	if err := <-grown; err != nil {
		t.Fatal(err)
	}
	if s := r.Stats(); s.DiskBytes != 10 {
		t.Errorf("%d bytes, want 10", s.DiskBytes)
	}
}
