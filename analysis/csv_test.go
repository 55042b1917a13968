package analysis

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func TestReadCSVNotebook(t *testing.T) {
	b, err := os.ReadFile("../testdata/oracle/resource_samples.csv")
	if err != nil {
		t.Fatal(err)
	}
	// The same rows must come of every way to write them.
	for name, text := range map[string]string{
		"as it is":   string(b),
		"CRLF":       strings.ReplaceAll(string(b), "\n", "\r\n"),
		"BOM":        "\ufeff" + string(b),
		"no newline": strings.TrimSuffix(string(b), "\n"),
		"quoted":     strings.ReplaceAll(string(b), "worker-0", `"worker-0"`),
		"a space":    strings.ReplaceAll(string(b), ".000000Z", "+00:00"),
	} {
		f, problems, err := ReadCSV(strings.NewReader(text), CSVOptions{Name: "x.csv"})
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v", name, err, problems)
			continue
		}
		if f.Len() != 480 || len(f.Names) != 4 || f.Names[0] != "worker-0" || f.Offset[479] != 595 || f.Values[cpuColumn][0] != 0.5496714153011233 || f.LocalClock || f.Line[479] != 481 {
			t.Errorf("%s: %d rows, %v", name, f.Len(), f.Names)
		}
		if want := time.Date(2026, 1, 1, 0, 9, 55, 0, time.UTC).UnixNano(); f.Time[479] != want {
			t.Errorf("%s: last time %d, want %d", name, f.Time[479], want)
		}
	}
}

// TestOrderOfNumbers: pandas reads a column of whole numbers as such, and its rows are
// in their order.
func TestOrderOfNumbers(t *testing.T) {
	for ids, want := range map[string]string{"10 9 100 2": "2 9 10 100", "10 9 x": "10 9 x"} {
		text := "timestamp,time_offset,worker_id,cpu_util,gpu_util\n"
		for _, id := range strings.Fields(ids) {
			text += "2026-01-01T00:00:00Z,0," + id + ",0.5,0.5\n"
		}
		f, problems, err := ReadCSV(strings.NewReader(text), CSVOptions{Name: "x.csv"})
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		s := NewSection5(f)
		if rows, gpus := strings.Join(s.Heatmap.Rows, " "), strings.Join(s.Extra.GPUWorkers, " "); rows != want || gpus != want {
			t.Errorf("rows %s, GPU workers %s, want %s", rows, gpus, want)
		}
	}
}

const csvHead = "timestamp,time_offset,worker_id,cpu_util\n"

func TestReadCSVBounds(t *testing.T) {
	row := "2026-01-01T00:00:00Z,0,w,0.5\n"
	if _, _, err := ReadCSV(strings.NewReader(csvHead+strings.Repeat(row, 11)), CSVOptions{Name: "x.csv", MaxRows: 10}); err == nil || !strings.Contains(err.Error(), "x.csv:12: more than 10 rows") {
		t.Errorf("rows: %v", err)
	}
	long := csvHead + strings.Repeat("x", 3*maxCSVLine) + "\n" + row
	f, problems, err := ReadCSV(strings.NewReader(long), CSVOptions{Name: "x.csv"})
	if err != nil || f.Len() != 1 || len(problems) != 1 || problems[0].File != "x.csv:2" {
		t.Errorf("a long line: %v %v", problems, err)
	}
	many := csvHead + strings.Repeat("bad\n", 1000) + row
	if _, problems, err := ReadCSV(strings.NewReader(many), CSVOptions{Name: "x.csv"}); err != nil || len(problems) != maxProblems+1 || !strings.Contains(problems[maxProblems].Err.Error(), "980 more") {
		t.Errorf("many problems: %d, %v", len(problems), err)
	}
	name := strings.Repeat("n", maxName+1)
	if _, problems, _ := ReadCSV(strings.NewReader(csvHead+strings.Replace(row, ",w,", ","+name+",", 1)+row), CSVOptions{Name: "x.csv"}); len(problems) != 1 {
		t.Errorf("a long name: %v", problems)
	}
}

