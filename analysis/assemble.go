package analysis

import (
	"slices"
	"time"

	"nodemeter/collector/metric"
)

// KindPrometheus is the kind of Inputs that a server answered.
const KindPrometheus = "prometheus"

// Parts are figures that were computed elsewhere, by a Prometheus server, in
// the same terms as Analyze's.
type Parts struct {
	Inputs   Inputs
	Zone     *time.Location
	By       metric.EntityKind
	Interval time.Duration
	Entities []*EntityResult
	Overall  map[string]*Stats
	Grid     Grid
	Nodes    []string // asked for; those of which there is nothing are named
	Notes    []string
	Rules    *Rules // nil means DefaultRules
}

// Assemble makes a Result of parts: order, span, use, findings.
func (p Parts) Assemble() (*Result, error) {
	if len(p.Entities) == 0 {
		return nil, errNothing
	}
	r := &Result{Inputs: p.Inputs, Zone: p.Zone, Interval: p.Interval, Entities: p.Entities, Overall: p.Overall, Grid: p.Grid, Notes: p.Notes, by: p.By}
	if r.Zone == nil {
		r.Zone = time.UTC
	}
	slices.SortStableFunc(r.Entities, func(x, y *EntityResult) int { return compareEntities(x.Entity, y.Entity) })
	r.From, r.To = r.Entities[0].Presence.First, r.Entities[0].Presence.Last
	for _, e := range r.Entities {
		if e.Presence.First.Before(r.From) {
			r.From = e.Presence.First
		}
		if e.Presence.Last.After(r.To) {
			r.To = e.Presence.Last
		}
	}
	for _, n := range p.Nodes {
		if !slices.ContainsFunc(r.Entities, func(e *EntityResult) bool { return e.Entity.Node == n }) {
			r.Missing = append(r.Missing, n)
		}
	}
	r.Axis = r.nodeAxis()
	r.Use = r.use()
	return r, r.addFindings(p.Rules)
}

// NewSeries makes a series of n gaps.
func NewSeries(e Entity, column string, unit metric.Unit, n int) *Series {
	return newSeries(e, column, unit, n)
}
