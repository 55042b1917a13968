package analysis

import (
	"math"
	"slices"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

func TestBinnedKeepsMeansAndGaps(t *testing.T) {
	b := binned{width: int64(time.Second)}
	const n = 1000
	for i := range n {
		if i >= 300 && i < 500 {
			continue // a gap
		}
		b.add(int64(i)*int64(time.Second), float64(i), 1, 64)
	}
	if len(b.cells) > 64 || b.width != int64(16*time.Second) {
		t.Fatalf("%d cells of %s", len(b.cells), time.Duration(b.width))
	}
	g := Grid{From: time.Unix(0, 0), Width: 16 * time.Second, Bins: 63}
	s := newSeries(Entity{}, "x", metric.Ratio, g.Bins)
	b.onto(g, s)
	if s.Mean[0] != 7.5 || s.Min[0] != 0 || s.Max[0] != 15 || s.Samples[0] != 16 {
		t.Errorf("first bin: %v %v %v %v", s.Mean[0], s.Min[0], s.Max[0], s.Samples[0])
	}
	for i := range g.Bins {
		lo, hi := i*16, i*16+15
		if gap := lo >= 300 && hi < 500; gap != math.IsNaN(s.Mean[i]) || gap != math.IsNaN(s.Min[i]) || gap != math.IsNaN(s.Max[i]) || gap != (s.Samples[i] == 0) {
			t.Errorf("bin %d: mean %v of %d samples", i, s.Mean[i], s.Samples[i])
		}
	}
	total := 0
	for _, n := range s.Samples {
		total += int(n)
	}
	if total != n-200 {
		t.Errorf("%d samples in bins, want %d", total, n-200)
	}
}

// Order must not matter: files of one node may come back in time.
func TestBinnedInAnyOrder(t *testing.T) {
	up, down := binned{width: 10}, binned{width: 10}
	for i := range 500 {
		up.add(int64(i)*7, float64(i), 1, 32)
		down.add(int64(499-i)*7, float64(499-i), 1, 32)
	}
	if up.width != down.width || up.first != down.first || len(up.cells) != len(down.cells) {
		t.Fatalf("up %d %d %d, down %d %d %d", up.width, up.first, len(up.cells), down.width, down.first, len(down.cells))
	}
	for i := range up.cells {
		if up.cells[i] != down.cells[i] {
			t.Errorf("cell %d: %+v, %+v", i, up.cells[i], down.cells[i])
		}
	}
}

func TestAverageIsOverThosePresent(t *testing.T) {
	nan := math.NaN()
	a := &Series{Column: "cpu_util", Mean: []float64{0.2, nan, nan}, Min: []float64{0.1, nan, nan}, Max: []float64{0.3, nan, nan}, Samples: []int32{2, 0, 0}}
	b := &Series{Column: "cpu_util", Mean: []float64{0.4, 0.6, nan}, Min: []float64{0.4, 0.5, nan}, Max: []float64{0.4, 0.7, nan}, Samples: []int32{1, 3, 0}}
	got := Average([]*Series{a, b})
	if math.Abs(got.Mean[0]-0.3) > 1e-15 || got.Min[0] != 0.1 || got.Max[0] != 0.4 || got.Mean[1] != 0.6 || !math.IsNaN(got.Mean[2]) || !slices.Equal(got.Samples, []int32{3, 3, 0}) {
		t.Errorf("got %+v", got)
	}
	if Average(nil) != nil {
		t.Error("the average of nothing is nothing")
	}
}

func TestSparkline(t *testing.T) {
	if got := Sparkline([]float64{0, 0.5, 1, math.NaN()}, 1, 4); got != "▁▅█·" {
		t.Errorf("got %s", got)
	}
	if got := Bar(0.5, 4); got != "██░░" {
		t.Errorf("got %s", got)
	}
}
