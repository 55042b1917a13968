package gpu_test

import (
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

const allOK = "ok ok ok ok ok ok ok ok"

func TestReadsEightGPUs(t *testing.T) {
	r := newRig(t, fakeLibrary(t))
	r.set("count 8", "util 0 80", "util 1 40")
	r.start()
	v, err := r.tick()
	if err != nil {
		t.Fatalf("first read: %v\n%s", err, r.log)
	}
	t.Log(v)
	if v.node() != "ok" || v.states() != allOK {
		t.Errorf("node %s, devices %s", v.node(), v.states())
	}
}

func TestDescs(t *testing.T) {
	r := newRig(t, "").start()
	if err := metric.Check(r.src.Descs()); err != nil {
		t.Error(err)
	}
	_ = strings.Join
}
