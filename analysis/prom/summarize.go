package prom

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"nodemeter/analysis"
	"nodemeter/collector/metric"
)

// Question says what to summarize.
type Question struct {
	// From and To bound the span, half open. Both must be set.
	From, To time.Time
	Zone     *time.Location
	By       metric.EntityKind // Node or GPU
	Nodes    []string          // values of the label instance; nil: all
	// Match narrows to some series, as label matchers: cluster="hpc",job="nodemeter".
	Match string
	// Bins is the most points of a series over time; 0 means 240.
	Bins int
	// Progress is called with the share of the work done, 0 to 1; nil for none.
	Progress func(float64)
}

// Summarize lets the server aggregate the span and assembles what it says.
func (c *Client) Summarize(ctx context.Context, q Question) (*analysis.Result, error) {
	if !q.From.Before(q.To) {
		return nil, fmt.Errorf("the span from %s to %s is empty", q.From.Format(time.RFC3339), q.To.Format(time.RFC3339))
	}
	if q.Bins <= 0 {
		q.Bins = 240
	}
	s := &summary{q: q, c: c, on: q.selector()}
	s.tally = tally{c: c, from: q.From, to: q.To, chunk: longestChunk, done: s.progress}
	for _, step := range []func(context.Context) error{s.presence, s.nodes, s.traffic, s.devices, s.series} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s.assemble()
}

// selector is what stands between the braces of every selector.
func (q *Question) selector() string {
	parts := []string{}
	if q.Match != "" {
		parts = append(parts, strings.Trim(q.Match, "{}, "))
	}
	if len(q.Nodes) > 0 {
		quoted := make([]string, len(q.Nodes))
		for i, n := range q.Nodes {
			quoted[i] = regexp.QuoteMeta(n)
		}
		parts = append(parts, fmt.Sprintf("instance=~%q", strings.Join(quoted, "|")))
	}
	return strings.Join(parts, ",")
}

// summary is a question being answered.
type summary struct {
	q        Question
	c        *Client
	on       string
	tally    tally
	asked    time.Duration
	entities map[key]*analysis.EntityResult
	// scale undoes the extrapolation of increase() to the ends of the span:
	// what was seen over what increase() makes of it.
	scale    amounts
	first    amounts
	interval time.Duration
	overall  map[string]*histogram
	lost     bool // no native histograms: percentiles are over scrapes
	partly   bool // of some nodes
	grid     analysis.Grid
}

// questions is about how many passes over the span Summarize makes.
const questions = 24

func (s *summary) progress(d time.Duration) {
	s.asked += d
	if s.q.Progress != nil {
		s.q.Progress(min(1, s.asked.Seconds()/(questions*s.q.To.Sub(s.q.From).Seconds())))
	}
}

// sum writes the growth of a family by label, with %s for the range.
func (s *summary) sum(by, family, matchers string) string {
	return "sum by (" + by + ") (increase(" + family + "{" + join(matchers, s.on) + "}[%s]))"
}

// over writes an aggregation over time, with %s for the range.
func (s *summary) over(aggregate, by, function, family string) string {
	return aggregate + " by (" + by + ") (" + function + "(" + family + "{" + s.on + "}[%s]))"
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}

// presence finds the nodes, and when and how often they were sampled.
func (s *summary) presence(ctx context.Context) error {
	var last, seen, covered, nominal amounts
	err := s.ask(ctx,
		growing(&seen, s.sum("instance", ticks, "")),
		growing(&covered, s.over("max", "instance", "delta", lastTick)),
		least(&s.first, s.over("min", "instance", "min_over_time", lastTick)),
		greatest(&last, s.over("max", "instance", "max_over_time", lastTick)),
		greatest(&nominal, s.over("max", "instance", "max_over_time", interval)))
	if err != nil {
		return err
	}
	s.entities, s.scale = map[key]*analysis.EntityResult{}, amounts{}
	for k, n := range seen {
		if covered[k] <= 0 {
			continue
		}
		s.interval = max(s.interval, time.Duration(nominal[k]*1e9))
		s.scale[k] = min(1, (last[k]-s.first[k])/covered[k])
		p := analysis.Presence{First: seconds(s.first[k]), Last: seconds(last[k]), Seen: int64(n*s.scale[k]+0.5) + 1}
		p.Expected = max(p.Seen, int64((last[k]-s.first[k])/nominal[k]+0.5)+1)
		s.entities[k] = &analysis.EntityResult{
			Entity:   analysis.Entity{Node: k.node, Kind: metric.Node, ID: k.node, Worker: k.node},
			Presence: p, Stats: map[string]*analysis.Stats{}, Increase: map[string]analysis.Increase{}, States: map[string]map[string]float64{},
		}
	}
	if len(s.entities) == 0 {
		return fmt.Errorf("%s has no samples of nodemeter from %s to %s for {%s}: the span needs two scrapes at least; is the agent's job scraped, and is its label instance the node?",
			s.c.url, s.q.From.Format(time.RFC3339), s.q.To.Format(time.RFC3339), s.on)
	}
	return nil
}

func seconds(t float64) time.Time {
	whole, part := math.Modf(t)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000)
}

// wish is one pass over the span and where its answer goes.
type wish struct {
	into *amounts
	expr string
	sign float64 // 0: add up, 1: greatest, -1: least
}

func growing(into *amounts, expr string) wish  { return wish{into, expr, 0} }
func greatest(into *amounts, expr string) wish { return wish{into, expr, 1} }
func least(into *amounts, expr string) wish    { return wish{into, expr, -1} }

func (s *summary) ask(ctx context.Context, wishes ...wish) error {
	for _, w := range wishes {
		var err error
		if w.sign == 0 {
			*w.into, err = s.tally.growth(ctx, w.expr)
		} else {
			*w.into, err = s.tally.extreme(ctx, w.expr, w.sign)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// assemble puts the entities into a result.
func (s *summary) assemble() (*analysis.Result, error) {
	r := analysis.Parts{
		Inputs: analysis.Inputs{Kind: analysis.KindPrometheus, Paths: []string{s.c.url}}, Zone: s.q.Zone, By: s.q.By, Interval: s.interval, Grid: s.grid,
		Overall: map[string]*analysis.Stats{}, Nodes: s.q.Nodes, Notes: s.notes(),
	}
	for _, e := range s.entities {
		r.Entities = append(r.Entities, e)
	}
	s.overallStats(r.Overall)
	return r.Assemble()
}

func (s *summary) notes() []string {
	out := []string{"from " + analysis.Escape(s.c.url) + ": means are from counters where there are any and exact; samples are counted from counters, times are those of the first and the last scrape"}
	if s.lost {
		out = append(out, "the server has no native histograms of nodemeter: minima, maxima and percentiles are over scrapes, not over samples, and bursts between scrapes are not in them (Prometheus 2: --enable-feature=native-histograms, 3: scrape_native_histograms)")
	}
	if s.partly && !s.lost {
		out = append(out, "some nodes or GPUs have no native histograms: their minima, maxima and percentiles are over scrapes, not over samples, and percentiles of all nodes together are not known")
	}
	return out
}
