//go:build e2e

package e2e

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// engine is what DuckDB or Polars says about a directory of windows.
type engine struct {
	Means map[string]any    `json:"means"`
	Types map[string]string `json:"types"`
}

// TestOtherEnginesReadTheWindows opens the directory of two nodes with DuckDB
// and Polars, as Hive partitions, and holds their means against nodemeter summary's.
func TestOtherEnginesReadTheWindows(t *testing.T) {
	node, dir := need(t, "node"), installReaders(t)
	windows := recordTwoNodes(t)
	var answers map[string]engine
	if err := json.Unmarshal([]byte(run(t, node, filepath.Join(dir, "read.mjs"), windows)), &answers); err != nil {
		t.Fatal(err)
	}
	var s summary
	summaryJSON(t, &s, windows)
	for name, e := range answers {
		rows, ok := e.Means["rows"].(float64)
		if !ok || int(rows) != s.samples() {
			t.Errorf("%s: %v node rows, summary has %d samples", name, e.Means["rows"], s.samples())
		}
		for _, column := range []string{"cpu_util", "memory_util", "network_mbps"} {
			got, ok := e.Means[column].(float64)
			if want := s.Overall[column].SampleMean; !ok || math.Abs(got-want) > 1e-9*max(1, want) {
				t.Errorf("%s: mean %s %v, summary %v", name, column, e.Means[column], want)
			}
		}
		for column, typ := range e.Types {
			if strings.Contains(strings.ToUpper(typ), "DECIMAL") {
				t.Errorf("%s: column %s is a %s", name, column, typ)
			}
		}
	}
	types := answers["duckdb"].Types
	for column, want := range map[string]string{"timestamp": "TIMESTAMP WITH TIME ZONE", "cpu_util": "DOUBLE", "memory_total_bytes": "BIGINT", "worker_id": "VARCHAR", "node": "VARCHAR"} {
		if types[column] != want {
			t.Errorf("duckdb reads %s as %q, want %s", column, types[column], want)
		}
	}
}

// installReaders unpacks DuckDB and Polars and the scripts that use them.
func installReaders(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "readers"))); err != nil {
		tb.Fatal(err)
	}
	run(tb, need(tb, "npm"), "install", "--prefix", dir, "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
	return dir
}

// recordTwoNodes records a few seconds as each of two nodes, windows of ten
// seconds so that several are sealed, and returns their common directory.
func recordTwoNodes(t *testing.T) string {
	t.Helper()
	stress := need(t, "stress-ng")
	dir := t.TempDir()
	var agents []*agent
	for _, name := range []string{"node-a", "node-b"} {
		agents = append(agents, startAgent(t, nil, "--node="+name, "--windows.dir="+dir, "--windows.width=10s", "--interval=250ms"))
	}
	run(t, stress, "--cpu", "1", "--cpu-load", "60", "--timeout", "15s")
	for _, a := range agents {
		a.stop(t)
	}
	return dir
}
