package tasks

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"nodemeter/analysis"
)

// WriteText prints the notebook's section 4.
func (n NotebookScaling) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("Scaling as the notebook has it (speed-up against a fixed 10 s, weak efficiency against a fixed 5 s)")
	if len(n.Strong) > 0 {
		p.head("Strong Scaling:")
		var rows [][]string
		for _, r := range n.Strong {
			rows = append(rows, []string{count(r.Nodes), count(r.Cores), count(r.Tasks), fixed(r.Time, 6), fixed(r.Speedup, 6), fixed(r.Efficiency, 6)})
		}
		p.table(0, []string{"nodes", "cores", "tasks", "time", "speedup", "efficiency"}, rows)
	}
	if len(n.Weak) > 0 {
		p.head("Weak Scaling:")
		var rows [][]string
		for _, r := range n.Weak {
			rows = append(rows, []string{count(r.Nodes), count(r.Cores), count(r.Tasks), fixed(r.Time, 6), fixed(r.Efficiency, 6)})
		}
		p.table(0, []string{"nodes", "cores", "tasks", "time", "efficiency"}, rows)
	}
	p.head("Scaling Summary:")
	if len(n.Strong) > 0 {
		r := n.Strong[len(n.Strong)-1]
		p.line("Strong scaling efficiency at %s nodes: %s%%", count(r.Nodes), fixed(r.Efficiency*100, 1))
	}
	if len(n.Weak) > 0 {
		r := n.Weak[len(n.Weak)-1]
		p.line("Weak scaling efficiency at %s nodes: %s%%", count(r.Nodes), fixed(r.Efficiency*100, 1))
	}
	return p.done()
}

// WriteText prints each study with its law.
func (s Scaling) WriteText(w io.Writer) error {
	p := newPage(w)
	p.line("Scaling against the smallest measured run")
	for _, st := range s.Studies {
		title := strings.ToUpper(st.Kind[:1]) + st.Kind[1:] + " scaling"
		if st.Series != "" {
			title += ", " + analysis.Escape(st.Series)
		}
		p.head("%s", title)
		st.table(p)
		st.law(p)
		p.notes(st.Notes)
	}
	if len(s.Notes) > 0 {
		p.head("Notes")
		p.notes(s.Notes)
	}
	return p.done()
}

func (st *ScalingStudy) table(p *page) {
	var rows [][]string
	for _, x := range st.Points {
		spread := ""
		if x.Runs > 1 {
			spread = short(x.Fastest) + " to " + short(x.Slowest)
		}
		rows = append(rows, []string{count(x.Nodes), count(x.Cores), count(x.Tasks), strconv.Itoa(x.Runs), four(x.Time), spread, four(x.Speedup), four(x.Ratio), percent(x.Efficiency), fixed(x.Serial, 4), four(x.Fitted)})
	}
	speedup := "speed-up"
	if st.Kind == "weak" {
		speedup = "scaled speed-up"
	}
	p.table(0, []string{"nodes", "cores", "tasks", "runs", "time s", "range", speedup, "ideal", "efficiency", "serial", "fitted"}, rows)
}

func (st *ScalingStudy) law(p *page) {
	if st.Law == nil {
		return
	}
	text := fmt.Sprintf("%s's law fits a serial fraction of %.4f", st.Law.Name, float64(st.Law.Serial))
	if known(st.Law.Interval[0]) {
		text += fmt.Sprintf(" (95%% %.4f to %.4f)", float64(st.Law.Interval[0]), float64(st.Law.Interval[1]))
	}
	if known(st.Law.Limit) {
		text += fmt.Sprintf(": no speed-up beyond %s, however many %s", short(st.Law.Limit), st.Unit)
	}
	if st.Law.Serial < 0 {
		text += ", which is less than none: the runs scale better than the law allows"
	}
	p.paragraph("", text+".")
	if known(st.GoodUpTo) {
		p.paragraph("", fmt.Sprintf("At least 80%% efficient up to %s %s.", count(st.GoodUpTo), st.Unit))
	}
}

// WriteCSV writes one row a point.
func (s Scaling) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"kind", "series", "nodes", "cores", "tasks", "runs", "time_seconds", "speedup", "ratio", "efficiency", "serial_fraction", "fitted_speedup"})
	for _, st := range s.Studies {
		for _, x := range st.Points {
			_ = out.Write([]string{st.Kind, cell(st.Series), exact(x.Nodes), exact(x.Cores), exact(x.Tasks), strconv.Itoa(x.Runs), exact(x.Time), exact(x.Speedup), exact(x.Ratio), exact(x.Efficiency), exact(x.Serial), exact(x.Fitted)})
		}
	}
	out.Flush()
	return out.Error() // of every Write above too
}
