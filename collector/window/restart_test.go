package window

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// TestRestart: what a run leaves open is gone on with by the same boot, agent
// and interval, and is a part of its own otherwise; nothing is lost or doubled.
func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		tear   int64 // bytes cut off the journal
		garble bool  // a byte in the middle is damaged
		parts  int
	}{
		{name: "same", parts: 1},
		{name: "torn", tear: 5, parts: 1},
		{name: "another boot", change: func(o *Options) { o.BootID = "boot-2" }, parts: 2},
		{name: "another agent", change: func(o *Options) { o.Agent = "1.1.0" }, parts: 2},
		{name: "another interval", change: func(o *Options) { o.Interval = 10 * time.Second }, parts: 2},
		{name: "damaged inside", garble: true, parts: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t, t.TempDir())
			m := newMaker("n1", 10)
			var samples []*metric.Sample
			for range 20 {
				samples = append(samples, m.sample())
			}
			path := writeJournal(t, o, samples)
			if c.tear > 0 {
				tear(t, path, c.tear)
				samples = samples[:19]
			}
			if c.garble {
				j := openTestJournal(t, path)
				garble(t, path, j.ticks[10].offset+20)
				samples = slices.Delete(samples, 10, 11)
			}
			if c.change != nil {
				c.change(&o)
			}
			r, err := NewRecorder(o)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				samples = append(samples, m.sample())
				publish(t, r, samples[len(samples)-1])
			}
			closeRecorder(t, r)
			if s := r.Stats(); s.Recovered != 1 || s.Sealed != int64(c.parts) {
				t.Errorf("stats %+v", s)
			}
			files, _, err := Find([]string{o.Dir}, Query{})
			if err != nil || len(files) != c.parts {
				t.Fatalf("%d files, want %d: %v", len(files), c.parts, err)
			}
			got, problems := readAll(t, []string{o.Dir}, Query{})
			if len(problems) > 0 {
				t.Error(problems)
			}
			compareCells(t, got, expect("n1", samples...))
			m1, err := files[0].Meta()
			if err != nil {
				t.Fatal(err)
			}
			says := slices.ContainsFunc(m1.Events, func(e metric.Event) bool {
				return e.Kind == metric.EventRecovered && strings.Contains(e.Detail, "byte")
			})
			if damaged := c.tear > 0 || c.garble; says != damaged {
				t.Errorf("the metadata speaks of damage: %v, there was some: %v", says, damaged)
			}
		})
	}
}

func tear(t *testing.T, path string, n int64) {
	t.Helper()
	st, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, st.Size()-n)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func garble(t *testing.T, path string, at int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 0x55
	overwrite(t, path, b)
}

// TestOldWindowsAreSealedAtStart: journals of other spans are sealed, a
// sealed one's journal goes, and a half-made temporary file too.
func TestOldWindowsAreSealedAtStart(t *testing.T) {
	o := options(t, t.TempDir())
	m := newMaker("n1", 10)
	var samples []*metric.Sample
	for range 3 {
		part := []*metric.Sample{m.sample(), m.sample()}
		samples = append(samples, part...)
		writeJournal(t, o, part)
		m.at = m.at.Add(time.Hour)
	}
	dir := filepath.Join(o.Dir, "node=n1", "date=2026-01-02")
	overwrite(t, filepath.Join(dir, "_20260102T150000Z_3600s_001.tmp"), []byte("half"))
	r, err := NewRecorder(o)
	if err != nil {
		t.Fatal(err)
	}
	closeRecorder(t, r)
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, n := range names {
		if ext := filepath.Ext(n); ext != extSealed && ext != extManifest {
			t.Errorf("%s is left", n)
		}
	}
	if len(names) != 6 {
		t.Errorf("files %v", names)
	}
	got, _ := readAll(t, []string{o.Dir}, Query{})
	compareCells(t, got, expect("n1", samples...))
}

// TestSealFails: a window that cannot be sealed is read as it is and sealed by the next run.
func TestSealFails(t *testing.T) {
	o := options(t, t.TempDir())
	o.Seal = func(context.Context, string) error { return errors.New("no room") }
	m := newMaker("n1", 10)
	if s := record(t, o, m, 10); s.SealErrors != 1 || s.Sealed != 0 {
		t.Errorf("stats %+v", s)
	}
	got, _ := readAll(t, []string{o.Dir}, Query{})
	o.Seal = nil
	record(t, o, newMaker("n1", 10), 0)
	files, _, _ := Find([]string{o.Dir}, Query{})
	if len(files) != 1 || !files[0].Sealed {
		t.Fatalf("files %v", files)
	}
	again, _ := readAll(t, []string{o.Dir}, Query{})
	compareCells(t, again, got)
}

// TestEverySortOfEvent goes through the journal and the sealed file unchanged.
func TestEverySortOfEvent(t *testing.T) {
	o := options(t, t.TempDir())
	m := newMaker("n1", 5)
	s := m.sample()
	s.Events = nil
	for k := metric.EventStart; k <= metric.EventDevice; k++ {
		s.Events = append(s.Events, metric.Event{Kind: k, Time: s.Time.Add(time.Duration(k) * time.Millisecond), By: -90 * time.Minute, Count: int64(k), Detail: "why: " + k.String()})
	}
	path := writeJournal(t, o, []*metric.Sample{s})
	for range 2 {
		files, _, err := Find([]string{o.Dir}, Query{})
		if err != nil {
			t.Fatal(err)
		}
		meta, err := files[0].Meta()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(meta.Events, s.Events, func(a, b metric.Event) bool {
			return a.Time.Equal(b.Time) && a.Kind == b.Kind && a.By == b.By && a.Count == b.Count && a.Detail == b.Detail
		}) {
			t.Errorf("%s: events %+v", files[0].Path, meta.Events)
		}
		if len(meta.Families) != 1 || meta.Families[0].Metric != "nodemeter_cpu_utilization_ratio" {
			t.Errorf("families %+v", meta.Families)
		}
		if !files[0].Sealed {
			if err := SealJournal(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestReadWhileRecording: a reader beside the recorder sees whole samples and
// no damage, whatever moment it looks at.
func TestReadWhileRecording(t *testing.T) {
	o := options(t, t.TempDir())
	o.Width = time.Minute
	r, err := NewRecorder(o)
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker("n1", 40)
	all := map[cell]float64{}
	done := make(chan struct{})
	var samples []*metric.Sample
	for range 600 {
		samples = append(samples, m.sample())
	}
	go func() {
		defer close(done)
		for _, s := range samples {
			r.queue <- s
		}
	}()
	want := expect("n1", samples...)
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		got, problems := readAll(t, []string{o.Dir}, Query{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if c, bad := invented(got, want); bad {
			t.Fatalf("%+v was never recorded so", c)
		}
		for c := range all {
			if _, ok := got[c]; !ok {
				t.Fatalf("%+v was there and is gone", c)
			}
		}
		all = got
	}
	closeRecorder(t, r)
	got, _ := readAll(t, []string{o.Dir}, Query{})
	compareCells(t, got, want)
}
