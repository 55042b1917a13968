package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
	"nodemeter/exporter/remotewrite"
)

// remoteSettings are where to push to, for nodes that cannot be scraped.
type remoteSettings struct {
	url, config string
	step        time.Duration
	queue       int
	labels      []string
}

func (r *remoteSettings) flags(fs *pflag.FlagSet) {
	fs.StringVar(&r.url, "remote-write.url", "", "push to this `address`, such as http://prometheus:9090/api/v1/write; nothing is pushed without one")
	fs.Var(durationFlag(&r.step, 15*time.Second), "remote-write.interval", "time between two pushes")
	fs.IntVar(&r.queue, "remote-write.queue", remotewrite.DefaultQueue, "pushes kept in memory while the server cannot be reached; older ones come from the windows afterwards")
	fs.StringVar(&r.config, "remote-write.config.file", "", "`file` with credentials and TLS for it, in the format of Prometheus' HTTP clients")
	fs.StringSliceVar(&r.labels, "remote-write.labels", nil, "`labels` for every series, such as cluster=hpc; job is nodemeter and instance the node unless given")
}

// always are the labels that scraping would have added, and the configured ones.
func (r *remoteSettings) always(node string) ([]metric.Label, error) {
	var out []metric.Label
	for _, l := range r.labels {
		name, value, ok := strings.Cut(l, "=")
		if !ok || !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__") {
			return nil, bad("remote-write.labels", l, "must be NAME=VALUE")
		}
		out = append(out, metric.Label{Name: name, Value: value})
	}
	for _, l := range []metric.Label{{Name: "job", Value: "nodemeter"}, {Name: "instance", Value: node}} {
		if !slices.ContainsFunc(out, func(o metric.Label) bool { return o.Name == l.Name }) {
			out = append(out, l)
		}
	}
	return out, nil
}

// pushing makes the writer that --remote-write.url asks for, and leaves
// d.writer nil when it does not.
func (d *daemon) pushing() ([]prometheus.Collector, error) {
	if d.remote.url == "" {
		return nil, nil
	}
	always, err := d.remote.always(d.node.ID)
	if err != nil {
		return nil, err
	}
	client, err := remotewrite.NewClient(d.remote.url, d.remote.config)
	if errors.Is(err, remotewrite.ErrAddress) {
		return nil, d.placed(badSetting{name: "remote-write.url", reason: err.Error()})
	}
	if err != nil {
		return nil, fmt.Errorf("remote write: %w", err)
	}
	o := remotewrite.Options{
		Step: d.remote.step, Queue: d.remote.queue, Labels: always, Send: client.Send, Log: d.log,
		Gatherer: prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return d.export.Gather() }),
	}
	if d.recorder != nil {
		o.Fill = filler{dir: d.where, node: d.node.ID, perCore: d.perCoreSeries, always: always, log: d.log}.fill
	}
	if d.writer, err = remotewrite.New(o); err != nil {
		return nil, d.placed(bad("remote-write.interval", d.remote.step, "%v", err))
	}
	return []prometheus.Collector{d.writer}, nil
}

// pushGrace is how long the end waits for the last push.
const pushGrace = 2 * time.Second

// push pushes until the function it returns is called, which waits for the last one.
func (d *daemon) push() func() {
	if d.writer == nil {
		return func() {}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.writer.Run(ctx, pushGrace)
	}()
	return func() {
		stop()
		<-done
	}
}

// filler reads windows for the spans that a server has missed.
type filler struct {
	dir, node string
	perCore   bool
	always    []metric.Label
	log       *slog.Logger
}

// mostSeries is how many series a batch from windows has.
const mostSeries = 200

// fill hands on the first row of each step, as the families that the windows
// name. Histograms and the daemon's health are not in windows; being counters,
// they lose nothing but their course over the gap.
func (f filler) fill(ctx context.Context, from, to time.Time, step time.Duration, emit func([]remotewrite.Series) error) error {
	r, err := window.Open([]string{f.dir}, window.Query{From: from, To: to, Nodes: []string{f.node}})
	if err != nil {
		return fmt.Errorf("open windows: %w", err)
	}
	defer r.Close()
	var batch []remotewrite.Series
	for r.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c := r.Chunk(); c.Kind != metric.CPU || f.perCore {
			batch = append(batch, f.series(c, r.Meta(), step)...)
		}
		for len(batch) >= mostSeries {
			if err := emit(batch[:mostSeries]); err != nil {
				return err
			}
			batch = batch[mostSeries:]
		}
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("read windows: %w", err)
	}
	for _, p := range r.Problems() {
		f.log.Warn("remote write: a window is damaged, and what it has lost stays a gap", "file", p.File, "lost", p.Lost, "err", p.Err)
	}
	if len(batch) == 0 {
		return nil
	}
	return emit(batch)
}

// series turns a chunk into one series a family, thinned to the step.
func (f filler) series(c *window.Chunk, meta *window.Meta, step time.Duration) []remotewrite.Series {
	var rows []int
	last := int64(-1)
	for i, t := range c.Time {
		if at := t / int64(step); at != last {
			rows, last = append(rows, i), at
		}
	}
	var entity []metric.Label
	if name := c.Kind.Label(); name != "" {
		entity = []metric.Label{{Name: name, Value: c.ID}}
	}
	var out []remotewrite.Series
	for i := range meta.Families {
		family := &meta.Families[i]
		column := c.Column(family.Column)
		if family.Kind != c.Kind || column == nil || family.Metric == "" {
			continue
		}
		labels := slices.Concat(family.Labels, entity)
		if column.Field.Type != metric.TypeState {
			out = f.add(out, c, column, rows, family.Metric, labels, func(v float64) float64 { return v })
			continue
		}
		for state, name := range column.Field.States {
			is := func(v float64) float64 {
				if int(v) == state {
					return 1
				}
				return 0
			}
			out = f.add(out, c, column, rows, family.Metric, append(slices.Clone(labels), metric.Label{Name: "state", Value: name}), is)
		}
	}
	return out
}

func (f filler) add(out []remotewrite.Series, c *window.Chunk, column *window.Column, rows []int, name string, labels []metric.Label, value func(float64) float64) []remotewrite.Series {
	s := remotewrite.Series{Labels: remotewrite.NewLabels(name, labels, f.always), Counter: column.Field.Kind == metric.Counter}
	for _, i := range rows {
		if v, ok := column.At(i); ok {
			s.Values = append(s.Values, remotewrite.Value{Time: c.Time[i] / int64(time.Millisecond), V: value(v)})
		}
	}
	if len(s.Values) == 0 {
		return out
	}
	return append(out, s)
}
