package main

import (
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// The kernel may let a sleep last longer by its thread's timer slack, so as to
// wake up for several things at once: 50 us unless somebody says otherwise
// (prctl(2), PR_SET_TIMERSLACK). Go's runtime has a thread that sleeps 20 us at
// a time while anything runs, ten times and more a tick, which costs an idle
// machine more than the tick does. Ticks themselves come from timers that know
// no slack (timerfd_create(2)).
const (
	defaultSlack = 50_000    // nanoseconds
	ourSlack     = 1_000_000 // nanoseconds
	slackTried   = "_NODEMETERD_SLACK"
)

// lengthenSlack begins the program anew with a longer timer slack: threads
// inherit it when they are made, and by now the runtime has made its own. It
// returns where that has been done, where somebody has set another slack
// (systemd's TimerSlackNSec=), and where it cannot be done.
func lengthenSlack() {
	_, tried := os.LookupEnv(slackTried)
	os.Unsetenv(slackTried)
	if slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); tried || err != nil || slack != defaultSlack {
		return
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	runtime.LockOSThread() // the slack is this thread's, and survives its execve
	defer runtime.UnlockOSThread()
	if unix.Prctl(unix.PR_SET_TIMERSLACK, ourSlack, 0, 0, 0) != nil {
		return
	}
	// It returns only when it fails: the program was replaced meanwhile.
	_ = unix.Exec(program, os.Args, append(slices.Clone(os.Environ()), slackTried+"=1"))
}
