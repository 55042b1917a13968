package window

import (
	"maps"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

func TestRecordSealRead(t *testing.T) {
	dir := t.TempDir()
	m := newMaker("n1", 20)
	r, err := NewRecorder(options(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	var samples []*metric.Sample
	for range 4000 { // over an hour's end
		samples = append(samples, m.sample())
		publish(t, r, samples[len(samples)-1])
	}
	closeRecorder(t, r)
	files, problems, err := Find([]string{dir}, Query{})
	if err != nil || len(problems) > 0 || len(files) != 2 {
		t.Fatalf("found %v, problems %v, %v", files, problems, err)
	}
	got, problems := readAll(t, []string{dir}, Query{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	compareCells(t, got, expect("n1", samples...))
	meta, err := files[0].Meta()
	if err != nil || meta.Node != "n1" || len(meta.Events) != 1 || len(meta.Entities) != 6 {
		t.Errorf("meta %+v, %v", meta, err)
	}
}

func compareCells(t testing.TB, got, want map[cell]float64) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	n := 0
	for k, v := range want {
		if g, ok := got[k]; (!ok || g != v) && n < 5 {
			t.Errorf("%+v: got %v (present %v), want %v", k, g, ok, v)
			n++
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok && n < 10 {
			t.Errorf("%+v: %v was never recorded", k, v)
			n++
		}
	}
	t.Errorf("%d cells read, %d recorded", len(got), len(want))
}

// TestAppendDoesNotAllocate: a tick costs no garbage once everything is described.
func TestAppendDoesNotAllocate(t *testing.T) {
	o := options(t, t.TempDir())
	o.Width, o.MaxBytes = 24*time.Hour, 1<<30 // MinFree costs a statfs, and with it the path as C wants it
	f := newFaulty(t, o)
	f.opt.open = openJournalFile
	f.m = newMaker("n1", 89)
	s := f.m.sample()
	f.w.publish(s)
	if n := testing.AllocsPerRun(200, func() { f.w.publish(s) }); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
	if lost := f.stats.lost.Load(); lost > 0 {
		t.Fatalf("%d samples lost: %v", lost, f.w.lost.why)
	}
}
