package collector

import (
	"time"

	"golang.org/x/sys/unix"
)

// thread is the processor time of one thread of the process, at one moment.
type thread struct {
	id   int
	used time.Duration
}

// threadTime reads the calling thread's clock (clock_gettime(2)).
func threadTime() thread {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return thread{}
	}
	return thread{unix.Gettid(), time.Duration(ts.Nano())}
}

// moment is when something began or ended.
type moment struct {
	at     time.Time
	thread thread
}

func thisMoment() moment { return moment{time.Now(), threadTime()} }

// since is what the thread has used since an earlier reading. Go may have moved
// the caller to another thread meanwhile, which happens when it had to wait:
// then nothing is known, and 0 is less wrong than another thread's time.
func (t thread) since(begin thread) time.Duration {
	if t.id != begin.id {
		return 0
	}
	return t.used - begin.used
}
