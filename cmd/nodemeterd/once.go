package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"nodemeter/collector"
	"nodemeter/collector/metric"
)

// onceInterval is how long --once measures: rates need two reads, and the
// kernel counts processor time in hundredths of a second.
const onceInterval = 500 * time.Millisecond

// onceGPUWait is how long --once waits for the GPU driver to open.
const onceGPUWait = 10 * time.Second

// once prints one sample as JSON.
func once(ctx context.Context, s *settings, log *slog.Logger, out io.Writer) error {
	name, err := s.nodeName()
	if err != nil {
		return err
	}
	node := newNode(name)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := sources(s, node, onceGPUWait, log)
	defer t.close(log)
	if t.gpu != nil {
		// The driver takes a second or two to open; its failure is reported by the sample.
		_ = t.gpu.Read(ctx, new(metric.Batch))
	}
	var sample *metric.Sample
	r, err := collector.New(collector.Options{
		Interval: onceInterval, Log: log,
		Sources: t.entries,
		Sinks: []func(*metric.Sample){func(m *metric.Sample) {
			if sample == nil && m.Interval > 0 {
				m.Hold()
				sample = m
				cancel()
			}
		}},
	})
	if err != nil {
		return err
	}
	if err := r.Run(ctx); err != nil {
		return err
	}
	if sample == nil {
		return errors.New("interrupted before a sample was taken")
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(document(name, sample))
}

// onceDocument is what --once prints.
type onceDocument struct {
	Node     string        `json:"node"`
	Agent    string        `json:"agent"`
	Time     time.Time     `json:"time"`
	Interval float64       `json:"interval_seconds"`
	Readings []onceReading `json:"readings"`
	Sources  []onceSource  `json:"sources"`
}

// onceReading is one entity. A metric that could not be read is not in Metrics.
type onceReading struct {
	Kind    string            `json:"kind"`
	ID      string            `json:"id"`
	Info    map[string]string `json:"info,omitempty"`
	Metrics map[string]any    `json:"metrics"`
}

type onceSource struct {
	Name     string  `json:"name"`
	Error    string  `json:"error,omitempty"`
	Duration float64 `json:"duration_seconds"`
	Rejected int     `json:"rejected,omitempty"`
}

func document(node string, s *metric.Sample) onceDocument {
	d := onceDocument{Node: node, Agent: version, Time: s.Time, Interval: s.Interval.Seconds()}
	for _, r := range s.Readings {
		o := onceReading{Kind: r.Entity.Kind.String(), ID: r.Entity.ID, Metrics: map[string]any{}}
		for _, l := range r.Entity.Info {
			if o.Info == nil {
				o.Info = map[string]string{}
			}
			o.Info[l.Name] = l.Value
		}
		for _, p := range r.Points {
			o.Metrics[p.Desc.Column] = value(p)
		}
		d.Readings = append(d.Readings, o)
	}
	for _, st := range s.Sources {
		o := onceSource{Name: st.Name, Duration: st.Duration.Seconds(), Rejected: st.Rejected}
		if st.Err != nil {
			o.Error = st.Err.Error()
		}
		d.Sources = append(d.Sources, o)
	}
	return d
}

// value is a point as JSON has it: rounded as windows round it.
func value(p metric.Point) any {
	switch p.Desc.Type {
	case metric.TypeInt:
		return p.Int()
	case metric.TypeState:
		return p.StateName()
	}
	v := p.Float()
	if step := p.Desc.Step; step > 0 && step < 1 {
		digits := int(math.Ceil(-math.Log10(step) - 1e-9))
		return json.Number(fmt.Sprintf("%.*f", digits, v))
	}
	return v
}
