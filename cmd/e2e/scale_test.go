//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// fleet is what docs/scale.md's queries are tried on: nodes with two GPUs and a
// job each, every job on two nodes, ten minutes at ten seconds.
const (
	fleetNodes    = 200
	fleetTicks    = 61
	fleetInterval = 10 * time.Second
)

func fleetDesc(on metric.EntityKind, column string, u metric.Unit, k metric.Kind, ty metric.Type) *metric.Desc {
	step := 0.0001
	if ty == metric.TypeInt {
		step = 0
	}
	return &metric.Desc{On: on, Column: column, Help: "Made up.", Unit: u, Kind: k, Type: ty, Step: step, Absent: "never"}
}

// fleetDescs are shared by all nodes, in the order that recordFleetNode names them.
func fleetDescs() []*metric.Desc {
	return []*metric.Desc{
		fleetDesc(metric.Node, "cpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat),
		fleetDesc(metric.Node, "memory_util", metric.Ratio, metric.Gauge, metric.TypeFloat),
		fleetDesc(metric.Node, "gpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat),
		fleetDesc(metric.Node, "network_mbps", metric.Mbps, metric.Gauge, metric.TypeFloat),
		fleetDesc(metric.Node, "cpu_count", metric.Count, metric.Gauge, metric.TypeInt),
		fleetDesc(metric.GPU, "gpu_util", metric.Ratio, metric.Gauge, metric.TypeFloat),
		fleetDesc(metric.Worker, "worker_cpu_seconds", metric.Seconds, metric.Counter, metric.TypeFloat),
		fleetDesc(metric.Worker, "worker_memory_bytes", metric.Bytes, metric.Gauge, metric.TypeInt),
	}
}

// recordFleetNode writes node number i through the recorder. Intervals differ, so
// that a mean which is not weighted by them is a different one.
func recordFleetNode(dir string, i int, d []*metric.Desc, begin time.Time) error {
	name := fmt.Sprintf("n%03d", i)
	r, err := window.NewRecorder(window.Options{Dir: dir, Node: name, BootID: "b", Agent: "test", Interval: fleetInterval, Width: 10 * time.Minute, SyncInterval: time.Hour, Queue: fleetTicks + 1})
	if err != nil {
		return err
	}
	node := &metric.Entity{Kind: metric.Node, ID: name}
	job := strconv.Itoa(1000 + i/2)
	worker := &metric.Entity{Kind: metric.Worker, ID: "slurm-" + job, Worker: "slurm-" + job, Info: []metric.Label{{Name: "job", Value: job}}}
	gpus := []*metric.Entity{{Kind: metric.GPU, ID: "GPU-" + name + "-0"}, {Kind: metric.GPU, ID: "GPU-" + name + "-1"}}
	for tick := range fleetTicks {
		load := float64((i*37+tick*61)%1000) / 1000
		var b metric.Batch
		b.Add(node, metric.Float(d[0], load), metric.Float(d[1], 0.25+load/2), metric.Float(d[3], load*1000), metric.Int(d[4], 64))
		if i%4 > 0 { // a quarter of the nodes has no GPU
			b.Add(node, metric.Float(d[2], load/2))
			b.Add(gpus[0], metric.Float(d[5], load))
			b.Add(gpus[1], metric.Float(d[5], 0)) // an idle one
		}
		b.Add(worker, metric.Float(d[6], 100+float64(tick)*8*(1+load/1000)), metric.Int(d[7], int64(1+i)<<30))
		s := &metric.Sample{Time: begin.Add(time.Duration(tick) * fleetInterval), Interval: fleetInterval + time.Duration((i+tick)%7)*100*time.Millisecond, Readings: metric.Merge(&b)}
		r.Publish(s)
	}
	if err := r.Close(context.Background()); err != nil {
		return err
	}
	if st := r.Stats(); st.Written != fleetTicks {
		return fmt.Errorf("%s: recorded %+v", name, st)
	}
	return nil
}

// recordFleet records all nodes below one directory, as on a shared file system.
func recordFleet(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "nodemeter-fleet-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d, begin := fleetDescs(), time.Date(2026, 3, 4, 10, 5, 0, 0, time.UTC)
	var wg sync.WaitGroup
	const at_once = 4
	for lane := range at_once {
		wg.Go(func() {
			for i := lane; i < fleetNodes; i += at_once {
				if err := recordFleetNode(dir, i, d, begin); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return dir
}

// scaleBlocks are the fenced blocks of docs/scale.md in a language, with the
// directory that the page names replaced.
func scaleBlocks(t *testing.T, language, dir string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "scale.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllSubmatch(b, -1) {
		out = append(out, strings.ReplaceAll(string(m[1]), "/shared/nodemeter", dir))
	}
	if len(out) == 0 {
		t.Fatalf("docs/scale.md has no block in %s", language)
	}
	return out
}

// fleetSummary is what nodemeter says of a fleet by some kind of entity, by label.
func fleetSummary(t *testing.T, dir, by string) map[string]fleetEntity {
	t.Helper()
	var s struct {
		Overall  map[string]fleetStats
		Entities []fleetEntity
	}
	if err := json.Unmarshal([]byte(run(t, bin(t, "nodemeter"), "summary", "--zone", "UTC", "--by", by, "--format", "json", dir)), &s); err != nil {
		t.Fatal(err)
	}
	out := map[string]fleetEntity{"": {Stats: s.Overall}}
	for _, e := range s.Entities {
		if e.Kind == by {
			out[e.Node+" "+e.ID] = e
		}
	}
	return out
}

type fleetStats struct {
	Mean, Max, P95 float64
	Samples        int
}

type fleetEntity struct {
	Node, Kind, ID string
	Stats          map[string]fleetStats
	Increase       map[string]float64
}

// same fails unless two figures agree to 1e-9.
func same(t *testing.T, what string, got any, want float64) {
	t.Helper()
	g, err := strconv.ParseFloat(fmt.Sprint(got), 64)
	if err != nil || math.Abs(g-want) > 1e-9*math.Max(1, math.Abs(want)) {
		t.Errorf("%s: %v, nodemeter summary says %v", what, got, want)
	}
}

// TestQueriesOfAFleet runs the very queries of docs/scale.md on the windows of 200
// nodes, DuckDB's and Dask's, and compares with nodemeter summary.
func TestQueriesOfAFleet(t *testing.T) {
	t.Parallel()
	node, tools := need(t, "node"), installReaders(t)
	dir := recordFleet(t)
	sql := strings.Join(scaleBlocks(t, "sql", dir), "\n")
	cmd := exec.Command(node, filepath.Join(tools, "query.mjs"))
	cmd.Stdin = strings.NewReader(sql)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var answers [][]map[string]any
	if err := json.Unmarshal(text, &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) != 5 {
		t.Fatalf("%d statements, want a view and four queries", len(answers))
	}
	nodes, gpus, workers := fleetSummary(t, dir, "node"), fleetSummary(t, dir, "gpu"), fleetSummary(t, dir, "worker")
	checkNodes(t, answers[1], nodes)
	if len(answers[2]) != 1 {
		t.Fatalf("the fleet is %v", answers[2])
	}
	for column, figure := range map[string]string{"cpu": "cpu_util", "memory": "memory_util", "gpu": "gpu_util"} {
		same(t, "fleet "+column, answers[2][0][column], nodes[""].Stats[figure].Mean)
	}
	if idle := answers[3]; len(idle) != fleetNodes*3/4 {
		t.Errorf("%d idle GPUs, want %d", len(idle), fleetNodes*3/4)
	}
	for _, row := range answers[3] {
		same(t, fmt.Sprint("idle GPU ", row["id"]), 0, gpus[fmt.Sprint(row["node"], " ", row["id"])].Stats["gpu_util"].Max)
	}
	jobs := map[string]float64{}
	for key, w := range workers {
		if key != "" {
			jobs[w.ID] += w.Increase["worker_cpu_seconds"] / 3600
		}
	}
	if len(answers[4]) != fleetNodes/2 {
		t.Errorf("%d jobs, want %d", len(answers[4]), fleetNodes/2)
	}
	for _, row := range answers[4] {
		same(t, fmt.Sprint("core-hours of ", row["worker_id"]), row["core_hours"], jobs[fmt.Sprint(row["worker_id"])])
	}
	checkDask(t, dir, nodes)
}

func checkNodes(t *testing.T, rows []map[string]any, nodes map[string]fleetEntity) {
	t.Helper()
	if len(rows) != fleetNodes {
		t.Fatalf("%d nodes, want %d", len(rows), fleetNodes)
	}
	for _, row := range rows {
		name := fmt.Sprint(row["node"])
		e := nodes[name+" "+name]
		same(t, name+" cpu", row["cpu"], e.Stats["cpu_util"].Mean)
		same(t, name+" memory", row["memory"], e.Stats["memory_util"].Mean)
		same(t, name+" samples", row["samples"], float64(e.Stats["cpu_util"].Samples))
	}
}

// checkDask runs docs/scale.md's Dask lines. Debian has no pyarrow, so the line
// that opens the Parquet files is replaced by one that opens an export as CSV.
func checkDask(t *testing.T, dir string, nodes map[string]fleetEntity) {
	t.Helper()
	const python = "/usr/bin/python3"
	csv := filepath.Join(t.TempDir(), "fleet.csv")
	run(t, bin(t, "nodemeter"), "export", "--by", "node", "--columns", "cpu_util", "-o", csv, dir)
	opens := regexp.MustCompile(`(?m)^windows = dd\.read_parquet\(.*$`)
	code := scaleBlocks(t, "python", dir)[0]
	if !opens.MatchString(code) {
		t.Fatal("the Dask block does not open Parquet files")
	}
	code = opens.ReplaceAllLiteralString(code, "windows = dd.read_csv("+strconv.Quote(csv)+", assume_missing=True)") + "\nprint(mean.to_json(double_precision=15))\n"
	var mean map[string]float64
	if err := json.Unmarshal([]byte(run(t, python, "-c", code)), &mean); err != nil {
		t.Fatal(err)
	}
	if len(mean) != fleetNodes {
		t.Fatalf("Dask found %d nodes", len(mean))
	}
	for name, got := range mean {
		same(t, "Dask "+name, got, nodes[name+" "+name].Stats["cpu_util"].Mean)
	}
}
