package timer

import (
	"testing"
	"testing/synctest"
	"time"
)

// expired waits for the time that the timer was set to.
func expired(t *Timer) {
	for {
		<-t.C
		if t.Expired() {
			return
		}
	}
}

func TestKernelTimer(t *testing.T) {
	a, b := New(true), New(true)
	defer b.Close()
	if a.file == nil {
		t.Fatal("no timer of the kernel's")
	}
	begin := time.Now()
	a.Set(3 * time.Millisecond)
	expired(a)
	if d := time.Since(begin); d < 3*time.Millisecond {
		t.Errorf("over after %v", d)
	}
	a.Set(0)
	expired(a)
	a.Set(time.Millisecond)
	a.Stop()
	b.Set(10 * time.Millisecond)
	expired(b) // by then the other would have sent
	select {
	case <-a.C:
		t.Error("a timer that was stopped has sent")
	default:
	}
	if a.Expired() {
		t.Error("a timer that was stopped is over")
	}
	a.Set(time.Hour)
	if a.Expired() {
		t.Error("an hour is over")
	}
	a.Close()
	a.Set(0)
	a.Stop()
	a.Close()
}

// TestWhatComesOfAnEarlierSetting: it is told by Expired.
func TestWhatComesOfAnEarlierSetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(false)
		defer a.Close()
		a.Set(time.Second)
		time.Sleep(2 * time.Second)
		a.Set(time.Second)
		<-a.C // of the first
		if a.Expired() {
			t.Error("the second setting is over at once")
		}
		expired(a)
	})
}

func TestGoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(false)
		begin := time.Now()
		a.Set(time.Minute)
		expired(a)
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("over after %v", d)
		}
		a.Set(time.Second)
		a.Stop()
		time.Sleep(time.Minute)
		select {
		case <-a.C:
			t.Error("a timer that was stopped has sent")
		default:
		}
		a.Close()
	})
}

func TestSettingDoesNotAllocate(t *testing.T) {
	a := New(true)
	defer a.Close()
	if n := testing.AllocsPerRun(100, func() { a.Set(time.Hour); a.Stop() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
