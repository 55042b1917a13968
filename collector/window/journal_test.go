package window

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

// smallJournal is a journal of a few samples: its bytes, where each sample's
// record ends, and the samples.
func smallJournal(t testing.TB, n int) (path string, data []byte, ends []int64, samples []*metric.Sample) {
	t.Helper()
	dir := t.TempDir()
	m := newMaker("n1", 6)
	for range n {
		samples = append(samples, m.sample())
	}
	path = writeJournal(t, options(t, dir), samples)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	j := openTestJournal(t, path)
	for _, at := range j.ticks {
		s := newFrameScanner(j.r, j.size, at.offset)
		f, _, _ := s.next()
		ends = append(ends, f.end())
	}
	return path, data, ends, samples
}

// writeJournal writes samples to one journal, as a recorder would that is then killed.
func writeJournal(t testing.TB, o Options, samples []*metric.Sample) (path string) {
	t.Helper()
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	r := &Recorder{opt: o, dir: filepath.Join(o.Dir, nodeDir(o.Node))}
	r.ledger, r.sealer = &ledger{opt: &r.opt}, newSealer(r)
	w := newWriter(r)
	for _, s := range samples {
		if err := w.write(s); err != nil {
			t.Fatal(err)
		}
	}
	path = w.path
	if err := errors.Join(w.file.Close(), r.lock.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func openTestJournal(t testing.TB, path string) *journal {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(path, f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestJournalCutAtEveryByte: whatever a power cut leaves, every complete
// record is read, nothing else, and the rest is reported.
func TestJournalCutAtEveryByte(t *testing.T) {
	path, data, ends, samples := smallJournal(t, 5)
	for cut := range len(data) + 1 {
		if err := os.WriteFile(path, data[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for whole < len(ends) && ends[whole] <= int64(cut) {
			whole++
		}
		got, problems := readAll(t, []string{path}, Query{})
		if want := expect("n1", samples[:whole]...); !maps.Equal(got, want) {
			t.Fatalf("cut at %d: %d cells, want the %d of %d samples", cut, len(got), len(want), whole)
		}
		atEnd := cut == len(data) || whole > 0 && ends[whole-1] == int64(cut)
		if atEnd && len(problems) > 0 {
			t.Fatalf("cut at %d, between records: %v", cut, problems)
		}
	}
}

// TestJournalEveryByteFlipped: no panic, nothing invented, every intact record
// before the damage kept, and the damage is reported.
func TestJournalEveryByteFlipped(t *testing.T) {
	path, data, ends, samples := smallJournal(t, 3)
	want := expect("n1", samples...)
	for at := range data {
		for _, mask := range []byte{0x01, 0x80, 0xff} {
			data[at] ^= mask
			err := os.WriteFile(path, data, 0o644)
			data[at] ^= mask
			if err != nil {
				t.Fatal(err)
			}
			got, problems := readAll(t, []string{path}, Query{})
			if len(problems) == 0 {
				t.Fatalf("byte %d ^ %#x: not noticed", at, mask)
			}
			for k, v := range got {
				if w, ok := want[k]; !ok || w != v {
					t.Fatalf("byte %d ^ %#x: invented %+v = %v", at, mask, k, v)
				}
			}
			before := 0
			for before < len(ends) && ends[before] <= int64(at) {
				before++
			}
			for k, v := range expect("n1", samples[:before]...) {
				if g, ok := got[k]; !ok || g != v {
					t.Fatalf("byte %d ^ %#x: lost %+v, which lies before the damage", at, mask, k)
				}
			}
		}
	}
}

// TestJournalGoesOnAfterDamage: a damaged sample costs that sample alone.
func TestJournalGoesOnAfterDamage(t *testing.T) {
	path, data, ends, samples := smallJournal(t, 5)
	data[ends[2]-3] ^= 0x10 // in the third sample
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	got, problems := readAll(t, []string{path}, Query{})
	compareCells(t, got, expect("n1", samples[0], samples[1], samples[3], samples[4]))
	if len(problems) != 1 || problems[0].Offset != ends[1] || !strings.Contains(problems[0].Lost, "with 1 sample") {
		t.Errorf("problems %v, want one at byte %d that speaks of one sample", problems, ends[1])
	}
}

func TestJournalOfNewerMajorVersionIsRefused(t *testing.T) {
	b, at := beginFrame([]byte(journalMagic), frameHeader)
	b = endFrame(append(b, 2, 0, 'f', 'u', 't', 'u', 'r', 'e'), at)
	path := filepath.Join(t.TempDir(), "_20260102T150000Z_3600s_001.journal")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	_, problems, err := Find([]string{path}, Query{})
	var newer *NewerVersionError
	if err != nil || len(problems) != 1 || !errors.As(problems[0].Err, &newer) || newer.Major != 2 {
		t.Errorf("problems %v, %v", problems, err)
	}
}

// TestJournalOfNewerMinorVersionIsRead: unknown records are stepped over and
// what a known one has more of is ignored.
func TestJournalOfNewerMinorVersionIsRead(t *testing.T) {
	path, data, _, samples := smallJournal(t, 2)
	b, at := beginFrame(data, frameType(200))
	b = endFrame(append(b, "something new"...), at)
	b, at = beginFrame(b, frameEvent)
	b = appendEventBody(b, metric.Event{Kind: 77, Time: samples[0].Time, Detail: "a kind of event of the future"})
	b = endFrame(append(b, "and a field of the future"...), at)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	got, problems := readAll(t, []string{path}, Query{})
	compareCells(t, got, expect("n1", samples...))
	if len(problems) > 0 {
		t.Error(problems)
	}
	j := openTestJournal(t, path)
	if e := j.events[len(j.events)-1]; e.Kind != 77 || e.Kind.String() != "event-77" {
		t.Errorf("event %+v", e)
	}
}

// TestWindowLargerThanMemoryBudget: a window that one pass may not hold comes
// out the same in many.
func TestWindowLargerThanMemoryBudget(t *testing.T) {
	dir := t.TempDir()
	m := newMaker("n1", 200)
	var samples []*metric.Sample
	for range 1500 { // 300,000 values of the node, budget 262,144
		samples = append(samples, m.sample())
	}
	path := writeJournal(t, options(t, dir), samples)
	got, problems := readAll(t, []string{path}, Query{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	compareCells(t, got, expect("n1", samples...))
	if err := SealJournal(path); err != nil {
		t.Fatal(err)
	}
	got, _ = readAll(t, []string{dir}, Query{})
	compareCells(t, got, expect("n1", samples...))
}

func TestQueryNarrows(t *testing.T) {
	dir := t.TempDir()
	m := newMaker("n1", 20)
	var samples []*metric.Sample
	for range 600 {
		samples = append(samples, m.sample())
	}
	path := writeJournal(t, options(t, dir), samples)
	q := Query{From: samples[100].Time, To: samples[200].Time, Kinds: []metric.EntityKind{metric.CPU}, Columns: []string{"cpu_util"}}
	want := expect("n1", samples[100:200]...)
	maps.DeleteFunc(want, func(c cell, _ float64) bool {
		return c.entity[:7] != "n1/cpu/" || c.column != "cpu_util" && c.column != "interval"
	})
	got, _ := readAll(t, []string{path}, q)
	compareCells(t, got, want)
	if err := SealJournal(path); err != nil {
		t.Fatal(err)
	}
	got, _ = readAll(t, []string{dir}, q)
	compareCells(t, got, want)
	q.Nodes = []string{"another"}
	if got, _ = readAll(t, []string{dir}, q); len(got) > 0 {
		t.Errorf("%d cells of another node", len(got))
	}
}
