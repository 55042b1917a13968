package tasks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// job is one task of an input of our own; times are seconds after the beginning.
type job struct {
	config, engine     string
	nodes, cores       int
	submit, wait, exec float64
	status             string
}

// notebookCSV writes jobs under the notebook's columns; NaN becomes an empty field.
func notebookCSV(jobs []job) string {
	var b strings.Builder
	b.WriteString("task_id,config_id,nodes,cores,engine,submit_time,wait_time_secs,execution_secs,completion_time,status\n")
	field := func(x float64) string {
		if math.IsNaN(x) {
			return ""
		}
		return fmt.Sprintf("%g", x)
	}
	at := func(s float64) string {
		if math.IsNaN(s) {
			return ""
		}
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(s * 1e9)).Format("2006-01-02T15:04:05.000000Z")
	}
	for i, j := range jobs {
		fmt.Fprintf(&b, "t%d,%s,%d,%d,%s,%s,%s,%s,%s,%s\n", i, j.config, j.nodes, j.cores, j.engine, at(j.submit), field(j.wait), field(j.exec), at(j.submit+j.wait+j.exec), j.status)
	}
	return b.String()
}

// batch is n jobs of one configuration submitted together, whose execution times rise
// from exec by step.
func batch(n int, config, engine string, nodes, cores int, exec, step float64, status string) []job {
	jobs := make([]job, n)
	for i := range jobs {
		jobs[i] = job{config, engine, nodes, cores, 0, 0.5, exec + float64(i)*step, status}
	}
	return jobs
}

// everything renders all that there is, as text and as JSON.
func everything(t *testing.T, s *Set) string {
	t.Helper()
	rows, notes := ScalingFromConfigs(s)
	scaling := NewScaling(rows)
	scaling.Notes = notes
	var out bytes.Buffer
	for _, v := range []interface{ WriteText(io.Writer) error }{
		NewSummary(s, &scaling, nil), NewNotebookThroughput(s), NewThroughput(s), NewNotebookLatency(s), NewLatency(s),
		NewNotebookComparison(s), NewComparison(s), NewNotebookScaling(rows), scaling,
	} {
		if err := v.WriteText(&out); err != nil {
			t.Error(err)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Error(err)
		}
	}
	for _, v := range []interface{ WriteCSV(io.Writer) error }{NewSummary(s, nil, nil), NewThroughput(s), NewLatency(s), NewComparison(s), scaling} {
		if err := v.WriteCSV(io.Discard); err != nil {
			t.Error(err)
		}
	}
	if err := s.WriteFiles(&out); err != nil {
		t.Error(err)
	}
	return out.String()
}

