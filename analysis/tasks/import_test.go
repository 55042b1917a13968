package tasks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const header10 = "completion_time,error_msg,execution_secs,input_staging_data_size_bytes,qtau_scheduled,staging_time_secs,status,submit_time,task_id,wait_time_secs\r\n"

// row10 is a good row of QTau 0.9.5 that ran from second s.
func row10(s int, id string) string {
	return fmt.Sprintf("2025-12-30 14:02:%02d.500000,,0.4,0,ANY,0,SUCCESS,2025-12-30 14:02:%02d,%s,0.1\r\n", s, s, id)
}

func read(t *testing.T, text string, opt Options) *Set {
	t.Helper()
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	s, err := Read(context.Background(), "metrics.csv", strings.NewReader(text), Run{File: "metrics.csv"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ids(s *Set) string {
	var out []string
	for i := range s.Len() {
		out = append(out, s.ID(i))
	}
	return strings.Join(out, " ")
}

func rejects(s *Set) string {
	var out []string
	for _, r := range s.Files[0].Rejects {
		out = append(out, fmt.Sprintf("%d+%d %s", r.Line, r.Lines, r.Reason))
	}
	return strings.Join(out, "\n")
}

func TestExampleFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "example_metrics.csv"))
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, string(text), Options{})
	f := s.Files[0]
	if s.Len() != 10 || f.Rejected != 0 || f.Headers != 1 || !slices.Equal(f.Layouts, []string{"QTau 0.9.5"}) {
		t.Fatalf("%d rows, %d rejects (%s), %d headers, %v", s.Len(), f.Rejected, rejects(s), f.Headers, f.Layouts)
	}
	if f.NaiveTimes != 20 || f.Zone != "UTC" {
		t.Errorf("%d naive times in %q", f.NaiveTimes, f.Zone)
	}
	if got := s.Error(6); got != "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call" {
		t.Errorf("multi-line message %q", got)
	}
	if got := s.Error(4); !strings.HasSuffix(got, `got "StronglyEntanglingLayers"`) {
		t.Errorf("quoted message %q", got)
	}
	if s.Exec[3] != 0 || s.Wait[7] != -0.003117 || s.Status[9] != StatusFailed || s.Error(9) != "" || s.ID(8) != s.ID(9) {
		t.Errorf("exec %v, wait %v, status %v", s.Exec[3], s.Wait[7], s.Status[9])
	}
	if got := time.Unix(0, s.Completion[5]).UTC(); !got.Equal(time.Date(2025, 12, 30, 14, 2, 9, 0, time.UTC)) {
		t.Errorf("time without a fraction: %v", got)
	}
	if s.Requested(2) != "qtau-0" || s.Line[7] != 10 {
		t.Errorf("requested %q, line %d", s.Requested(2), s.Line[7])
	}
	if want := "1 task began before submission"; len(f.Warnings) != 1 || !strings.HasPrefix(f.Warnings[0], want) {
		t.Errorf("warnings %q", f.Warnings)
	}
}

// Line by line: 2 a row; 3-4 a row of two lines; 5 the header again; 6 a row; 7 blank; 8 the
// header of 2024-06-23; 9 a row whose execution_ms holds seconds; 10 the header of 12
// columns; 11 a row; 12 ten fields under twelve columns, rejected; 13 the header of 0.9.5
// again; 14 a row with offsets; 15 torn inside a quote, rejected.
func TestHostileFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "example_metrics_hostile.csv"))
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, string(text), Options{})
	f := s.Files[0]
	if got, want := fmt.Sprint(s.Line), "[2 3 6 9 11 14]"; got != want {
		t.Errorf("rows at lines %s, want %s", got, want)
	}
	if want := "12+1 10 fields under a header of 12 columns\n15+1 the file ends inside a quoted field: a torn last record, normal while a run is live"; rejects(s) != want || f.Rejected != 2 {
		t.Errorf("%d rejected:\n%s\nwant\n%s", f.Rejected, rejects(s), want)
	}
	if f.Headers != 5 || !slices.Equal(f.Layouts, []string{"QTau 0.9.5", "pilot-quantum 2024-06-23", "QTau qdreamer branch (12 columns)"}) || !f.Partial {
		t.Errorf("%d headers, layouts %q, partial %v", f.Headers, f.Layouts, f.Partial)
	}
	if !slices.Equal(f.Ignored, []string{"execution_fidelity", "fidelity"}) {
		t.Errorf("ignored %q", f.Ignored)
	}
	if s.Exec[3] != 0.9924521446228027 || s.ID(3) != "task_ce-16" || s.Requested(4) != "pilot-a" {
		t.Errorf("execution_ms %v, id %q, requested %q", s.Exec[3], s.ID(3), s.Requested(4))
	}
	if got := time.Unix(0, s.Submit[5]).UTC().Format(time.RFC3339Nano); got != "2025-12-30T05:02:07.127529Z" {
		t.Errorf("offset time %s", got)
	}
	if f.NaiveTimes != 10 {
		t.Errorf("%d naive times", f.NaiveTimes)
	}
}

