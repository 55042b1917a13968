// Package oracle holds the analyzer against figures computed with pandas and
// scipy from the notebook's own code.
//
// The test reads its directory from NODEMETER_ORACLE (default: the copy in
// testdata/oracle): expected.json and whichever of resource_samples.csv,
// task_metrics.csv and scaling.csv are there.
package oracle

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nodemeter/analysis"
	"nodemeter/analysis/tasks"
)

// sections maps each section of expected.json to the input it needs and to
// what computes it. The value is compared as JSON, leaf by leaf.
var sections = map[string]struct {
	input   string
	compute func(path string) (any, error)
}{
	"1_summary":           {"task_metrics.csv", ofTasks(tasks.NewNotebookSummary)},
	"2_throughput":        {"task_metrics.csv", ofTasks(tasks.NewNotebookThroughput)},
	"3_latency":           {"task_metrics.csv", ofTasks(tasks.NewNotebookLatency)},
	"4_scaling":           {"scaling.csv", scalingSection},
	"6_comparison":        {"task_metrics.csv", ofTasks(tasks.NewNotebookComparison)},
	"6_benchmark_summary": {"task_metrics.csv", ofTasks(tasks.NewNotebookBenchmark)},
	"5_resources": {"resource_samples.csv", func(path string) (any, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		frame, problems, err := analysis.ReadCSV(f, analysis.CSVOptions{Name: path})
		if err == nil && len(problems) > 0 {
			err = fmt.Errorf("%s: %w", problems[0].File, problems[0].Err)
		}
		if err != nil {
			return nil, err
		}
		return analysis.NewSection5(frame), nil
	}},
}

const tolerance = 1e-9

func oracleDir() string {
	if d := os.Getenv("NODEMETER_ORACLE"); d != "" {
		return d
	}
	return filepath.Join("..", "..", "testdata", "oracle")
}

func TestOracle(t *testing.T) { compareDir(t, oracleDir()) }

// Other data of the same shape: shuffled, with NaN, ties, duplicates, jitter,
// without a GPU. testdata/make.py says how they and their figures were made.
func TestOracleVariants(t *testing.T) {
	files, err := filepath.Glob("testdata/*/expected.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d variants, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(filepath.Dir(f)), func(t *testing.T) { compareDir(t, filepath.Dir(f)) })
	}
}

func compareDir(t *testing.T, dir string) {
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]any
	if err := json.Unmarshal(b, &expected); err != nil {
		t.Fatalf("%s: %v", filepath.Join(dir, "expected.json"), err)
	}
	total := 0
	for name, want := range expected {
		if name == "meta" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s, ok := sections[name]
			if !ok {
				t.Fatalf("no such section in the analyzer")
			}
			got, err := s.compute(filepath.Join(dir, s.input))
			if err != nil {
				t.Fatal(err)
			}
			c := comparison{t: t}
			c.compare("", want, viaJSON(t, got))
			t.Logf("%d numbers and %d texts compared", c.numbers, c.texts)
			total += c.numbers
		})
	}
	t.Logf("%s: %d numbers compared to %g relative", dir, total, tolerance)
	if total == 0 {
		t.Error("nothing was compared")
	}
}

func viaJSON(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

type comparison struct {
	t              *testing.T
	numbers, texts int
	failures       int
}

func (c *comparison) fail(path, format string, args ...any) {
	c.failures++
	if c.failures <= 20 {
		c.t.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
	}
}

// compare walks what is expected; the analyzer may say more, never less.
func (c *comparison) compare(path string, want, got any) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			c.fail(path, "want an object, got %T", got)
			return
		}
		keys := make([]string, 0, len(w))
		for k := range w {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			v, ok := g[k]
			if !ok {
				c.fail(path+"/"+k, "missing")
				continue
			}
			c.compare(path+"/"+k, w[k], v)
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			c.fail(path, "want a list of %d, got %T of %d", len(w), got, len(g))
			return
		}
		for i := range w {
			c.compare(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])
		}
	case float64:
		c.numbers++
		g, ok := got.(float64)
		if !ok || !near(path, w, g) {
			c.fail(path, "want %.17g, got %v", w, got)
		}
	case string:
		c.texts++
		if got != want {
			c.fail(path, "want %q, got %v", w, got)
		}
	default: // nil, bool
		c.texts++
		if got != want {
			c.fail(path, "want %v, got %v", want, got)
		}
	}
}

// looser is where the oracle itself is not good to tolerance: the interval rests
// on scipy's t.ppf, which for a fractional 5.4 degrees of freedom is 2.4e-9 off
// the value that mpmath and the inverse incomplete beta function agree on
// (analysis/stat holds our quantile against that value).
var looser = map[string]float64{
	"/extra/welch/ci95[0]": 1e-8,
	"/extra/welch/ci95[1]": 1e-8,
}

func near(path string, want, got float64) bool {
	limit := max(tolerance, looser[path])
	return want == got || math.Abs(want-got) <= limit*max(math.Abs(want), math.Abs(got)) || math.Abs(want-got) < 1e-300
}

// The comparison itself must be able to fail.
func TestComparisonFails(t *testing.T) {
	for _, c := range [][2]string{
		{`{"a":1}`, `{}`}, {`{"a":1}`, `{"a":1.00000001}`}, {`[1,2]`, `[1]`}, {`"x"`, `"y"`}, {`null`, `0`}, {`1`, `null`}, {`true`, `false`},
	} {
		probe := &testing.T{}
		var w, g any
		if err := json.NewDecoder(strings.NewReader(c[0])).Decode(&w); err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(strings.NewReader(c[1])).Decode(&g); err != nil {
			t.Fatal(err)
		}
		k := comparison{t: probe, failures: 20}
		k.compare("", w, g)
		if k.failures == 20 {
			t.Errorf("%s against %s was accepted", c[1], c[0])
		}
	}
}