func TestWords(t *testing.T) {
	nan := math.NaN()
	join := func(all ...[]job) (out []job) {
		for _, a := range all {
			out = append(out, a...)
		}
		return out
	}
	for _, c := range []struct {
		name string
		jobs []job
		want []string
		not  []string
	}{
		{"one engine", batch(20, "0", "ray", 1, 8, 1, 0.1, "SUCCESS"), []string{
			"ray 1N/8C delivered", "1 engine: nothing to compare engines with", "Left out: the notebook compares the engines dask and ray; there are 0 tasks of dask and 20 of ray.", "no scaling study",
		}, []string{"dask 1N"}},
		{"three engines at equal cores", join(batch(20, "0", "dask", 1, 8, 3, 0.1, "SUCCESS"), batch(20, "1", "parsl", 1, 8, 1, 0.1, "SUCCESS"), batch(20, "2", "ray", 1, 8, 3.02, 0.1, "SUCCESS")), []string{
			"8 cores, dask against parsl: parsl is faster than dask by 2.00 s on average", "8 cores, parsl against ray: parsl is faster than ray", "dask against ray: no significant difference", "both tests agree", "a large effect",
		}, []string{"confounded"}},
		{"two engines at other cores", join(batch(30, "0", "dask", 1, 8, 3, 0.1, "SUCCESS"), batch(30, "1", "ray", 2, 16, 1, 0.1, "SUCCESS")), []string{
			"no two engines ran on the same number of cores", "confounded: dask ran on 8 cores, ray on 16",
		}, []string{"Engines at equal cores"}},
		{"one task", batch(1, "0", "dask", 1, 8, 1, 0, "SUCCESS"), []string{"1 benchmark record", "~1.00", "Throughput: 0.67 tasks/sec"}, nil},
		{"one task each", join(batch(1, "0", "dask", 1, 8, 1, 0, "SUCCESS"), batch(1, "1", "ray", 1, 8, 2, 0, "SUCCESS")), []string{
			"too few tasks, or too much alike, to tell (means cannot be tested, ranks p 1)", "T-test p-value: nan", "Conclusion: No significant difference",
		}, nil},
		{"all failed", join(batch(10, "0", "dask", 1, 8, 1, 0.1, "FAILED"), batch(10, "1", "ray", 1, 8, 2, 0.1, "FAILED")), []string{
			"20 of 20 tasks failed and used 39.00 s of execution", "no tasks on one side", "20 failed tasks left out here",
		}, []string{"is faster"}},
		{"six configurations", join(batch(12, "0", "dask", 1, 8, 8, 0.1, "SUCCESS"), batch(12, "1", "dask", 2, 16, 4, 0.1, "SUCCESS"), batch(12, "2", "dask", 4, 32, 2, 0.1, "SUCCESS"),
			batch(12, "3", "ray", 1, 8, 6, 0.1, "SUCCESS"), batch(12, "4", "ray", 2, 16, 3, 0.1, "SUCCESS"), batch(12, "5", "ray", 4, 32, 1.5, 0.1, "SUCCESS")), []string{
			"Configurations, two by two", "At 32 cores: ray is faster than dask", "Strong scaling, dask", "Amdahl's law fits a serial fraction", "Strong scaling of ray:",
		}, []string{"confounded"}},
		{"ties", join(batch(12, "0", "dask", 1, 8, 1, 0, "SUCCESS"), batch(12, "1", "ray", 1, 8, 1, 0, "SUCCESS")), []string{
			"too few tasks, or too much alike, to tell (means cannot be tested, ranks p 1)",
		}, nil},
		{"missing values", []job{{"0", "dask", 1, 8, 0, 0.5, nan, "SUCCESS"}, {"0", "dask", 1, 8, nan, 0.5, 1, ""}, {"", "dask", 1, 8, 0, nan, 1, "RUNNING"}, {"0", "", 0, 0, 1, 0.5, 2, "FAILED"}}, []string{
			"1 of 4 tasks without execution_secs", "1 of 4 tasks without submit_time", `counted as neither: "RUNNING" 1`, "1 task without config_id", "rows of one config_id disagree",
		}, nil},
		{"two batches an hour apart", join(batch(10, "0", "ray", 1, 8, 1, 0, "SUCCESS"), []job{{"0", "ray", 1, 8, 3600, 0, 1, "SUCCESS"}}), []string{
			"separate batches: ray 1N/8C", "99.9%",
		}, nil},
		{"wall-clock time of zero", []job{{"0", "dask", 1, 8, 0, 0, 0, "SUCCESS"}}, []string{"none has a throughput", "No configuration has a rate"}, nil},
		{"nothing", nil, []string{"0 benchmark records", "no tasks: a header and nothing else"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := everything(t, read(t, notebookCSV(c.jobs), Options{}))
			flat := strings.Join(strings.Fields(text), " ")
			for _, w := range c.want {
				if !strings.Contains(flat, w) {
					t.Errorf("does not say %q:\n%s", w, text)
				}
			}
			for _, w := range append(c.not, "%!", "+Inf", "-Inf", "NaN") {
				if strings.Contains(flat, w) {
					t.Errorf("says %q:\n%s", w, text)
				}
			}
		})
	}
}

// Repeats of a configuration are its runs, and three of them give an interval.
func TestRepeats(t *testing.T) {
	s := newSet()
	for i, exec := range []string{"1", "1.2", "1.1"} {
		text := header10 + "2026-01-01 00:00:0" + exec[:1] + ".9,,0.9,0,ANY,0,SUCCESS,2026-01-01 00:00:00,a,0.1\r\n"
		run := Run{File: fmt.Sprintf("run%d.csv", i), Engine: "ray", Nodes: 1, Cores: 8, Zone: time.UTC}
		if err := s.read(t.Context(), run.File, strings.NewReader(text), 0, &run, Options{}); err != nil {
			t.Fatal(err)
		}
		_ = exec
	}
	s.finish()
	c := NewThroughput(s).Configs
	if len(c) != 1 || len(c[0].Runs) != 3 || !known(c[0].GoodputInterval[0]) || c[0].Label != "ray 1N/8C" {
		t.Errorf("%+v", c)
	}
}