func TestReadCSVErrorsSayWhere(t *testing.T) {
	_, _, err := ReadCSV(strings.NewReader(csvHead+"\n\n2026-01-01T00:00:00Z,0,w,50\n"), CSVOptions{Name: "x.csv"})
	var at *CSVError
	if !errors.As(err, &at) || at.Line != 4 || at.File != "x.csv" {
		t.Errorf("percent on line 4: %v", err)
	}
	_, _, err = ReadCSV(failingReader{}, CSVOptions{Name: "x.csv"})
	if err == nil || !strings.Contains(err.Error(), "read: disk on fire") {
		t.Errorf("a reader that fails: %v", err)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestNumberSpellings(t *testing.T) {
	for s, want := range map[string]float64{"0.5": 0.5, " 1e-3 ": 0.001, "+.5": 0.5, "": math.NaN(), "NaN": math.NaN(), "<NA>": math.NaN(), "#N/A": math.NaN()} {
		if v, err := number(s); err != nil || v != want && !(math.IsNaN(v) && math.IsNaN(want)) {
			t.Errorf("%q: %v %v", s, v, err)
		}
	}
	for _, s := range []string{"0x1p-2", "1_000", "none", "1,5", "--1"} {
		if v, err := number(s); err == nil {
			t.Errorf("%q was read as %v", s, v)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(csvHead + "2026-01-01T00:00:00Z,0,w,0.5\n2026-01-01 00:00:05,5,\"w\"\"x\",NaN\n"))
	f.Add([]byte("worker_id,time_offset,gpu_util,interval_seconds\nw,0,1,1\nw,,0.5,\n"))
	f.Add([]byte("\ufeffworker_id,timestamp,network_mbps\r\nw,2026-01-01,1e300\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, problems, err := ReadCSV(bytes.NewReader(b), CSVOptions{Name: "fuzz", MaxRows: 1000})
		if err != nil {
			return
		}
		if frame.Len() == 0 || len(frame.Time) != frame.Len() || len(frame.Offset) != frame.Len() || len(problems) > maxProblems+1 {
			t.Fatalf("%d rows, %d times, %d problems", frame.Len(), len(frame.Time), len(problems))
		}
		NewSection5(frame)
		rows := 0
		found := frame.Chunks()
		for _, c := range found.chunks {
			rows += c.Len()
			for i := 1; i < c.Len(); i++ {
				if c.Time[i] <= c.Time[i-1] {
					t.Fatalf("times of %q do not ascend: %v", c.Worker, c.Time)
				}
			}
		}
		if int64(rows)+found.duplicates+found.conflicts != int64(frame.Len()) {
			t.Fatalf("%d rows and %d+%d repeats of %d", rows, found.duplicates, found.conflicts, frame.Len())
		}
		r, err := Analyze(t.Context(), Options{Paths: []string{"-"}, Stdin: bytes.NewReader(b)})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		for _, write := range []func() error{func() error { return r.WriteText(&out) }, func() error { return r.WriteJSON(&out) }, func() error { return r.WriteCSV(&out) }} {
			if err := write(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTenThousandWorkers(t *testing.T) {
	var b strings.Builder
	b.WriteString("time_offset,worker_id,cpu_util,memory_util\n")
	for i := range 3 {
		for w := range 10_000 {
			fmt.Fprintf(&b, "%d,worker-%d,0.5,0.25\n", i*5, w)
		}
	}
	r, err := Analyze(t.Context(), Options{Paths: []string{"-"}, Stdin: strings.NewReader(b.String())})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n > 250 {
		t.Errorf("%d lines are too many to read", n)
	}
	for _, want := range []string{"10,000 workers", "and 9,980 more: --format csv or json shows all", "worker-19"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	if s := r.Section5(); s.Workers != 10_000 || s.Heatmap.Rows[1] != "worker-1" || s.Heatmap.Rows[2] != "worker-10" {
		t.Error("the notebook's figures must be complete, its rows in its own order")
	}
}
