package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestPercentFlag(t *testing.T) {
	for in, want := range map[string]float64{"0": 0, "0.5": 0.5, "2%": 2, " 3 %": 3, "150": 150} {
		var p percent
		if err := p.Set(in); err != nil || p.value != want || !p.told {
			t.Errorf("%q: %+v, %v", in, p, err)
		}
	}
	for _, in := range []string{"", "%", "-1", "NaN", "half", "1e9", "+Inf"} {
		if err := new(percent).Set(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestBudgetOfAFastInterval(t *testing.T) {
	for _, c := range []struct {
		interval time.Duration
		flag     percent
		want     float64
	}{
		{time.Second, percent{value: defaultMaxCPU}, 0.005},
		{10 * time.Millisecond, percent{value: defaultMaxCPU}, 0.02},
		{100 * time.Millisecond, percent{value: defaultMaxCPU}, 0.02},
		{101 * time.Millisecond, percent{value: defaultMaxCPU}, 0.005},
		{10 * time.Millisecond, percent{value: 0.1, told: true}, 0.001},
		{time.Second, percent{told: true}, 0},
	} {
		d := &daemon{settings: &settings{interval: c.interval, maxCPU: c.flag}}
		if b := d.budget(); b.Cores != c.want {
			t.Errorf("%s %+v: %g cores, want %g", c.interval, c.flag, b.Cores, c.want)
		}
	}
}

func TestProcessTime(t *testing.T) {
	child := exec.Command("sh", "-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo done; read x")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	living := processTime(child.Process.Pid)
	in.Close()
	child.Wait() // read's failure at the end of input is no failure here
	spent := child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	if living < spent/2 || living > spent+10*time.Millisecond {
		t.Errorf("the child's clock said %s, it used %s in all", living, spent)
	}
	if processTime(child.Process.Pid) != 0 {
		t.Error("a process that has ended has a clock")
	}
}

// TestReaderTimeFollowsOneReaderAfterTheOther: neither a reader's start nor its
// end makes the sum step.
func TestReaderTimeFollowsOneReaderAfterTheOther(t *testing.T) {
	var r readerTime
	self := os.Getpid()
	if d := r.grow(self); d != 0 {
		t.Errorf("a reader's first sight counts %s", d)
	}
	for begin := time.Now(); time.Since(begin) < 5*time.Millisecond; {
		continue // use some
	}
	used := r.grow(self)
	if used <= 0 {
		t.Error("what a reader used does not count")
	}
	for _, pid := range []int{0, self, 0} { // gone, another one, gone
		if d := r.grow(pid); d != used {
			t.Errorf("reader %d: the sum steps from %s to %s", pid, used, d)
		}
	}
}
