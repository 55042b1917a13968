package host

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, cfg := fixture(t)
		p := NewPressure(cfg)
		want(t, mustRead(t, p), map[string]any{
			"node n1 pressure_cpu_some_seconds": 20.086351, "node n1 pressure_cpu_some_ratio": absent, "node n1 pressure_cpu_full_seconds": absent})
		second()
		overlay(t, root, "proc1")
		want(t, mustRead(t, p), map[string]any{
			"node n1 pressure_cpu_some_ratio": 0.25, "node n1 pressure_memory_full_ratio": 0.0, "node n1 pressure_io_some_ratio": 1.0,
			"node n1 pressure_io_full_ratio": 0.5, "node n1 pressure_io_full_seconds": 4.656237})
	})
}

func TestPressureShareThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name, total string
		ratio       any
		refused     int
	}{
		{"a little above the interval", "21100000", 1.0, 0},
		{"far above the interval", "99086351", absent, 1},
		{"stepped back", "5", absent, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			root, cfg := fixture(t)
			p := NewPressure(cfg)
			mustRead(t, p)
			second()
			edit(t, root, "proc/pressure/cpu", "20086351", c.total)
			b := batchOf(t, p)
			want(t, flatten(t, b), map[string]any{"node n1 pressure_cpu_some_ratio": c.ratio, "node n1 pressure_io_some_ratio": 0.0})
			if b.Rejected() != c.refused {
				t.Errorf("%s: %d refused, want %d", c.name, b.Rejected(), c.refused)
			}
		})
	}
}

// One that is missing is an error; what there is, is still read.
func TestPressureFileMissing(t *testing.T) {
	root, cfg := fixture(t)
	if err := os.Remove(filepath.Join(root, "proc/pressure/memory")); err != nil {
		t.Fatal(err)
	}
	got, err := read(t, NewPressure(cfg))
	checkErr(t, "missing", err, "proc/pressure/memory")
	want(t, got, map[string]any{"node n1 pressure_memory_some_seconds": absent, "node n1 pressure_io_some_seconds": 4.636892})
}

// A kernel without pressure stall information has none of the files: that is no
// failure, and is looked at again later.
func TestWithoutPressure(t *testing.T) {
	root, cfg := fixture(t)
	dir := filepath.Join(root, "proc/pressure")
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	p := NewPressure(cfg)
	for range reopenEvery + 2 {
		want(t, mustRead(t, p), map[string]any{"node n1 pressure_cpu_some_seconds": absent})
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	for range reopenEvery {
		mustRead(t, p)
	}
	want(t, mustRead(t, p), map[string]any{"node n1 pressure_cpu_some_seconds": 20.086351})
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, p); err == nil {
		t.Error("what was there and is no more is a failure")
	}
}

func TestParsePressure(t *testing.T) {
	const some, full = "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", "full avg10=0.00 avg60=0.00 avg300=0.00 total=3\n"
	for _, c := range []struct {
		name, data string
		want       pressure
		err        string
	}{
		{"both", some + full, pressure{7 * time.Microsecond, 3 * time.Microsecond, true}, ""},
		{"some alone", some, pressure{some: 7 * time.Microsecond}, ""},
		{"empty", "", pressure{}, "no some line"},
		{"full alone", full, pressure{}, "no some line"},
		{"twice", some + some, pressure{}, "one line some"},
		{"another line", some + "half total=3\n", pressure{}, "one line some"},
		{"no total", "some avg10=0.00\n", pressure{}, "want a total"},
		{"letters", "some total=x\n", pressure{}, "not a number"},
		{"nothing", "some total=\n", pressure{}, "missing"},
		{"too long", "some total=9223372036854775807\n", pressure{}, "too long"},
	} {
		got, err := parsePressure([]byte(c.data))
		checkErr(t, c.name, err, c.err)
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
