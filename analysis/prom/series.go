package prom

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"

	"nodemeter/analysis"
	"nodemeter/collector/metric"
)

// series asks for the columns over time, for findings and pictures.
func (s *summary) series(ctx context.Context) error {
	if err := s.lay(ctx); err != nil || s.grid.Bins == 0 {
		return err
	}
	r := "[" + promDuration(s.grid.Width) + "]"
	on := s.on
	cpu := `1 - sum by (instance) (rate(` + cpuTime + `{` + join(`mode=~"idle|iowait"`, on) + `}` + r + `)) / sum by (instance) (rate(` + cpuTime + `{` + on + `}` + r + `))`
	net := `8e-6 * sum by (instance) (rate(` + received + `{` + on + `}` + r + `) + rate(` + sent + `{` + on + `}` + r + `))`
	if err := s.draw(ctx, "network_mbps", metric.Mbps, net, "", ""); err != nil {
		return err
	}
	for i, u := range append(nodeUtilizations[:], deviceUtilization) {
		by := "instance"
		if i == len(nodeUtilizations) {
			by = "instance,uuid"
		}
		if u.unit != metric.Ratio {
			continue
		}
		mean := "avg by (" + by + ") (avg_over_time(" + u.gauge + "{" + on + "}" + r + "))"
		low := "min by (" + by + ") (min_over_time(" + u.gauge + "{" + on + "}" + r + "))"
		high := "max by (" + by + ") (max_over_time(" + u.gauge + "{" + on + "}" + r + "))"
		if !s.lost {
			grown := "sum by (" + by + ") (increase(" + u.samples + "{" + on + "}" + r + "))"
			mean = "histogram_sum(" + grown + ") / histogram_count(" + grown + ")"
			low, high = "histogram_quantile(0, "+grown+")", "histogram_quantile(1, "+grown+")"
		}
		if i == 0 {
			mean = cpu
		}
		if err := s.draw(ctx, u.column, metric.Ratio, mean, low, high); err != nil {
			return err
		}
	}
	return nil
}

// lay chooses the grid: at most Bins steps, none shorter than four scrapes, so
// that every step has counters to compare.
func (s *summary) lay(ctx context.Context) error {
	var scrapes amounts
	if err := s.ask(ctx, growing(&scrapes, s.over("max", "instance", "count_over_time", lastTick))); err != nil {
		return err
	}
	between := 0.0
	for k, n := range scrapes {
		if e := s.entities[k]; e != nil && n > 1 {
			between = max(between, e.Presence.Duration().Seconds()/(n-1))
		}
	}
	span := s.q.To.Sub(s.q.From)
	width := time.Duration(math.Ceil(max(span.Seconds()/float64(s.q.Bins), 4*between))) * time.Second
	if width <= 0 || between == 0 {
		return nil
	}
	from := s.q.From.Truncate(width)
	s.grid = analysis.Grid{From: from, Width: width, Bins: int((s.q.To.Sub(from) + width - 1) / width)}
	return nil
}

// draw asks for one column over the grid. low and high are "" where only the
// mean is known.
func (s *summary) draw(ctx context.Context, column string, unit metric.Unit, mean, low, high string) error {
	err := s.points(ctx, mean, column, unit, func(x *analysis.Series, i int, v float64) { x.Mean[i], x.Min[i], x.Max[i] = v, v, v })
	if err == nil && low != "" {
		err = s.points(ctx, low, column, unit, func(x *analysis.Series, i int, v float64) { x.Min[i] = min(v, x.Mean[i]) })
	}
	if err == nil && high != "" {
		err = s.points(ctx, high, column, unit, func(x *analysis.Series, i int, v float64) { x.Max[i] = max(v, x.Mean[i]) })
	}
	return err
}

// points runs a range query in pieces and puts each value into its bin: the
// value at the end of a bin is of that bin.
func (s *summary) points(ctx context.Context, expr, column string, unit metric.Unit, set func(x *analysis.Series, bin int, v float64)) error {
	piece := s.grid.Bins
	for from := 0; from < s.grid.Bins; {
		to := min(from+piece, s.grid.Bins)
		matrix, err := s.c.over(ctx, expr, s.grid.Time(from+1), s.grid.Time(to), s.grid.Width)
		if tooMuch(err) && piece > 8 {
			piece /= 2
			continue
		}
		if err != nil {
			return fmt.Errorf("%s over time: %w", column, err)
		}
		for _, stream := range matrix {
			s.fill(stream, column, unit, set)
		}
		s.progress(time.Duration(to-from) * s.grid.Width)
		from = to
	}
	return nil
}

func (s *summary) fill(stream *model.SampleStream, column string, unit metric.Unit, set func(x *analysis.Series, bin int, v float64)) {
	e := s.entities[keyOf(stream.Metric)]
	if e == nil {
		return
	}
	if e.Series == nil {
		e.Series = map[string]*analysis.Series{}
	}
	x := e.Series[column]
	if x == nil {
		x = analysis.NewSeries(e.Entity, column, unit, s.grid.Bins)
		e.Series[column] = x
	}
	for _, v := range stream.Values {
		bin := int(v.Timestamp.Time().Sub(s.grid.From)/s.grid.Width) - 1
		if bin < 0 || bin >= s.grid.Bins || math.IsNaN(float64(v.Value)) {
			continue
		}
		set(x, bin, float64(v.Value))
		if s.interval > 0 {
			x.Samples[bin] = int32(s.grid.Width / s.interval)
		}
	}
}
