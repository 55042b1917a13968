package analysis

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// Document is the summary as JSON. Figures are in base units (ratios 0-1,
// seconds, bytes), null where they do not exist. Fields are only ever added.
type Document struct {
	Inputs   Inputs `json:"inputs"`
	Zone     string `json:"zone"`
	From     string `json:"from"` // RFC 3339; offsets in seconds where the input has no clock
	To       string `json:"to"`
	Interval Number `json:"interval_seconds"`
	// Notebook is section 5 of the notebook on the same rows, by pandas' own
	// definitions; null where there are more rows than it is computed for.
	Notebook *Section5         `json:"notebook"`
	Overall  map[string]*Stats `json:"overall"`
	Entities []DocumentEntity  `json:"entities"`
	// GroupedBy is job or user where Groups are asked for.
	GroupedBy string            `json:"grouped_by,omitempty"`
	Groups    []DocumentGroup   `json:"groups,omitempty"`
	Use       Use               `json:"use"`
	Bound     BoundBy           `json:"bound"`
	Findings  []Finding         `json:"findings"`
	Missing   []string          `json:"missing_nodes"`
	Notes     []string          `json:"notes"`
	Problems  []DocumentProblem `json:"problems"`
}

// DocumentEntity is one row of the table.
type DocumentEntity struct {
	Label    string                        `json:"label"`
	Node     string                        `json:"node"`
	Kind     string                        `json:"kind"`
	ID       string                        `json:"id"`
	Worker   string                        `json:"worker_id"`
	From     string                        `json:"from"`
	To       string                        `json:"to"`
	Seen     int64                         `json:"samples"`
	Expected int64                         `json:"samples_expected"`
	Coverage Number                        `json:"coverage"`
	Gaps     []DocumentGap                 `json:"gaps"`
	Repeated int64                         `json:"repeated_rows"`
	Stats    map[string]*Stats             `json:"stats"`
	Increase map[string]Number             `json:"increase,omitempty"`
	States   map[string]map[string]float64 `json:"state_seconds,omitempty"`
	Info     map[string]string             `json:"info,omitempty"`
}

// DocumentGap is a span without samples.
type DocumentGap struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Missing int64  `json:"missing"`
	Stopped bool   `json:"agent_stopped"`
}

// DocumentProblem is damage.
type DocumentProblem struct {
	File  string `json:"file"`
	Error string `json:"error"`
	Lost  string `json:"lost"`
}

// Document returns the summary for JSON; every entity that was read is in it.
func (r *Result) Document() *Document {
	d := &Document{
		Inputs: r.Inputs, Zone: r.zoneID(), From: r.stamp(r.From), To: r.stamp(r.To), Interval: Number(r.Interval.Seconds()),
		Notebook: r.Section5(), Overall: r.Overall, Entities: []DocumentEntity{}, Use: r.Use, Bound: r.Bound, Findings: r.Findings,
		Missing: nonNil(r.Missing), Notes: nonNil(r.AllNotes()), Problems: []DocumentProblem{},
	}
	for _, e := range r.Entities {
		d.Entities = append(d.Entities, r.documentEntity(e))
	}
	d.GroupedBy = r.group
	for _, g := range r.Groups {
		d.Groups = append(d.Groups, r.documentGroup(g))
	}
	for _, p := range r.Problems {
		d.Problems = append(d.Problems, DocumentProblem{p.File, fmt.Sprint(p.Err), p.Lost})
	}
	return d
}

func (r *Result) zoneID() string {
	if r.Zone.String() == "Local" {
		name, _ := r.From.In(r.Zone).Zone()
		return name
	}
	return r.Zone.String()
}

func (r *Result) stamp(t time.Time) string {
	if r.Frame != nil && r.Frame.NoClock {
		return strconv.FormatFloat(float64(t.UnixNano())/1e9, 'f', -1, 64)
	}
	return t.In(r.Zone).Format(time.RFC3339Nano)
}

func (r *Result) documentEntity(e *EntityResult) DocumentEntity {
	p := &e.Presence
	d := DocumentEntity{
		Label: e.Entity.Label(), Node: e.Entity.Node, Kind: e.Entity.Kind.String(), ID: e.Entity.ID, Worker: e.Entity.Worker,
		From: r.stamp(p.First), To: r.stamp(p.Last), Seen: p.Seen, Expected: p.Expected, Coverage: Number(p.Coverage()),
		Gaps: []DocumentGap{}, Repeated: p.Repeated, Stats: e.Stats, States: e.States,
	}
	for _, g := range p.Gaps {
		d.Gaps = append(d.Gaps, DocumentGap{r.stamp(g.From), r.stamp(g.To), g.Missing, g.Stopped})
	}
	for name, inc := range e.Increase {
		if d.Increase == nil {
			d.Increase = map[string]Number{}
		}
		d.Increase[name] = Number(inc.Total)
	}
	for _, l := range e.Info {
		if d.Info == nil {
			d.Info = map[string]string{}
		}
		d.Info[l.Name] = l.Value
	}
	return d
}

// WriteJSON writes the summary as one JSON document.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r.Document())
}

// csvHeader is the header of WriteCSV.
var csvHeader = []string{
	"label", "node", "kind", "id", "worker_id", "metric", "unit", "from", "to", "samples", "samples_expected", "coverage",
	"mean", "sample_mean", "min", "p5", "p50", "p95", "p99", "max", "active_samples", "active_mean", "percentiles",
}

// WriteCSV writes the table as CSV, one row an entity and metric, figures in
// base units, empty where they do not exist.
func (r *Result) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if r.group != "" {
		return r.writeGroupCSV(out)
	}
	if err := out.Write(csvHeader); err != nil {
		return err
	}
	for _, e := range r.Tabulated() {
		names := make([]string, 0, len(e.Stats))
		for name := range e.Stats {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if err := out.Write(r.csvRow(e, name)); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func (r *Result) csvRow(e *EntityResult, name string) []string {
	s, p := e.Stats[name], &e.Presence
	f := csvNumber
	i := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		csvCell(e.Entity.Label()), csvCell(e.Entity.Node), e.Entity.Kind.String(), csvCell(e.Entity.ID), csvCell(e.Entity.Worker), name, string(s.Unit), r.stamp(p.First), r.stamp(p.Last),
		i(s.Samples), i(s.Expected), f(Number(s.Coverage())),
		f(s.Mean), f(s.SampleMean), f(s.Min), f(s.P5), f(s.P50), f(s.P95), f(s.P99), f(s.Max), i(s.ActiveSamples), f(s.ActiveMean), s.Percentiles,
	}
}

// csvNumber is empty for a figure that does not exist.
func csvNumber(n Number) string {
	if n.IsNaN() {
		return ""
	}
	return strconv.FormatFloat(float64(n), 'g', -1, 64)
}

// csvCell keeps a name from being taken for a formula by a spreadsheet.
func csvCell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@') {
		return "'" + s
	}
	return s
}
