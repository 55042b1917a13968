//go:build cgo

package gpu_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHangsAgainAndAgain: each GPU in turn hangs and comes back, and at every
// tick, the one at which the call gets stuck among them, the seven others are
// read. NODEMETER_HANGS is how many hangs, to run it long beside other load: with
// 2 s a tick then, because a machine with ten times its load may leave a process
// without a processor for longer than the 0.4 s of these tests.
func TestHangsAgainAndAgain(t *testing.T) {
	r, hangs := newRig(t, fakeLibrary(t)), 4
	if s := os.Getenv("NODEMETER_HANGS"); s != "" {
		var err error
		if hangs, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
		r.opt.Wait = 2 * time.Second
	}
	r.start()
	r.until("all is well", func(v view) bool { return v.states() == allOK })
	hung := 0
	for n := range hangs {
		i := n % 8
		states := strings.Fields(allOK)
		states[i] = "hung"
		want := strings.Join(states, " ")
		for _, script := range []string{"hang " + strconv.Itoa(i), "count 8"} {
			r.set("count 8", script)
			r.until(script, func(v view) bool {
				others(t, v, i)
				if v.states() == want {
					hung++
				}
				return v.states() == map[bool]string{true: want, false: allOK}[script != "count 8"]
			})
		}
		for range 5 { // and well again
			v, err := r.tick()
			if err != nil || v.states() != allOK {
				t.Fatalf("after hang %d: %s, %v", n, v.states(), err)
			}
		}
	}
	if hung < hangs {
		t.Errorf("%d ticks with a hang, of %d hangs", hung, hangs)
	}
	t.Logf("%d hangs, %d ticks, %d reads of healthy GPUs, none missed; hung at %d ticks", hangs, r.ticks, 7*r.ticks, hung)
}
