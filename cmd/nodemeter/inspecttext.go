package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// most is how many gaps, events or entities the text form lists before it only counts them.
const most = 20

// printInspected prints for people; times are local, with their zone.
func printInspected(w io.Writer, in *inspected) error {
	tw := tabwriter.NewWriter(printable{w}, 0, 8, 2, ' ', 0)
	for i, n := range in.Nodes {
		if i > 0 {
			fmt.Fprintln(tw)
		}
		printNode(tw, n)
	}
	for _, p := range in.Problems {
		fmt.Fprintf(tw, "problem: %s: %s", p.File, p.Error)
		if p.Lost != "" {
			fmt.Fprintf(tw, " (lost: %s)", p.Lost)
		}
		fmt.Fprintln(tw)
	}
	if len(in.Nodes) == 0 && len(in.Problems) == 0 {
		fmt.Fprintln(tw, "no sample windows here")
	}
	return tw.Flush()
}

func local(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

func printNode(w io.Writer, n *nodeInspected) {
	sealed := 0
	for _, f := range n.Windows {
		if f.Sealed {
			sealed++
		}
	}
	fmt.Fprintf(w, "node %s\n", n.Node)
	fmt.Fprintf(w, "  samples\t%d of %d expected (%.2f %%), one every %g s\n", n.Samples, n.Expected, 100*float64(n.Samples)/float64(max(1, n.Expected)), n.Interval)
	if n.Samples > 0 {
		fmt.Fprintf(w, "  span\t%s to %s\n", local(n.First), local(n.Last))
	}
	fmt.Fprintf(w, "  windows\t%d sealed, %d open, %d bytes\n", sealed, len(n.Windows)-sealed, n.Bytes)
	fmt.Fprintf(w, "  recorded by\tnodemeterd %s over %d %s\n", strings.Join(n.Agents, ", "), n.Boots, plural(n.Boots, "boot", "boots"))
	printEntities(w, n)
	printGaps(w, n)
	printEvents(w, n)
	fmt.Fprintf(w, "  columns\tunit\tkind\tstep\tof\tvalues\tbytes\tbytes/value\n")
	for _, c := range n.Columns {
		per := ""
		if c.sealed > 0 {
			per = fmt.Sprintf("%.2f", float64(c.Bytes)/float64(c.sealed))
		}
		step := ""
		if c.Step > 0 {
			step = fmt.Sprint(c.Step)
		}
		fmt.Fprintf(w, "    %s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", c.Column, c.Unit, c.Kind, step, strings.Join(c.On, ","), c.Values, c.Bytes, per)
	}
}

func printEntities(w io.Writer, n *nodeInspected) {
	var kinds []string
	byKind := map[string][]string{}
	for _, e := range n.Entities {
		if e.Kind == "node" {
			continue
		}
		if !slices.Contains(kinds, e.Kind) {
			kinds = append(kinds, e.Kind)
		}
		byKind[e.Kind] = append(byKind[e.Kind], e.ID)
	}
	for _, k := range kinds {
		ids := byKind[k]
		shown := strings.Join(ids[:min(len(ids), most)], " ")
		if len(ids) > most {
			shown += fmt.Sprintf(" and %d more", len(ids)-most)
		}
		fmt.Fprintf(w, "  %s\t%d: %s\n", k, len(ids), shown)
	}
}

func printGaps(w io.Writer, n *nodeInspected) {
	if len(n.Gaps) == 0 {
		fmt.Fprintf(w, "  gaps\tnone\n")
		return
	}
	for i, g := range n.Gaps {
		if i == most {
			fmt.Fprintf(w, "  gap\tand %d more\n", len(n.Gaps)-most)
			break
		}
		fmt.Fprintf(w, "  gap\t%s to %s: %g s, %d %s missing\n", local(g.After), local(g.Before), g.Seconds, g.Missing, plural(g.Missing, "sample", "samples"))
	}
}

func printEvents(w io.Writer, n *nodeInspected) {
	for i, e := range n.Events {
		if i == most {
			fmt.Fprintf(w, "  event\tand %d more\n", len(n.Events)-most)
			break
		}
		fmt.Fprintf(w, "  event\t%s  %s", local(e.Time), e.Kind)
		if e.By != 0 {
			fmt.Fprintf(w, " by %g s", e.By)
		}
		if e.Count != 0 {
			fmt.Fprintf(w, " x%d", e.Count)
		}
		if e.Detail != "" {
			fmt.Fprintf(w, ": %s", e.Detail)
		}
		fmt.Fprintln(w)
	}
}
