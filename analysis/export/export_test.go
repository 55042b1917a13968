package export

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

var (
	cpu = &metric.Desc{On: metric.Node, Column: "cpu_util", Metric: "nodemeter_cpu_utilization_ratio", Help: "Busy share.", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.0001, Absent: "not read"}
	mem = &metric.Desc{On: metric.Node, Column: "memory_util", Metric: "nodemeter_memory_utilization_ratio", Help: "Used share.", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.0001, Absent: "not read"}
	net = &metric.Desc{On: metric.Node, Column: "network_mbps", Help: "10^6 bit/s.", Unit: metric.Mbps, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.001, Absent: "not read"}
	rx  = &metric.Desc{On: metric.Node, Column: "network_receive_bytes", Metric: "nodemeter_network_receive_bytes_total", Help: "Received.", Unit: metric.Bytes, Kind: metric.Counter, Type: metric.TypeInt, Absent: "not read"}
	gpu = &metric.Desc{On: metric.GPU, Column: "gpu_util", Metric: "nodemeter_gpu_utilization_ratio", Help: "A kernel ran.", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.0001, Absent: "not read"}
	st  = &metric.Desc{On: metric.GPU, Column: "gpu_state", Metric: "nodemeter_gpu_state", Help: "State.", Unit: metric.Count, Kind: metric.Gauge, Type: metric.TypeState, States: []string{"ok", "hung"}, Absent: "no GPU"}
	all = &metric.Desc{On: metric.Node, Column: "gpu_util", Metric: "nodemeter_node_gpu_utilization_ratio", Help: "Mean over GPUs.", Unit: metric.Ratio, Kind: metric.Gauge, Type: metric.TypeFloat, Step: 0.0001, Absent: "no GPU"}
)

var start = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