func TestScalingLaws(t *testing.T) {
	var rows []ScalingRow
	for _, n := range []float64{4, 1, 16, 2, 8} { // in any order
		rows = append(rows, ScalingRow{Kind: "strong", Nodes: n, Cores: 8 * n, Tasks: 100, Time: 10 * (0.1 + 0.9/n)},
			ScalingRow{Kind: "weak", Nodes: n, Cores: 8 * n, Tasks: 100 * n, Time: 10 * n / (n - 0.2*(n-1))})
	}
	s := NewScaling(rows)
	if len(s.Studies) != 2 {
		t.Fatalf("%d studies", len(s.Studies))
	}
	for i, want := range []float64{0.1, 0.2} {
		st := s.Studies[i]
		if st.Law == nil || math.Abs(float64(st.Law.Serial)-want) > 1e-9 || st.Law.Worst > 1e-9 {
			t.Errorf("%s: law %+v, want a serial fraction of %v", st.Kind, st.Law, want)
		}
		for _, p := range st.Points[1:] {
			if math.Abs(float64(p.Serial)-want) > 1e-9 {
				t.Errorf("%s at %v nodes: Karp-Flatt %v, want %v", st.Kind, p.Nodes, p.Serial, want)
			}
		}
	}
	strong := s.Studies[0]
	if strong.Points[0].Nodes != 1 || strong.Points[0].Efficiency != 1 || known(strong.Points[0].Serial) || strong.GoodUpTo != 16 || math.Abs(float64(strong.Law.Limit)-10) > 1e-9 {
		t.Errorf("%+v, good up to %v, limit %v", strong.Points[0], strong.GoodUpTo, strong.Law.Limit)
	}
}

func TestReadScaling(t *testing.T) {
	rows, rejects, err := ReadScaling(strings.NewReader("\ufeffkind,nodes,cores,tasks,time\nstrong,1,8,100,10\nsideways,1,8,100,10\nweak,2,16,,9\nweak,2,16,100,-1\nweak,2,16\nweak,1,8,100,0\n"))
	if err != nil || len(rows) != 3 || len(rejects) != 3 || rejects[0].Line != 3 {
		t.Errorf("%d rows, rejects %v, %v", len(rows), rejects, err)
	}
	var out bytes.Buffer
	if err := NewScaling(rows).WriteText(&out); err != nil || strings.Contains(out.String(), "Inf") {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, text := range []string{"", "kind,nodes,cores,time\n"} {
		if _, _, err := ReadScaling(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// Tasks that all fail at once are done as fast as they come, and no rate of the
// submitter's explains that nothing was delivered.
func TestArrivalLimitedNeedsADelivery(t *testing.T) {
	for status, want := range map[string]bool{"SUCCESS": true, "FAILED": false} {
		var jobs []job
		for i := range 20 {
			jobs = append(jobs, job{"0", "ray", 1, 8, float64(i), 0.1, 0.4, status})
		}
		s, err := Read(t.Context(), "x", strings.NewReader(notebookCSV(jobs)), Run{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := NewThroughput(s).Configs[0].ArrivalLimited; got != want {
			t.Errorf("%s: arrival-limited %v, want %v", status, got, want)
		}
	}
}

// A reference that took no time is a mistake of the file's: no speed-up of 0 follows from it.
func TestScalingFromATimeOfZero(t *testing.T) {
	s := NewScaling([]ScalingRow{{Kind: "strong", Nodes: 1, Cores: 8, Tasks: 10, Time: 0}, {Kind: "strong", Nodes: 2, Cores: 16, Tasks: 10, Time: 5}})
	for _, p := range s.Studies[0].Points {
		if known(p.Speedup) || known(p.Efficiency) {
			t.Errorf("at %g cores: speed-up %g, efficiency %g; want none", p.Cores, p.Speedup, p.Efficiency)
		}
	}
	if notes := strings.Join(s.Studies[0].Notes, "\n"); !strings.Contains(notes, "the time is zero or missing") {
		t.Errorf("the notes do not say why: %s", notes)
	}
}