func TestImportCases(t *testing.T) {
	for _, c := range []struct {
		name, text, ids, rejects string
		opt                      Options
	}{
		{name: "header only", text: header10, ids: ""},
		{name: "five columns", text: "task_id,submit_time,wait_time_secs,completion_time,execution_ms\ntask-1,2024-06-22 10:00:00,0.5,2024-06-22 10:00:02.5,2.0\n", ids: "task-1"},
		{name: "byte order mark, semicolons, T and Z", text: "\ufefftask_id;submit_time;wait_time_secs;completion_time;execution_secs\na;2024-06-22T10:00:00Z;0.5;2024-06-22T12:00:02.5+0200;2.0\nb;2024-06-22T10:00:00Z;0,5;2024-06-22T10:00:02.5Z;2.0\n",
			ids: "a", rejects: `3+1 wait_time_secs: "0,5" is not a number`},
		{name: "torn quote in the middle", text: header10 + row10(1, "a") + "2025-12-30 14:02:11.0,\"RuntimeError: par\r\n" + row10(2, "b") + "2025-12-30 14:02:03.5,\"two\nlines\",0.4,0,ANY,0,FAILED,2025-12-30 14:02:03,c,0.1\r\n" + row10(4, "d"),
			ids: "a b c d", rejects: "3+1 text after a closing quote; reading resumed at line 4"},
		{name: "torn quote, no other quote", text: header10 + row10(1, "a") + "2025-12-30 14:02:11.0,\"par\r\n" + row10(2, "b") + row10(3, "c"),
			ids: "a b c", rejects: "3+1 the file ends inside a quoted field; reading resumed at line 4"},
		{name: "torn quote closed by another record", text: header10 + "2025-12-30 14:02:01.5,\"par\r\n" + row10(2, "b") + "2025-12-30 14:02:03.5,\",0.4,0,ANY,0,FAILED,2025-12-30 14:02:03,c,0.1\r\n" + row10(4, "d"),
			ids: "b d", rejects: "2+1 a quoted field that holds whole records: its opening quote was torn; reading resumed at line 3\n4+1 the file ends inside a quoted field; reading resumed at line 5"},
		{name: "a message that holds lines like a log", text: header10 + "2025-12-30 14:02:03.5,\"first\n2025-12-30 14:02:01,123 ERROR x\nlast\",0.4,0,ANY,0,FAILED,2025-12-30 14:02:03,c,0.1\r\n", ids: "c"},
		{name: "last line whole without its newline", text: header10 + row10(1, "a") + strings.TrimRight(row10(2, "b"), "\r\n"), ids: "a b"},
		{name: "last line cut in its last number", text: header10 + row10(1, "a") + strings.TrimRight(row10(2, "b"), "1\r\n"), ids: "a", rejects: "3+1 the last line has no newline and may be cut: its durations do not add up to its completion time"},
		{name: "values that are not there", text: header10 + ",,nan,,,,,2025-12-30 14:02:01,a,\r\n2025-12-30 14:02:02,,1e-05,0,ANY,0,RUNNING,,b,-3.2e-05\r\n", ids: "a b"},
		{name: "NUL hole", text: header10 + row10(1, "a") + strings.Repeat("\x00", 40) + "\r\n" + row10(2, "b"), ids: "a b", rejects: "3+1 1 fields under a header of 10 columns"},
		{name: "infinite and hexadecimal", text: header10 + "2025-12-30 14:02:02,,inf,0,ANY,0,SUCCESS,2025-12-30 14:02:01,a,0.1\r\n2025-12-30 14:02:02,,0x10,0,ANY,0,SUCCESS,2025-12-30 14:02:01,a,0.1\r\n", ids: "",
			rejects: "2+1 execution_secs: \"inf\" is not a number\n3+1 execution_secs: \"0x10\" is not a number"},
		{name: "wrong dates", text: header10 + "2025-02-30 14:02:02,,1,0,ANY,0,SUCCESS,2025-12-30 14:02:01,a,0.1\r\n30/12/2025 14:02,,1,0,ANY,0,SUCCESS,2025-12-30 14:02:01,a,0.1\r\n", ids: "",
			rejects: "2+1 completion_time: \"2025-02-30 14:02:02\": not a time like 2025-12-30 14:02:07.118402\n3+1 completion_time: \"30/12/2025 14:02\": not a time like 2025-12-30 14:02:07.118402"},
		{name: "a torn header in the middle", text: header10 + row10(1, "a") + "task_id,submit_time\r\n" + row10(2, "b") + header10 + row10(3, "c"), ids: "a c",
			rejects: "3+1 header: no column execution_secs (or execution_ms); name one with --map execution_secs=COLUMN\n4+1 it stands under a header that cannot be read"},
		{name: "a task that is called task_id", text: header10 + row10(1, "task_id") + row10(2, "b"), ids: "task_id b"},
		{name: "schema instead of a header", text: row10(1, "a"), ids: "a", opt: Options{Schema: "qtau 0.9.5"}},
		{name: "task names with commas, quotes and formulas", text: header10 + "2025-12-30 14:02:01.5,,0.4,0,ANY,0,SUCCESS,2025-12-30 14:02:01,\"=cmd|' /C calc'!A0,\"\"x\"\"\",0.1\r\n", ids: `=cmd|' /C calc'!A0,"x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := read(t, c.text, c.opt)
			if got := ids(s); got != c.ids {
				t.Errorf("tasks %q, want %q", got, c.ids)
			}
			if got := rejects(s); !strings.HasPrefix(got, c.rejects) || (c.rejects == "") != (got == "") {
				t.Errorf("rejects:\n%s\nwant\n%s", got, c.rejects)
			}
		})
	}
}

// TestMissingTimeColumns: a time whose column is not there is absent, as that of an
// empty field is, and nothing is measured from it.
func TestMissingTimeColumns(t *testing.T) {
	for text, want := range map[string][2]bool{
		"task_id,status,wait_time_secs,execution_secs,completion_time\na,SUCCESS,1,2,2026-01-01 00:00:03\n":                  {false, true},
		"task_id,status,submit_time,wait_time_secs,execution_secs\na,SUCCESS,2026-01-01 00:00:00,1,2\n":                      {true, false},
		"task_id,status,submit_time,wait_time_secs,execution_secs,completion_time\na,SUCCESS,,1,2,2026-01-01 00:00:03\n":     {false, true},
		"task_id,status,wait_time_secs,execution_secs\na,SUCCESS,1,2\n":                                                      {false, false},
		"task_id,submit_time,wait_time_secs,execution_secs,completion_time\na,2026-01-01 00:00:00,1,2,2026-01-01 00:00:03\n": {true, true},
	} {
		s := read(t, text, Options{})
		if got := [2]bool{s.Submit[0] != NoTime, s.Completion[0] != NoTime}; got != want {
			t.Errorf("%q: submit and completion there: %v, want %v", text, got, want)
		}
		if rate := NewThroughput(s).Configs[0].Throughput; want != [2]bool{true, true} && !math.IsNaN(float64(rate)) {
			t.Errorf("%q: %v tasks/s", text, rate)
		}
	}
}

// TestLastLineThatNothingProves: it is taken, and not without a word.
func TestLastLineThatNothingProves(t *testing.T) {
	const text = "task_id,status,execution_secs\na,SUCCESS,12.34\nb,SUCCESS,12.3"
	for _, c := range []struct {
		text  string
		warns bool
	}{{text, true}, {text + "\n", false}} {
		s := read(t, c.text, Options{})
		warned := slices.ContainsFunc(s.Files[0].Warnings, func(w string) bool { return strings.Contains(w, "line 3, the last, has no newline") })
		if ids(s) != "a b" || warned != c.warns {
			t.Errorf("%q: tasks %q, warnings %q", c.text, ids(s), s.Files[0].Warnings)
		}
	}
}

// TestNothingCouldBeRead: a file of records that are all wrong is an error; one that
// is only beginning is not.
func TestNothingCouldBeRead(t *testing.T) {
	for text, want := range map[string]string{
		header10: "",
		header10 + "2025-12-30 14:02:01.5,\"torn": "",
		header10 + "x\r\ny\r\n":                   "line 2: 1 fields under a header of 10 columns",
		"\x1f\x8b\x08\x00":                        "gunzip it first",
		"\xff\xfet\x00":                           "save it as UTF-8",
	} {
		file := filepath.Join(t.TempDir(), "metrics.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(t.Context(), &Manifest{Runs: []Run{{File: file}}}, Options{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestWithoutAHeader(t *testing.T) {
	for _, text := range []string{"", row10(1, "a"), "task_id,submit_time\na,2025-12-30 14:02:01\n", "task_id,execution_secs,execution_ms\n"} {
		_, err := Read(context.Background(), "metrics.csv", strings.NewReader(text), Run{}, Options{})
		if err == nil {
			t.Errorf("%q was read", text)
		}
	}
	if _, err := Read(context.Background(), "m", strings.NewReader(row10(1, "a")), Run{}, Options{}); !errors.Is(err, ErrNoHeader) || !strings.Contains(err.Error(), "--schema") {
		t.Errorf("a file without a header: %v", err)
	}
}

func TestColumnMap(t *testing.T) {
	m, err := ParseColumnMap("task_id=job,submit_time=queued:unix,execution_secs=ran:ms,wait_time_secs=sat,engine=system,status=state")
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, "job,state,queued,ran,sat,system,other\n7,SUCCESS,1700000000.25,1500,0.25,parsl,x\n", Options{Map: m})
	if s.ID(0) != "7" || s.Submit[0] != 1700000000_250000000 || s.Exec[0] != 1.5 || s.Wait[0] != 0.25 || s.Configs[0].Engine != "parsl" || s.Status[0] != StatusSuccess {
		t.Errorf("%q %d %v %q", s.ID(0), s.Submit[0], s.Exec[0], s.Configs[0].Engine)
	}
	_, err = Read(t.Context(), "m", strings.NewReader("job,state,when,ran,sat,system\n7,SUCCESS,1,1500,0.25,parsl\n"), Run{}, Options{Map: m})
	if err == nil || !strings.Contains(err.Error(), `no column "queued", which --map names; there are job, state, when, ran, sat, system`) {
		t.Errorf("a column that is not there: %v", err)
	}
	for _, bad := range []string{"x", "nothing=a", "task_id=a:ms", "submit_time=a:ms", "execution_secs=a:weeks", "execution_secs="} {
		if _, err := ParseColumnMap(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// On 2025-10-26 at 03:00 clocks in Berlin go back to 02:00; on 2025-03-30 at 02:00 they go
// forward to 03:00.
func TestClockChanges(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	row := func(submit, completion, wait string) string {
		return completion + ",,0,0,ANY,0,SUCCESS," + submit + ",a," + wait + "\r\n"
	}
	text := header10 +
		row("2025-10-26 02:30:00", "2025-10-26 02:30:10", "10") + // cannot be told: the earlier
		row("2025-10-26 02:30:00", "2025-10-26 02:30:10", "3610") + // 02:30 summer to 02:30 winter
		row("2025-10-26 01:59:00", "2025-10-26 02:30:10", "5470") + // the later 02:30
		row("2025-03-30 01:59:50", "2025-03-30 02:30:00", "10") + // does not exist
		row("2025-07-01 12:00:00", "2025-07-01 12:00:10", "10")
	s := read(t, text, Options{Zone: berlin})
	if s.Len() != 4 || !strings.Contains(rejects(s), "2025-03-30 02:30:00 does not exist in Europe/Berlin") {
		t.Fatalf("%d rows; %s", s.Len(), rejects(s))
	}
	for i, want := range [][2]string{
		{"2025-10-26T00:30:00Z", "2025-10-26T00:30:10Z"}, {"2025-10-26T00:30:00Z", "2025-10-26T01:30:10Z"},
		{"2025-10-25T23:59:00Z", "2025-10-26T01:30:10Z"}, {"2025-07-01T10:00:00Z", "2025-07-01T10:00:10Z"},
	} {
		got := [2]string{time.Unix(0, s.Submit[i]).UTC().Format(time.RFC3339), time.Unix(0, s.Completion[i]).UTC().Format(time.RFC3339)}
		if got != want {
			t.Errorf("row %d: %v, want %v", i, got, want)
		}
	}
	if w := strings.Join(s.Files[0].Warnings, "\n"); !strings.Contains(w, "5 times that occur twice in Europe/Berlin") {
		t.Errorf("warnings: %s", w)
	}
}

func TestStampsAgainstTime(t *testing.T) {
	for _, text := range []string{"2024-02-29 23:59:59.999999999", "1970-01-01 00:00:00", "1969-12-31 23:59:59.5", "2261-12-31 00:00:00", "2025-12-30T14:02:07.127529+09:00", "2025-01-01T00:00:00-0330"} {
		s, err := parseStamp([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var want time.Time
		for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700"} {
			if w, err := time.Parse(layout, text); err == nil {
				want = w
			}
		}
		c := clock{zone: time.UTC}
		if got, _, err := c.instants(s); err != nil || got != want.UnixNano() {
			t.Errorf("%s: %d (%v), want %d", text, got, err, want.UnixNano())
		}
	}
	for _, text := range []string{"2025-12-30 14:02:60", "2025-13-01 00:00:00", "2025-00-01 00:00:00", "2025-12-30 14:02:07.", "2025-12-30 14:02:07,5", "2025-12-30 14:02:07+2", "2025-12-30", "20x5-12-30 14:02:07"} {
		if _, err := parseStamp([]byte(text)); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// Whatever the bytes, nothing panics, every record is a row or a reject, and reading
// the same bytes twice says the same.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"example_metrics.csv", "example_metrics_hostile.csv"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(header10 + "2025-12-30 14:02:11.0,\"par\r\n" + row10(2, "b") + "x,\"\n\",\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		run := Run{File: "x"}
		s, err := Read(context.Background(), "x", bytes.NewReader(b), run, Options{Zone: time.UTC})
		if err != nil {
			return
		}
		again, err := Read(context.Background(), "x", bytes.NewReader(b), run, Options{Zone: time.UTC})
		if err != nil || again.Len() != s.Len() || again.Files[0].Rejected != s.Files[0].Rejected {
			t.Fatalf("read twice: %d and %v rows, %v", s.Len(), again, err)
		}
		if s.Files[0].Rows != s.Len() || len(s.idEnds) != s.Len() || len(s.Group) != s.Len() {
			t.Fatalf("%d rows, %d tasks, %d ids", s.Files[0].Rows, s.Len(), len(s.idEnds))
		}
		for i := range s.Len() {
			if s.ID(i); math.IsInf(s.Exec[i], 0) || s.Line[i] < 1 || i > 0 && s.Line[i] <= s.Line[i-1] {
				t.Fatalf("task %d: line %d, %v s", i, s.Line[i], s.Exec[i])
			}
		}
		NewThroughput(s)
		NewLatency(s)
		NewComparison(s)
		NewNotebookThroughput(s)
		NewNotebookComparison(s)
	})
}