// record writes n seconds of a node: one window sealed, and one left unsealed
// by a recorder that is never closed when open is true.
func record(t *testing.T, dir, node string, n int, withGPU bool) {
	t.Helper()
	r, err := window.NewRecorder(window.Options{Dir: dir, Node: node, BootID: "b", Agent: "test", Interval: time.Second, Width: 2 * time.Second, SyncInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	host := &metric.Entity{Kind: metric.Node, ID: node}
	card := &metric.Entity{Kind: metric.GPU, ID: "GPU-1"}
	for i := range n {
		var b metric.Batch
		b.Add(host, metric.Float(cpu, float64(i+1)/10), metric.Int(rx, int64(1000*i)))
		if i != 1 {
			b.Add(host, metric.Float(mem, 0.5), metric.Float(net, 8))
		}
		if withGPU {
			b.Add(host, metric.Float(all, 0.25))
			b.Add(card, metric.Float(gpu, 0.25), metric.State(st, i%2))
		}
		r.Publish(&metric.Sample{Time: start.Add(time.Duration(i) * time.Second), Mono: time.Duration(i) * time.Second, Interval: time.Second, Readings: metric.Merge(&b)})
	}
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func frame(t *testing.T, q window.Query, paths ...string) *Frame {
	t.Helper()
	f, err := NewFrame(paths, q)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func nodes() window.Query {
	return window.Query{Kinds: []metric.EntityKind{metric.Node}, Columns: NotebookColumns}
}

const wantCSV = `timestamp,time_offset,worker_id,cpu_util,memory_util,gpu_util,network_mbps
2026-01-02T15:00:00.000000Z,0,n1,0.1,0.5,,8
2026-01-02T15:00:00.000000Z,0,n2,0.1,0.5,0.25,8
2026-01-02T15:00:01.000000Z,1,n1,0.2,,,
2026-01-02T15:00:01.000000Z,1,n2,0.2,,0.25,
2026-01-02T15:00:02.000000Z,2,n1,0.3,0.5,,8
2026-01-02T15:00:02.000000Z,2,n2,0.3,0.5,0.25,8
`

func TestCSVIsTheNotebooksDataFrame(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "n2", 3, true)
	record(t, dir, "n1", 3, false)
	var b bytes.Buffer
	rows, err := CSV(&b, frame(t, nodes(), dir), Options{})
	if err != nil || rows != 6 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	if d := cmp.Diff(wantCSV, b.String()); d != "" {
		t.Error(d)
	}
	b.Reset()
	if _, err := CSV(&b, frame(t, nodes(), dir), Options{GPUAbsent: "0"}); err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(wantCSV, ",,8", ",0,8"); !strings.Contains(b.String(), "n1,0.2,,0,\n") || !strings.Contains(want, "0,8") {
		t.Errorf("--gpu-absent 0 must fill gpu_util and nothing else:\n%s", b.String())
	}
}

func TestOffsetsAreOnTheGrid(t *testing.T) {
	f := &Frame{origin: start.UnixNano(), interval: int64(5 * time.Second)}
	for at, want := range map[time.Duration]float64{0: 0, 5 * time.Second: 5, 7 * time.Second: 10, 10 * time.Second: 10} {
		if got := f.offset(start.Add(at).UnixNano()); got != want {
			t.Errorf("%s: %g, want %g", at, got, want)
		}
	}
	f.interval = 0 // windows of different intervals
	if got := f.offset(start.Add(7 * time.Second).UnixNano()); got != 7 {
		t.Errorf("without a grid: %g", got)
	}
}

func TestDuplicatesAreLeftOutAndCounted(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "n1", 3, false)
	files, _, err := window.Find([]string{dir}, window.Query{})
	if err != nil || len(files) != 2 {
		t.Fatalf("%d windows, %v", len(files), err)
	}
	other := filepath.Join(t.TempDir(), filepath.Base(files[0].Path))
	copyFile(t, files[0].Path, other)
	f := frame(t, nodes(), dir, other)
	n, err := CSV(io.Discard, f, Options{})
	if err != nil || n != 3 || f.Duplicates() != 2 {
		t.Errorf("%d rows and %d duplicates (%v), want 3 and 2", n, f.Duplicates(), err)
	}
}

func TestRowsOfOtherEntities(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "n2", 2, true)
	var b bytes.Buffer
	q := window.Query{Kinds: []metric.EntityKind{metric.GPU}, Columns: []string{"gpu_util", "gpu_state"}}
	if _, err := JSONLines(&b, frame(t, q, dir), Options{Identity: true}); err != nil {
		t.Fatal(err)
	}
	want := `{"timestamp":"2026-01-02T15:00:00.000000Z","time_offset":0,"worker_id":"n2","gpu_util":0.25,"gpu_state":"ok","node":"n2","kind":"gpu","id":"GPU-1","interval_seconds":1}
{"timestamp":"2026-01-02T15:00:01.000000Z","time_offset":1,"worker_id":"n2","gpu_util":0.25,"gpu_state":"hung","node":"n2","kind":"gpu","id":"GPU-1","interval_seconds":1}
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
	if _, err := NewFrame([]string{dir}, window.Query{Columns: []string{"no_such"}}); err == nil || !strings.Contains(err.Error(), "no_such") {
		t.Errorf("an unknown column: %v", err)
	}
}

func TestParquetKeepsOrderTypesAndNulls(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "n1", 3, false)
	var b bytes.Buffer
	q := nodes()
	q.Columns = append(slices.Clone(q.Columns), "network_receive_bytes")
	if n, err := Parquet(&b, frame(t, q, dir), Options{}); err != nil || n != 3 {
		t.Fatalf("%d rows, %v", n, err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range file.Root().Columns() {
		names = append(names, c.Name())
	}
	if d := cmp.Diff([]string{"timestamp", "time_offset", "worker_id", "cpu_util", "memory_util", "gpu_util", "network_mbps", "network_receive_bytes"}, names); d != "" {
		t.Error(d)
	}
	rows := make([]parquet.Row, 3)
	r := file.RowGroups()[0].Rows()
	defer r.Close()
	if n, err := r.ReadRows(rows); n != 3 || (err != nil && err != io.EOF) {
		t.Fatalf("%d rows, %v", n, err)
	}
	row := rows[1]
	if row[0].Int64() != start.Add(time.Second).UnixMicro() || row[1].Double() != 1 || row[2].String() != "n1" || row[3].Double() != 0.2 ||
		!row[4].IsNull() || !row[5].IsNull() || row[7].Int64() != 1000 {
		t.Errorf("second row %v", row)
	}
}

const wantOpenMetrics = `# TYPE nodemeter_cpu_utilization_ratio gauge
# UNIT nodemeter_cpu_utilization_ratio ratio
# HELP nodemeter_cpu_utilization_ratio Busy share.
nodemeter_cpu_utilization_ratio{job="j",instance="n2"} 0.1 1767366000
nodemeter_cpu_utilization_ratio{job="j",instance="n2"} 0.2 1767366001
nodemeter_cpu_utilization_ratio{job="j",instance="n2"} 0.3 1767366002
# TYPE nodemeter_gpu_state gauge
# HELP nodemeter_gpu_state State.
nodemeter_gpu_state{job="j",instance="n2",uuid="GPU-1",state="ok"} 1 1767366000
nodemeter_gpu_state{job="j",instance="n2",uuid="GPU-1",state="ok"} 0 1767366001
nodemeter_gpu_state{job="j",instance="n2",uuid="GPU-1",state="hung"} 0 1767366000
nodemeter_gpu_state{job="j",instance="n2",uuid="GPU-1",state="hung"} 1 1767366001
nodemeter_gpu_state{job="j",instance="n2",uuid="GPU-1",state="ok"} 1 1767366002
nodemeter_gpu_state{job="j",instance="n2",uuid="GPU-1",state="hung"} 0 1767366002
`

func TestOpenMetrics(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "n2", 3, true)
	var b bytes.Buffer
	if _, problems, err := OpenMetrics(&b, []string{dir}, window.Query{}, "j"); err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	text := b.String()
	if !strings.HasPrefix(text, wantOpenMetrics) {
		t.Error(cmp.Diff(wantOpenMetrics, text[:min(len(text), len(wantOpenMetrics))]))
	}
	if !strings.Contains(text, "# TYPE nodemeter_network_receive_bytes counter\n# UNIT nodemeter_network_receive_bytes bytes\n") || !strings.HasSuffix(text, "# EOF\n") {
		t.Error(text)
	}
	if strings.Contains(text, "network_mbps") {
		t.Error("a column without a family must not be exported")
	}
}

func TestNamesAreEscaped(t *testing.T) {
	if got := escape("a\\b\"c\nd\xff"); got != `a\\b\"c\nd�` {
		t.Errorf("%q", got)
	}
	if formulaSafe("=HYPERLINK()") != "'=HYPERLINK()" || formulaSafe("node-1") != "node-1" {
		t.Error("a name must not run as a formula")
	}
	if s := seconds(1767366000250000000); s != "1767366000.25" {
		t.Error(s)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A window cut short is a problem; the windows after it are exported all the same.
func TestDamagedWindowsAreSteppedPast(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "n1", 6, false)
	files, _, err := window.Find([]string{dir}, window.Query{})
	if err != nil || len(files) != 3 {
		t.Fatalf("%d windows, %v", len(files), err)
	}
	if err := os.Truncate(files[1].Path, 1000); err != nil {
		t.Fatal(err)
	}
	f := frame(t, nodes(), dir)
	n, err := CSV(io.Discard, f, Options{})
	if err != nil || n != 4 || len(f.Problems()) != 1 || f.Problems()[0].File != files[1].Path {
		t.Errorf("%d rows, %v, problems %v; want 4 and the one window", n, err, f.Problems())
	}
	n, problems, err := OpenMetrics(io.Discard, []string{dir}, window.Query{}, "j")
	if err != nil || n == 0 || len(problems) != 1 || problems[0].File != files[1].Path {
		t.Errorf("OpenMetrics: %d samples, %v, problems %v", n, err, problems)
	}
}

// Parquet does not hold a long recording in memory until its end.
func TestParquetIsWrittenInGroups(t *testing.T) {
	rows := make([]Row, groupRows+10)
	for i := range rows {
		rows[i] = Row{Time: int64(i), Node: "n", Kind: metric.Node, ID: "n", Values: []Value{{}}}
	}
	f := &Frame{columns: []window.Field{{Column: "cpu_util", Type: metric.TypeFloat}}, cursors: cursors{{rows: rows}}}
	var b bytes.Buffer
	if n, err := Parquet(&b, f, Options{}); err != nil || n != len(rows) {
		t.Fatalf("%d rows, %v", n, err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(file.RowGroups()); n != 2 {
		t.Errorf("%d row groups, want 2", n)
	}
}
