package export

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// family is one OpenMetrics family and the columns that feed it.
type family struct {
	name    string
	field   window.Field
	sources []window.Family
}

// OpenMetrics writes every metric of the windows under paths that has a
// Prometheus name, with the tick as its timestamp, in the order that
// `promtool tsdb create-blocks-from openmetrics` reads: family by family, each
// series ascending in time. job and node become the labels job and instance.
// It reads the windows once a family, one column at a time.
func OpenMetrics(w io.Writer, paths []string, q window.Query, job string) (samples int, problems []window.Problem, err error) {
	files, problems, err := window.Find(paths, q)
	if err != nil {
		return 0, nil, err
	}
	families, err := familiesOf(files, q)
	if err != nil {
		return 0, nil, err
	}
	bw := bufio.NewWriter(w)
	seen := map[string]bool{}
	for _, fam := range families {
		writeHead(bw, fam)
		for _, source := range fam.sources {
			n, probs, err := writeSource(bw, files, q, source, job)
			if err != nil {
				return samples, problems, err
			}
			samples += n
			for _, p := range probs { // each family meets the same damage
				if key := fmt.Sprint(p.File, p.Offset, p.Err); !seen[key] {
					seen[key] = true
					problems = append(problems, p)
				}
			}
		}
	}
	if _, err := bw.WriteString("# EOF\n"); err != nil {
		return samples, problems, err
	}
	return samples, problems, bw.Flush()
}

func familiesOf(files []window.File, q window.Query) ([]family, error) {
	byName := map[string]*family{}
	for _, file := range files {
		m, err := file.Meta()
		if err != nil {
			continue // reading the rows reports the damage
		}
		fields := map[string]window.Field{}
		for _, f := range m.Fields {
			fields[f.Column] = f
		}
		for _, s := range m.Families {
			if s.Metric == "" || (q.Kinds != nil && !slices.Contains(q.Kinds, s.Kind)) {
				continue
			}
			fam := byName[s.Metric]
			if fam == nil {
				fam = &family{name: s.Metric, field: fields[s.Column]}
				byName[s.Metric] = fam
			}
			if !slices.ContainsFunc(fam.sources, func(o window.Family) bool { return o.Kind == s.Kind && o.Column == s.Column }) {
				fam.sources = append(fam.sources, s)
			}
		}
	}
	out := make([]family, 0, len(byName))
	for _, fam := range byName {
		out = append(out, *fam)
	}
	slices.SortFunc(out, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	return out, nil
}

func writeHead(w *bufio.Writer, f family) {
	name, kind := f.name, "gauge"
	if f.field.Kind == metric.Counter {
		name, kind = strings.TrimSuffix(name, "_total"), "counter"
	}
	fmt.Fprintf(w, "# TYPE %s %s\n", name, kind)
	if u := string(f.field.Unit); u != "" && strings.HasSuffix(name, "_"+u) {
		fmt.Fprintf(w, "# UNIT %s %s\n", name, u)
	}
	if f.field.Help != "" {
		fmt.Fprintf(w, "# HELP %s %s\n", name, escape(f.field.Help))
	}
}

func writeSource(w *bufio.Writer, files []window.File, q window.Query, s window.Family, job string) (samples int, problems []window.Problem, err error) {
	q.Kinds, q.Columns = []metric.EntityKind{s.Kind}, []string{s.Column}
	last := map[string]int64{} // series -> last timestamp: windows given twice must not repeat samples
	for _, file := range files {
		r, err := file.Open(q)
		if err != nil {
			problems = append(problems, unopened(file, err))
			continue
		}
		for r.Next() {
			c := r.Chunk()
			if col := c.Column(s.Column); col != nil {
				samples += writeChunk(w, c, col, s, job, last)
			}
		}
		problems = append(problems, r.Problems()...)
		err = r.Err()
		r.Close()
		if err != nil && err != io.EOF {
			return samples, problems, fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	return samples, problems, nil
}

func writeChunk(w *bufio.Writer, c *window.Chunk, col *window.Column, s window.Family, job string, last map[string]int64) int {
	labels := seriesLabels(c, s, job)
	if col.Field.Type != metric.TypeState {
		return writeSeries(w, s.Metric, labels, c, col, last, func(b []byte, i int) []byte { return appendValue(b, col, i) })
	}
	n := 0
	for at, state := range col.Field.States { // a state set: one series a state, 1 where it is in force
		series := fmt.Sprintf(`%s,state="%s"`, labels, escape(state))
		n += writeSeries(w, s.Metric, series, c, col, last, func(b []byte, i int) []byte {
			if int(col.State[i]) == at {
				return append(b, '1')
			}
			return append(b, '0')
		})
	}
	return n
}

// writeSeries writes one series of a chunk, leaving out what is not newer than what the series has already.
func writeSeries(w *bufio.Writer, name, labels string, c *window.Chunk, col *window.Column, last map[string]int64, value func([]byte, int) []byte) int {
	n := 0
	newest, any := last[labels]
	var line []byte
	for i, t := range c.Time {
		if (col.Valid != nil && !col.Valid[i]) || (any && t <= newest) {
			continue
		}
		newest, any = t, true
		line = fmt.Appendf(line[:0], "%s{%s} ", name, labels)
		line = value(line, i)
		line = append(line, ' ')
		line = append(line, seconds(t)...)
		line = append(line, '\n')
		w.Write(line) // an error sticks to w and is returned by Flush
		n++
	}
	if any {
		last[labels] = newest
	}
	return n
}

func appendValue(b []byte, col *window.Column, i int) []byte {
	if col.Field.Type == metric.TypeInt {
		return strconv.AppendInt(b, col.Int[i], 10)
	}
	return strconv.AppendFloat(b, col.Float[i], 'g', -1, 64)
}

func seriesLabels(c *window.Chunk, s window.Family, job string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `job="%s",instance="%s"`, escape(job), escape(c.Node))
	if l := s.Kind.Label(); l != "" {
		fmt.Fprintf(&b, `,%s="%s"`, l, escape(c.ID))
	}
	for _, l := range s.Labels {
		fmt.Fprintf(&b, `,%s="%s"`, l.Name, escape(l.Value))
	}
	return b.String()
}

// escape quotes a label value or help text as OpenMetrics asks.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

// seconds is a timestamp in OpenMetrics' unit, without losing the millisecond.
func seconds(ns int64) string {
	s := strconv.FormatFloat(float64(ns)/1e9, 'f', 3, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
