package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

func newInspect() *cobra.Command {
	var format string
	var times timeRange
	cmd := &cobra.Command{
		Use:   "inspect DIR|FILE...",
		Short: "Show what sample windows hold: nodes, spans, gaps, columns, entities, events, bytes",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("--format must be text or json, not %q", format)
			}
			from, to, err := times.bounds()
			if err != nil {
				return err
			}
			result, err := inspect(args, window.Query{From: from, To: to})
			if err != nil {
				return err
			}
			if format == "json" {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				err = enc.Encode(result)
			} else {
				err = printInspected(cmd.OutOrStdout(), result)
			}
			return cmp.Or(err, result.useless(args))
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "how to print: text or json")
	times.add(cmd.Flags())
	return cmd
}

// inspected is what inspect found.
type inspected struct {
	Nodes    []*nodeInspected `json:"nodes"`
	Problems []problemJSON    `json:"problems,omitempty"`
}

// useless says that there was something to read, and nothing could be.
func (in *inspected) useless(paths []string) error {
	if len(in.Problems) == 0 || slices.ContainsFunc(in.Nodes, func(n *nodeInspected) bool { return len(n.Windows) > 0 }) {
		return nil
	}
	hint := ""
	if slices.ContainsFunc(paths, func(p string) bool { return strings.EqualFold(filepath.Ext(p), ".csv") }) {
		hint = "; a CSV is read by nodemeter summary and nodemeter tasks"
	}
	return errors.New("nothing could be read" + hint)
}

// nodeInspected is what there is of one node.
type nodeInspected struct {
	Node     string             `json:"node"`
	Agents   []string           `json:"agents"`
	Boots    int                `json:"boots"`
	Interval float64            `json:"interval_seconds"`
	First    time.Time          `json:"first"`
	Last     time.Time          `json:"last"`
	Windows  []windowInspected  `json:"windows"`
	Bytes    int64              `json:"bytes"`
	Samples  int                `json:"samples"`
	Expected int                `json:"expected_samples"`
	Gaps     []gap              `json:"gaps,omitempty"`
	Entities []entityInspected  `json:"entities"`
	Columns  []*columnInspected `json:"columns"`
	Events   []eventInspected   `json:"events,omitempty"`

	boots map[string]bool
	rows  []nodeRow
}

