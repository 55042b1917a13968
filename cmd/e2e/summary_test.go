//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// summary is the part of `nodemeter summary --format json` that these tests read.
type summary struct {
	To      time.Time
	Overall map[string]stat
	Rows    []entity `json:"entities"`
}

type entity struct {
	Label, Node, Kind, ID string
	Samples               int
	Stats                 map[string]stat
}

// stat says what a metric did: Mean is weighted by time, over Seconds of it.
type stat struct {
	Samples    int
	Mean       float64
	SampleMean float64 `json:"sample_mean"`
	Seconds    float64
}

func (e entity) stat(t *testing.T, metric string) stat {
	t.Helper()
	s, ok := e.Stats[metric]
	if !ok {
		t.Fatalf("no %s of %s in the summary", metric, e.Label)
	}
	return s
}

// nodes are the rows of whole nodes.
func (s summary) nodes() []entity {
	var out []entity
	for _, e := range s.Rows {
		if e.Kind == "node" {
			out = append(out, e)
		}
	}
	return out
}

// node is the only node's row.
func (s summary) node(t *testing.T) entity {
	t.Helper()
	n := s.nodes()
	if len(n) != 1 {
		t.Fatalf("%d nodes in the summary, want one", len(n))
	}
	return n[0]
}

func (s summary) samples() int {
	n := 0
	for _, e := range s.nodes() {
		n += e.Samples
	}
	return n
}
