package worker

import (
	"slices"
	"strconv"
	"testing"
)

func TestNumbersGivenBetween(t *testing.T) {
	for _, c := range []struct {
		from, last, largest int
		want                []int
		ok                  bool
	}{
		{10, 10, 100, nil, true},
		{10, 13, 100, []int{11, 12, 13}, true},
		{998, 301, 1000, []int{999, 1000, 300, 301}, true},
		{998, 301, 0, nil, false},   // the largest number is unknown
		{998, 301, 500, nil, false}, // or was made smaller meanwhile
		{10, 10 + maxRange + 1, 1 << 22, nil, false},
		{500, 400, 1 << 22, nil, false},
	} {
		a := arrivals{largest: c.largest}
		if got, ok := a.between(c.from, c.last); ok != c.ok || !slices.Equal(got, c.want) {
			t.Errorf("from %d to %d of %d: %v %v", c.from, c.last, c.largest, got, ok)
		}
	}
}

func TestOnlyNewNumbersAreLookedAt(t *testing.T) {
	m := newMachine(t)
	s := m.source(Options{})
	s.sight.arrivals.inOrder = true
	last := func(pid int) { m.write("proc/loadavg", "0 0 0 1/9 "+strconv.Itoa(pid)+"\n") }
	last(50)
	m.dask(20, "", 5)
	near(t, "workers at first", read(t, s)[""]["worker_count"], 1)
	m.dask(60, "", 5)
	near(t, "workers while the last number stands", read(t, s)[""]["worker_count"], 1)
	last(62)
	near(t, "workers after it moved", read(t, s)[""]["worker_count"], 2)
	m.put(proc{pid: 63, ppid: 62, comm: "x", start: 300, own: 7})
	last(63)
	near(t, "CPU seconds with the new child", read(t, s)["dask-60-2s"]["worker_cpu_seconds"], 0.23)
}
