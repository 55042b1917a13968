package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nodemeter/collector/metric"
)

// quantity is a number whose every sample counts, not only the one that a
// scrape happens to see: it is exported as a histogram of all samples and as
// extremes of the last whole span.
type quantity struct {
	on     metric.EntityKind
	column string
	name   string  // of its families, without unit
	unit   string  // of its families
	factor float64 // from the column's unit
	noun   string
}

// quantities is the table of them.
func quantities() []quantity {
	return []quantity{
		{metric.Node, "cpu_util", "nodemeter_cpu_utilization", "ratio", 1, "Processor utilization"},
		{metric.Node, "memory_util", "nodemeter_memory_utilization", "ratio", 1, "Memory utilization"},
		{metric.Node, "gpu_util", "nodemeter_node_gpu_utilization", "ratio", 1, "Mean utilization of the node's GPUs (a kernel was running)"},
		{metric.Node, "network_mbps", "nodemeter_network_throughput", "bytes_per_second", 1e6 / 8, "Bytes received and sent a second over physical links"},
		{metric.GPU, "gpu_util", "nodemeter_gpu_utilization", "ratio", 1, "GPU utilization (a kernel was running)"},
		{metric.GPU, "gpu_sm_active", "nodemeter_gpu_sm_active", "ratio", 1, "Share of streaming multiprocessors with work"},
		{metric.MIG, "gpu_sm_active", "nodemeter_mig_sm_active", "ratio", 1, "Share of the instance's streaming multiprocessors with work"},
	}
}

func (q quantity) family(kind string) string { return q.name + "_" + kind + "_" + q.unit }

func (q quantity) labels() []string {
	if l := q.on.Label(); l != "" {
		return []string{l}
	}
	return nil
}

// histogram of every sample. Native buckets grow by a tenth, so that a quantile
// is exact to 5 %; what is below a thousandth counts as zero.
func (q quantity) histogram(classic bool) *prometheus.HistogramVec {
	o := prometheus.HistogramOpts{
		Name:                           q.family("samples"),
		Help:                           q.noun + ": a histogram of every sample, so that quantiles and means over any scrape interval miss none.",
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramZeroThreshold:   0.001,
		NativeHistogramMaxBucketNumber: 160,
	}
	if classic {
		o.Buckets = []float64{0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1}
		if q.unit != "ratio" {
			o.Buckets = prometheus.ExponentialBuckets(1e4, 10, 8)
			o.NativeHistogramZeroThreshold = 1
		}
	}
	return prometheus.NewHistogramVec(o, q.labels())
}

// distributions follows the quantities over all samples.
type distributions struct {
	byColumn map[columnKey]*distribution
	byDesc   map[*metric.Desc]*distribution
	span     *spans
	seen     map[spanKey]time.Time // tick of an entity's last value
	swept    time.Time
}

// forgetAfter is how long after its last value the histogram of an entity that
// left (a GPU taken out, a MIG instance cut anew) is still exported.
const forgetAfter = 10 * time.Minute

type columnKey struct {
	on     metric.EntityKind
	column string
}

type distribution struct {
	quantity
	samples *prometheus.HistogramVec
	node    prometheus.Observer // of the node; nil for other entities, which come and go
}

func newDistributions(descs []*metric.Desc, span time.Duration, classic bool) *distributions {
	d := &distributions{byColumn: map[columnKey]*distribution{}, byDesc: map[*metric.Desc]*distribution{}, span: newSpans(span), seen: map[spanKey]time.Time{}}
	for _, q := range quantities() {
		d.byColumn[columnKey{q.on, q.column}] = &distribution{quantity: q, samples: q.histogram(classic)}
	}
	for _, m := range descs {
		if q := d.byColumn[columnKey{m.On, m.Column}]; q != nil {
			d.byDesc[m] = q
		}
	}
	return d
}

func (d *distributions) collectors() []prometheus.Collector {
	var out []prometheus.Collector
	for _, q := range quantities() {
		out = append(out, d.byColumn[columnKey{q.on, q.column}].samples)
	}
	if d.span.length > 0 {
		out = append(out, d.span)
	}
	return out
}

// observe takes in one sample.
func (d *distributions) observe(s *metric.Sample) {
	d.span.begin(s)
	d.sweep(s.Time)
	for i := range s.Readings {
		r := &s.Readings[i]
		if r.Entity.Kind != metric.Node && r.Entity.Kind != metric.GPU && r.Entity.Kind != metric.MIG {
			continue
		}
		for _, p := range r.Points {
			q := d.byDesc[p.Desc]
			if q == nil {
				continue
			}
			v := p.Float() * q.factor
			if q.on == metric.Node {
				q.ofNode().Observe(v)
			} else {
				q.samples.WithLabelValues(r.Entity.ID).Observe(v)
				d.seen[spanKey{columnKey{q.on, q.column}, r.Entity.ID}] = s.Time
			}
			d.span.add(q.quantity, r.Entity.ID, v, s.Interval)
		}
	}
}

// ofNode is the node's histogram, which is there from its first value on.
func (d *distribution) ofNode() prometheus.Observer {
	if d.node == nil {
		d.node = d.samples.WithLabelValues()
	}
	return d.node
}

// sweep forgets entities that have left, looking once a minute.
func (d *distributions) sweep(now time.Time) {
	if now.Sub(d.swept).Abs() < time.Minute {
		return
	}
	d.swept = now
	for k, at := range d.seen {
		if now.Sub(at).Abs() > forgetAfter {
			d.byColumn[k.column].samples.DeleteLabelValues(k.id)
			delete(d.seen, k)
		}
	}
}