type windowInspected struct {
	File   string    `json:"file"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Sealed bool      `json:"sealed"`
	Bytes  int64     `json:"bytes"`
	Format string    `json:"format"`
	Rows   int       `json:"rows"`
}

// gap is a stretch without samples: after and before are the samples around it.
type gap struct {
	After   time.Time `json:"after"`
	Before  time.Time `json:"before"`
	Seconds float64   `json:"seconds"`
	Missing int       `json:"missing_samples"`
}

type entityInspected struct {
	Kind string            `json:"kind"`
	ID   string            `json:"id"`
	Info map[string]string `json:"info,omitempty"`
}

type columnInspected struct {
	Column string   `json:"column"`
	Unit   string   `json:"unit"`
	Kind   string   `json:"kind"`
	Step   float64  `json:"step,omitempty"`
	On     []string `json:"entities"`
	Values int      `json:"values"`
	Bytes  int64    `json:"bytes"` // in sealed windows
	Help   string   `json:"help"`
	sealed int      // values in sealed windows
}

type eventInspected struct {
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"`
	By     float64   `json:"by_seconds,omitempty"`
	Count  int64     `json:"count,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// inspect reads all windows that a query's times select.
func inspect(paths []string, q window.Query) (*inspected, error) {
	files, problems, err := window.Find(paths, q)
	if err != nil {
		return nil, err
	}
	out := &inspected{Nodes: []*nodeInspected{}}
	nodes := map[string]*nodeInspected{}
	for _, f := range files {
		n := nodes[f.Node]
		if n == nil {
			n = &nodeInspected{Node: f.Node, boots: map[string]bool{}, Entities: []entityInspected{}, Columns: []*columnInspected{}}
			nodes[f.Node] = n
			out.Nodes = append(out.Nodes, n)
		}
		problems = append(problems, n.add(f, q)...)
	}
	for _, n := range out.Nodes {
		n.finish()
	}
	for _, p := range problems {
		pj := problemOf(p)
		pj.File = p.File
		out.Problems = append(out.Problems, pj)
	}
	return out, nil
}

// add takes one window in.
func (n *nodeInspected) add(f window.File, q window.Query) []window.Problem {
	r, err := f.Open(q)
	if err != nil {
		return []window.Problem{{File: f.Path, Offset: -1, Err: err, Lost: "the whole window"}}
	}
	defer r.Close()
	m := r.Meta()
	n.describe(m)
	w := windowInspected{File: f.Path, From: m.From, To: m.To, Sealed: f.Sealed, Bytes: f.Bytes, Format: m.Format}
	for r.Next() {
		c := r.Chunk()
		w.Rows += c.Len()
		if c.Kind == metric.Node {
			for _, t := range c.Time {
				n.rows = append(n.rows, nodeRow{t, m.Interval.Seconds()})
			}
		}
		for i := range c.Columns {
			col, values := n.column(c.Columns[i].Field), present(&c.Columns[i], c.Len())
			col.Values += values
			if f.Sealed {
				col.sealed += values
			}
			if kind := c.Kind.String(); !slices.Contains(col.On, kind) {
				col.On = append(col.On, kind)
			}
		}
	}
	n.Windows = append(n.Windows, w)
	n.Bytes += f.Bytes
	if sizes, err := f.ColumnSizes(); err == nil {
		for _, s := range sizes {
			if i := slices.IndexFunc(n.Columns, func(c *columnInspected) bool { return c.Column == s.Column }); i >= 0 {
				n.Columns[i].Bytes += s.Bytes
			}
		}
	}
	return r.Problems()
}

// describe takes in what a window says about itself.
func (n *nodeInspected) describe(m *window.Meta) {
	if !slices.Contains(n.Agents, m.Agent) {
		n.Agents = append(n.Agents, m.Agent)
	}
	n.boots[m.BootID] = true
	n.Interval = m.Interval.Seconds()
	for _, e := range m.Entities {
		if !slices.ContainsFunc(n.Entities, func(o entityInspected) bool { return o.Kind == e.Kind.String() && o.ID == e.ID }) {
			info := map[string]string{}
			for _, l := range e.Info {
				info[l.Name] = l.Value
			}
			n.Entities = append(n.Entities, entityInspected{e.Kind.String(), e.ID, info})
		}
	}
	for _, e := range m.Events {
		n.Events = append(n.Events, eventInspected{e.Time, e.Kind.String(), e.By.Seconds(), e.Count, e.Detail})
	}
}

func (n *nodeInspected) column(f *window.Field) *columnInspected {
	for _, c := range n.Columns {
		if c.Column == f.Column {
			return c
		}
	}
	c := &columnInspected{Column: f.Column, Unit: string(f.Unit), Kind: f.Kind.String(), Step: f.Step, Help: f.Help}
	n.Columns = append(n.Columns, c)
	return c
}

// nodeRow is one of the node's own: its time, and the interval of the agent that took it.
type nodeRow struct {
	at       int64
	interval float64
}

// finish finds the gaps: two of the node's samples more than one and a half intervals apart.
func (n *nodeInspected) finish() {
	n.Boots = len(n.boots)
	slices.SortFunc(n.rows, func(a, b nodeRow) int { return cmp.Compare(a.at, b.at) })
	n.rows = slices.CompactFunc(n.rows, func(a, b nodeRow) bool { return a.at == b.at })
	slices.SortStableFunc(n.Events, func(a, b eventInspected) int { return cmp.Compare(a.Time.UnixNano(), b.Time.UnixNano()) })
	n.Samples = len(n.rows)
	if n.Samples == 0 {
		return
	}
	at := func(ns int64) time.Time { return time.Unix(0, ns).UTC() }
	n.First, n.Last = at(n.rows[0].at), at(n.rows[n.Samples-1].at)
	n.Expected = n.Samples
	for i, row := range n.rows[1:] {
		before := n.rows[i]
		interval := max(before.interval, row.interval)
		d := float64(row.at-before.at) / 1e9
		if interval <= 0 || d <= 1.5*interval {
			continue
		}
		missing := int(d/interval+0.5) - 1
		n.Expected += missing
		n.Gaps = append(n.Gaps, gap{at(before.at), at(row.at), d, missing})
	}
}
