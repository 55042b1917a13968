package window

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"nodemeter/collector/metric"
)

// smallSealed is a sealed window of n samples: its path, bytes and content.
func smallSealed(t testing.TB, n int) (path string, data []byte, want map[cell]float64) {
	t.Helper()
	m := newMaker("n1", 6)
	var samples []*metric.Sample
	for range n {
		samples = append(samples, m.sample())
	}
	journal := writeJournal(t, options(t, t.TempDir()), samples)
	if err := SealJournal(journal); err != nil {
		t.Fatal(err)
	}
	path = sibling(journal, extSealed)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, data, expect("n1", samples...)
}

func overwrite(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// invented returns a cell that was never recorded so.
func invented(got, want map[cell]float64) (cell, bool) {
	for k, v := range got {
		if w, ok := want[k]; !ok || w != v {
			return k, true
		}
	}
	return cell{}, false
}

// TestSealedEveryByteDamaged: whichever byte of a sealed window is damaged,
// every value is still read as it was recorded, and the damage is reported with
// its place.
func TestSealedEveryByteDamaged(t *testing.T) {
	path, data, want := smallSealed(t, 3)
	for at := range data {
		mask := []byte{0x01, 0x80, 0xff, 0x20}[at%4]
		data[at] ^= mask
		overwrite(t, path, data)
		data[at] ^= mask
		got, problems := readAll(t, []string{path}, Query{})
		if !maps.Equal(got, want) {
			t.Fatalf("byte %d ^ %#x: %d of %d cells are right", at, mask, len(got), len(want))
		}
		if len(problems) != 1 || problems[0].Offset != int64(at) || problems[0].Lost != "" {
			t.Fatalf("byte %d ^ %#x: problems %v", at, mask, problems)
		}
	}
}

// TestSealedSectorsDamaged: where a whole sector is gone, what does not lie in
// a damaged block is read as it was, the rest is reported, nothing is invented.
func TestSealedSectorsDamaged(t *testing.T) {
	path, data, want := smallSealed(t, 400)
	survived := 0
	for at := 0; at < len(data); at += 512 {
		damaged := bytes.Clone(data)
		for i := at; i < min(at+512, len(data)); i++ {
			damaged[i] = 0
		}
		if bytes.Equal(damaged, data) {
			continue
		}
		overwrite(t, path, damaged)
		got, problems := readAll(t, []string{path}, Query{})
		if len(problems) == 0 {
			t.Fatalf("sector at %d: not noticed", at)
		}
		if c, bad := invented(got, want); bad {
			t.Fatalf("sector at %d: invented %+v", at, c)
		}
		survived += len(got)
	}
	mean := float64(survived) / float64(len(want)*(len(data)/512+1))
	t.Logf("one sector of %d lost: %.0f %% of the values survive on average", len(data)/512+1, 100*mean)
	if mean < 0.4 { // of so small a file the footer, without which nothing is left, is a good part
		t.Errorf("only %.0f %% of the values survive the loss of a sector", 100*mean)
	}
}

// TestSealedCutShort: a file cut anywhere is refused or reported, never misread.
func TestSealedCutShort(t *testing.T) {
	path, data, want := smallSealed(t, 40)
	for cut := 0; cut < len(data); cut += 31 {
		overwrite(t, path, data[:cut])
		got, problems := readAll(t, []string{path}, Query{})
		if _, bad := invented(got, want); bad || len(problems) == 0 {
			t.Fatalf("cut at %d: invented values, or not noticed: %v", cut, problems)
		}
	}
}

// TestManifestDamaged: a damaged manifest never costs or changes a value.
func TestManifestDamaged(t *testing.T) {
	path, _, want := smallSealed(t, 10)
	name := sibling(path, extManifest)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for at := range text {
		text[at] ^= 0x11
		overwrite(t, name, text)
		text[at] ^= 0x11
		got, problems := readAll(t, []string{path}, Query{})
		if !maps.Equal(got, want) {
			t.Fatalf("manifest byte %d: %d of %d cells", at, len(got), len(want))
		}
		noticed += len(problems)
	}
	if noticed < len(text)/2 {
		t.Errorf("only %d of %d damages of the manifest were noticed", noticed, len(text))
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	got, problems := readAll(t, []string{path}, Query{})
	if !maps.Equal(got, want) || len(problems) != 1 || !errors.Is(problems[0].Err, ErrNoManifest) {
		t.Errorf("without a manifest: %d cells, problems %v", len(got), problems)
	}
}

// TestPagesWithoutManifest: page checksums alone catch damage within pages.
func TestPagesWithoutManifest(t *testing.T) {
	path, data, want := smallSealed(t, 40)
	if err := os.Remove(sibling(path, extManifest)); err != nil {
		t.Fatal(err)
	}
	f, err := readFooter(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.groups {
		for _, c := range g.chunks {
			for _, body := range pageBodies(t, data, c) {
				for at := body.from; at < body.to; at += 41 {
					data[at] ^= 0x40
					overwrite(t, path, data)
					data[at] ^= 0x40
					got, problems := readAll(t, []string{path}, Query{})
					if k, bad := invented(got, want); bad || len(problems) < 2 {
						t.Fatalf("byte %d: invented %+v, problems %v", at, k, problems)
					}
				}
			}
		}
	}
}

// pageBodies is where the pages of a column lie, without their headers.
func pageBodies(t testing.TB, data []byte, c footerChunk) (out []span) {
	t.Helper()
	for at := c.offset; at < c.offset+c.size; {
		h, head, err := readPageHeader(data[at : c.offset+c.size])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, span{at + int64(head), at + int64(head) + h.packed})
		at += int64(head) + h.packed
	}
	return out
}

// TestSealTwice: sealing again after a crash at any of its steps ends in the same place.
func TestSealTwice(t *testing.T) {
	dir := t.TempDir()
	m := newMaker("n1", 6)
	samples := []*metric.Sample{m.sample(), m.sample()}
	journal := writeJournal(t, options(t, dir), samples)
	keep, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, sibling(journal, extTemp), []byte("left by a crash"))
	var sealed os.FileInfo
	for range 2 {
		if err := SealJournal(journal); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(sibling(journal, extSealed))
		if err != nil || sealed != nil && !os.SameFile(st, sealed) {
			t.Fatalf("a sealed file was written again: %v", err)
		}
		sealed = st
		got, problems := readAll(t, []string{dir}, Query{})
		compareCells(t, got, expect("n1", samples...))
		if names, _ := filepath.Glob(filepath.Join(filepath.Dir(journal), "*")); len(problems) > 0 || len(names) != 2 {
			t.Errorf("problems %v, files %v", problems, names)
		}
		overwrite(t, journal, keep) // the crash came before the journal was removed
	}
	if files, _, _ := Find([]string{dir}, Query{}); len(files) != 1 || !files[0].Sealed {
		t.Errorf("a sealed file must hide its journal: %v", files)
	}
}

// TestNodeNamesAreSafe: whatever a node is called, its directory stays below the root.
func TestNodeNamesAreSafe(t *testing.T) {
	for _, name := range []string{"n1", "..", ".", "../../etc", "a/b", "node=x", "größe", "a b", "%41", "-", "_"} {
		dir := nodeDir(name)
		if filepath.Base(dir) != dir || dir == "node=." || dir == "node=.." {
			t.Errorf("%q: directory %q", name, dir)
		}
		if got := nodeOf(filepath.Join("/w", dir, "date=2026-01-02", "f.parquet")); got != name {
			t.Errorf("%q comes back as %q", name, got)
		}
	}
}
