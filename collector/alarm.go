package collector

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm wakes the loop.
type alarm interface {
	// wait returns true after d, or false when the context it was made with is done.
	wait(d time.Duration) bool
	close()
}

// goAlarm is Go's own timer.
type goAlarm struct {
	ctx   context.Context
	timer *time.Timer
}

func newGoAlarm(ctx context.Context) *goAlarm {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &goAlarm{ctx, t}
}

func (a *goAlarm) wait(d time.Duration) bool {
	a.timer.Reset(max(d, 0))
	select {
	case <-a.ctx.Done():
		return false
	case <-a.timer.C:
		return a.ctx.Err() == nil
	}
}

func (a *goAlarm) close() { a.timer.Stop() }

// kernelAlarm is a timer of the kernel's (timerfd_create(2)), which wakes the
// loop once and within tens of microseconds. Go's own timers sleep in
// epoll_wait(2), which counts in milliseconds: they take two wake-ups and come
// up to a millisecond late.
type kernelAlarm struct {
	file *os.File
	fd   int
	buf  [8]byte
	free func() bool
}

func newKernelAlarm(ctx context.Context) (*kernelAlarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	a := &kernelAlarm{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}
	// A deadline that has passed wakes a read and fails every later one.
	a.free = context.AfterFunc(ctx, func() { a.file.SetReadDeadline(time.Unix(1, 0)) })
	return a, nil
}

func (a *kernelAlarm) wait(d time.Duration) bool {
	// Zero would disarm the timer.
	when := unix.ItimerSpec{Value: unix.NsecToTimespec(max(d.Nanoseconds(), 1))}
	if unix.TimerfdSettime(a.fd, 0, &when, nil) != nil {
		return false
	}
	_, err := a.file.Read(a.buf[:])
	return err == nil
}

func (a *kernelAlarm) close() {
	a.free()
	a.file.Close()
}
