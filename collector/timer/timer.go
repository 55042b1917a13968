// Package timer is for deadlines that are set at every tick and hardly ever
// reached.
//
// Go's own timers are made for the contrary: one that was stopped stays in the
// runtime's heap until the time it was set to, as long as few others do, and
// the process is woken up for it then (runtime/time.go, timers.check). On an
// idle machine such a wake-up costs as much as a tick. The kernel forgets a
// timer (timerfd_create(2)) when it is told to.
package timer

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Timer sends on C when the time is over that it was set to. What comes from C
// may be of an earlier setting: ask Expired. Set, Stop and Expired are called by
// one goroutine.
type Timer struct {
	C <-chan struct{}

	c   chan struct{}
	due time.Time   // zero: stopped
	own *time.Timer // Go's, or nil

	mu   sync.Mutex // guards what follows against Close
	file *os.File   // the kernel's, or nil
	fd   int        // -1: closed
}

// New makes a timer that is stopped: the kernel's, or Go's where that is not
// wanted (within testing/synctest) or cannot be had. Close ends it.
func New(kernel bool) *Timer {
	c := make(chan struct{}, 1)
	t := &Timer{C: c, c: c}
	if kernel {
		if t.file, t.fd = timerfd(); t.file != nil {
			go t.run()
			return t
		}
	}
	t.own = time.AfterFunc(time.Hour, t.send)
	t.own.Stop()
	return t
}

// timerfd makes a timer of the kernel's that can be waited for, or none.
func timerfd() (*os.File, int) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, 0
	}
	f := os.NewFile(uintptr(fd), "timerfd")
	if f.SetReadDeadline(time.Time{}) != nil { // Go does not wait for it: out of memory or epoll watches
		f.Close()
		return nil, 0
	}
	return f, fd
}

func (t *Timer) send() {
	select {
	case t.c <- struct{}{}:
	default:
	}
}

// run waits for the kernel until the timer is closed.
func (t *Timer) run() {
	var expirations [8]byte
	for {
		if _, err := t.file.Read(expirations[:]); err != nil {
			return
		}
		t.send()
	}
}

// Set makes the timer send after d.
func (t *Timer) Set(d time.Duration) {
	t.due = time.Now().Add(d)
	t.arm(max(d, 1))
}

// Stop makes the timer send no more.
func (t *Timer) Stop() {
	t.due = time.Time{}
	t.arm(0)
}

// Expired reports whether the time is over that the timer was set to last.
func (t *Timer) Expired() bool {
	return !t.due.IsZero() && !time.Now().Before(t.due)
}

// arm sets what sends; 0 stops it.
func (t *Timer) arm(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.fd < 0:
	case t.file != nil:
		when := unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
		if err := unix.TimerfdSettime(t.fd, 0, &when, nil); err != nil {
			panic(fmt.Sprintf("timerfd_settime: %v", err)) // the descriptor is ours and the time is valid
		}
	case d == 0:
		t.own.Stop()
	default:
		t.own.Reset(d)
	}
}

// Close ends the timer, which never sends from then on. It may be called at any time.
func (t *Timer) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fd = -1
	if t.file != nil {
		t.file.Close()
		return
	}
	t.own.Stop()
}
