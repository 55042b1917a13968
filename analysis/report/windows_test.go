package report

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"nodemeter/analysis"
	"nodemeter/analysis/plot"
	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

func gauge(on metric.EntityKind, column string, unit metric.Unit) *metric.Desc {
	return &metric.Desc{On: on, Column: column, Help: "test", Absent: "test", Unit: unit, Kind: metric.Gauge, Type: metric.TypeFloat}
}

// windows records three nodes, the last without GPUs, the second with a gap of
// 30 s from second 60 on, each for 150 s.
func windows(t *testing.T) *analysis.Result {
	t.Helper()
	dir := t.TempDir()
	cpu, memory := gauge(metric.Node, "cpu_util", metric.Ratio), gauge(metric.Node, "memory_util", metric.Ratio)
	nodeGPU, network := gauge(metric.Node, "gpu_util", metric.Ratio), gauge(metric.Node, "network_mbps", metric.Mbps)
	pressure := gauge(metric.Node, "pressure_io_some_ratio", metric.Ratio)
	gpu := gauge(metric.GPU, "gpu_util", metric.Ratio)
	read := &metric.Desc{On: metric.Node, Column: "disk_read_bytes", Help: "test", Absent: "test", Unit: metric.Bytes, Kind: metric.Counter, Type: metric.TypeInt}
	written := &metric.Desc{On: metric.Node, Column: "disk_written_bytes", Help: "test", Absent: "test", Unit: metric.Bytes, Kind: metric.Counter, Type: metric.TypeInt}
	for n := range 3 {
		name := fmt.Sprintf("node%d", n)
		rec, err := window.NewRecorder(window.Options{Dir: dir, Node: name, BootID: "b", Agent: "test", Interval: time.Second, Queue: 1000})
		if err != nil {
			t.Fatal(err)
		}
		node := &metric.Entity{Kind: metric.Node, ID: name}
		device := &metric.Entity{Kind: metric.GPU, ID: fmt.Sprintf("GPU-%08d-1111-2222-3333-444455556666", n)}
		for i := range 150 {
			if n == 1 && i >= 60 && i < 90 {
				continue
			}
			v := 0.5 + 0.4*math.Sin(float64(i)/15+float64(n))
			r := metric.Reading{Entity: node, Points: []metric.Point{metric.Float(cpu, v), metric.Float(memory, 0.4), metric.Float(network, 100*v), metric.Float(pressure, v/10),
				metric.Int(read, int64(i)*1e6), metric.Int(written, int64(i)*2e6)}}
			s := &metric.Sample{Time: time.Date(2026, 3, 1, 12, 0, i, 0, time.UTC), Interval: time.Second, Readings: []metric.Reading{r}}
			if n < 2 {
				s.Readings[0].Points = append(s.Readings[0].Points, metric.Float(nodeGPU, 0))
				s.Readings = append(s.Readings, metric.Reading{Entity: device, Points: []metric.Point{metric.Float(gpu, 0)}})
			}
			rec.Publish(s)
		}
		if err := rec.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	result, err := analysis.Analyze(context.Background(), analysis.Options{Paths: []string{dir}, Zone: time.UTC, Kinds: []metric.EntityKind{metric.GPU}})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func pictureNamed(t *testing.T, all []*Picture, name string) *Picture {
	t.Helper()
	for _, p := range all {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no picture %q", name)
	return nil
}

// TestWindows draws a recording of windows: gaps stay gaps, an idle GPU is a
// GPU, a node without one has none, and counters become rates.
func TestWindows(t *testing.T) {
	all, err := Resources(windows(t), []string{"all"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Empty {
			t.Errorf("%s: nothing to draw", p.Name)
		}
	}
	heat := pictureNamed(t, all, "heatmap").Panel.(*plot.Heatmap)
	gaps := 0
	for _, v := range heat.Values[1] {
		if math.IsNaN(v) {
			gaps++
		}
	}
	if gaps != 30 || heat.Min != 0 || heat.Max != 100 || strings.Join(heat.Rows, " ") != "node0 node1 node2" {
		t.Errorf("heatmap: %d cells without data in node1, scale %g-%g, rows %q", gaps, heat.Min, heat.Max, heat.Rows)
	}
	line := pictureNamed(t, all, "cpu").Panel.(*plot.Lines).Many[1]
	if !math.IsNaN(line.Y[75]) {
		t.Errorf("the line of node1 is drawn through its gap: %g", line.Y[75])
	}
	bars := pictureNamed(t, all, "workers").Panel.(*plot.Bars).Sets[2].Values
	if bars[0] != 0 || bars[1] != 0 || !math.IsNaN(bars[2]) {
		t.Errorf("average GPU by worker %v, want 0, 0 and none", bars)
	}
	if gpus := pictureNamed(t, all, "gpu-heatmap").Panel.(*plot.Heatmap).Rows; len(gpus) != 2 || !strings.Contains(gpus[0], "GPU-00000000") {
		t.Errorf("GPU rows %q", gpus)
	}
	box := pictureNamed(t, all, "boxes").Panel.(*plot.Boxes).Boxes[2]
	if box.N != 270 || box.High != 0 {
		t.Errorf("GPU box over %d samples up to %g", box.N, box.High)
	}
	if got := pictureNamed(t, all, "disk").Panel.(*plot.Lines).Many[0].Y[10]; math.Abs(got-3) > 1e-9 {
		t.Errorf("disk traffic %g MB/s, want 1 read and 2 written", got)
	}
}

// TestOracleFigures compares what is drawn of the notebook's own data with what
// the notebook's panels show, mended: percent, GPU over the workers that have one.
func TestOracleFigures(t *testing.T) {
	all, err := Resources(record(t, oracle("resource_samples.csv")), NotebookPanels())
	if err != nil {
		t.Fatal(err)
	}
	sets := pictureNamed(t, all, "workers").Panel.(*plot.Bars).Sets
	for i, want := range []float64{52.3, 50.8, 47.3, 50.9} {
		if got := sets[0].Values[i]; math.Abs(got-want) > 0.05 {
			t.Errorf("average CPU of worker-%d is %.2f, the notebook shows %.1f", i, got, want)
		}
	}
	gpu := pictureNamed(t, all, "boxes").Panel.(*plot.Boxes).Boxes[2]
	if gpu.N != 240 || gpu.Median < 30 {
		t.Errorf("the GPU box pools %d samples, median %g: workers without a GPU are in it", gpu.N, gpu.Median)
	}
	lines := pictureNamed(t, all, "cpu").Panel.(*plot.Lines)
	if n := len(lines.Many); n != 4 || !lines.Series[0].Bold || lines.Y.Max != 100 {
		t.Errorf("%d lines, average %v, axis to %g", n, lines.Series, lines.Y.Max)
	}
}
