package window

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// TestGolden: files written by the first release of format 1 are read, for
// ever, as they were then. The files are never made again: a change that breaks this
// test breaks its users' archives.
func TestGolden(t *testing.T) {
	root := filepath.Join("testdata", "golden", "v1.0")
	want := map[string]float64{}
	b, err := os.ReadFile(filepath.Join(root, "cells.json"))
	if err == nil {
		err = json.Unmarshal(b, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, problems := readAll(t, []string{filepath.Join(root, "node=golden")}, Query{})
	if len(problems) > 0 {
		t.Error(problems)
	}
	compareGolden(t, got, want)
	files, _, err := Find([]string{filepath.Join(root, "node=golden")}, Query{})
	if err != nil || len(files) != 2 || !files[0].Sealed || files[1].Sealed {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		m, err := f.Meta()
		if err != nil {
			t.Fatal(err)
		}
		if m.Format != "1.0" || m.Node != "golden" || m.BootID != "5a1b0c9e-8f3d-4f6e-9a56-0c1d2e3f4a5b" || m.Agent != "1.0.0" || m.Interval != time.Second || len(m.Entities) != 6 {
			t.Errorf("%s: %+v", f.Path, m)
		}
	}
	m, err := files[0].Meta()
	if err != nil || len(m.Events) != 11 || m.Events[10].Kind != metric.EventDevice || m.Events[10].Detail != "golden device" {
		t.Errorf("events %+v, %v", m.Events, err)
	}
}

// TestGoldenJournalSealsTheSame: the journal that the golden sealed file was
// made of still seals to the same values.
func TestGoldenJournalSealsTheSame(t *testing.T) {
	root := filepath.Join("testdata", "golden", "v1.0")
	b, err := os.ReadFile(filepath.Join(root, "sealed-from.journal"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "node=golden", "date=2026-01-02")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(dir, "_20260102T150000Z_3600s_001.journal")
	overwrite(t, journal, b)
	if err := SealJournal(journal); err != nil {
		t.Fatal(err)
	}
	got, _ := readAll(t, []string{dir}, Query{})
	want, _ := readAll(t, []string{filepath.Join(root, "node=golden", "date=2026-01-02", "20260102T150000Z_3600s_001.parquet")}, Query{})
	compareCells(t, got, want)
}

func compareGolden(t *testing.T, got map[cell]float64, want map[string]float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%d cells, want %d", len(got), len(want))
	}
	for k, v := range got {
		if w, ok := want[fmt.Sprintf("%s %d %s", k.entity, k.time, k.column)]; !ok || w != v {
			t.Fatalf("%+v: got %v, want %v", k, v, w)
		}
	}
}

// patched is the golden sealed file with every old replaced by new of the same
// length, without a manifest.
func patched(t *testing.T, old, new string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "golden", "v1.0", "node=golden", "date=2026-01-02", "20260102T150000Z_3600s_001.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if len(old) != len(new) || !strings.Contains(string(b), old) {
		t.Fatalf("cannot replace %q by %q", old, new)
	}
	path := filepath.Join(t.TempDir(), "f.parquet")
	overwrite(t, path, []byte(strings.ReplaceAll(string(b), old, new)))
	return path
}

// TestSchemaEvolution: a newer minor version, columns that the metadata does not
// know and columns that are missing are read past; a newer major version is refused.
func TestSchemaEvolution(t *testing.T) {
	all, _ := readAll(t, []string{patched(t, "golden", "golden")}, Query{})
	without := func(column string) int {
		n := 0
		for c := range all {
			if c.column != column {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		what, old, new string
		cells          int
	}{
		{"newer minor", "\x101.0", "", 0}, // replaced below
		{"unknown column, and one missing", "m010_bytes", "m999_bytes", len(all)},
		{"field not in the schema", `"column":"m010_bytes"`, `"column":"m999_bytes"`, without("m010_bytes")},
		{"unknown entity kind", `"kind":"gpu","id"`, `"kind":"qpu","id"`, len(all)},
		{"unknown type of field", `"type":"state"`, `"type":"fancy"`, without("gpu_state")},
	} {
		if c.new == "" {
			c.old, c.new, c.cells = "nodemeter.format\x18\x031.0", "nodemeter.format\x18\x031.9", len(all)
		}
		got, problems := readAll(t, []string{patched(t, c.old, c.new)}, Query{})
		if len(got) != c.cells || len(problems) != 1 { // that there is no manifest
			t.Errorf("%s: %d cells, want %d; problems %v", c.what, len(got), c.cells, problems)
		}
	}
	_, problems := readAll(t, []string{patched(t, "nodemeter.format\x18\x031.0", "nodemeter.format\x18\x032.0")}, Query{})
	if len(problems) != 1 || !strings.Contains(problems[0].Err.Error(), "use a newer nodemeter") {
		t.Errorf("newer major version: %v", problems)
	}
}

// exampleJournal is the worked example of docs/format.md.
func exampleJournal() []byte {
	from := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	h := header{node: "n1", boot: "b7", agent: "1.0.0", interval: time.Second, from: from, to: from.Add(time.Hour)}
	e := newEncoder()
	node := &metric.Entity{Kind: metric.Node, ID: "n1"}
	d := &metric.Desc{On: metric.Node, Column: "cpu_util", Metric: "nodemeter_cpu_utilization_ratio", Help: "Busy.", Unit: metric.Ratio,
		Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.0001, Absent: "unread"}
	e.sample(&metric.Sample{
		Time: from.Add(time.Second), Late: 250 * time.Microsecond, Mono: time.Minute, Interval: time.Second,
		Readings: []metric.Reading{{Entity: node, Points: []metric.Point{metric.Float(d, 0.5)}}},
		Events:   []metric.Event{{Kind: metric.EventStart, Time: from.Add(time.Second), Detail: "hi"}},
	})
	return append(appendHeader([]byte(journalMagic), h), e.buf...)
}

// TestFormatExample holds the worked example in docs/format.md to the bytes
// that are written.
func TestFormatExample(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "<!-- example -->\n```\n")
	block, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("docs/format.md has no example")
	}
	var hex strings.Builder
	for line := range strings.Lines(block) {
		bytes, _, _ := strings.Cut(strings.TrimRight(line, "\n"), "  ;")
		if len(bytes) > 6 {
			hex.WriteString(strings.ReplaceAll(bytes[6:], " ", ""))
		}
	}
	if want := fmt.Sprintf("%x", exampleJournal()); hex.String() != want {
		t.Errorf("docs/format.md shows\n%s\nwritten is\n%s", hex.String(), want)
	}
}
