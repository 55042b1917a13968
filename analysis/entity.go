package analysis

import (
	"cmp"
	"strings"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// Entity names what a row of a table or a line of a plot is about.
type Entity struct {
	Node   string
	Kind   metric.EntityKind
	ID     string
	Worker string // worker_id
}

func entityOf(c *window.Chunk) Entity { return Entity{c.Node, c.Kind, c.ID, c.Worker} }

// Label is a short name that tells entities apart: the worker id, with the node
// before it where they differ; the device's id after its node for the rest.
func (e Entity) Label() string {
	switch {
	case e.Kind == metric.Node && (e.Worker == e.Node || e.Worker == ""):
		return e.Node
	case e.Kind == metric.Node || e.Kind == metric.Worker:
		return e.Node + "/" + e.Worker
	case e.Node == "":
		return e.ID
	}
	return e.Node + "/" + e.ID
}

// compareEntities orders by node, kind and id, numbers within names by value:
// worker-2 before worker-10.
func compareEntities(a, b Entity) int {
	return cmp.Or(CompareNames(a.Node, b.Node), cmp.Compare(a.Kind, b.Kind), CompareNames(a.ID, b.ID), CompareNames(a.Worker, b.Worker))
}

// CompareNames compares names as people sort them: runs of digits by value. Two
// names are equal only if they are the same text.
func CompareNames(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		nx, ny := digits(x), digits(y)
		if nx > 0 && ny > 0 {
			p, q := strings.TrimLeft(x[:nx], "0"), strings.TrimLeft(y[:ny], "0")
			if c := cmp.Or(cmp.Compare(len(p), len(q)), strings.Compare(p, q)); c != 0 {
				return c
			}
			x, y = x[nx:], y[ny:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
