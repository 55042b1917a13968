package prom

import (
	"context"
	"math"

	"github.com/prometheus/common/model"

	"nodemeter/analysis"
	"nodemeter/collector/metric"
)

// How percentiles were computed, for output.
const (
	methodBucket  = "exact to a bucket of the native histogram"
	methodScrapes = "over scrapes, not samples"
	methodNone    = "not known to the server"
)

// nodes asks for the utilizations, cores and memory of each node.
func (s *summary) nodes(ctx context.Context) error {
	s.overall = map[string]*histogram{}
	for _, u := range nodeUtilizations {
		if err := s.utilization(ctx, u, "instance"); err != nil {
			return err
		}
	}
	var busy, all, count, total, left amounts
	err := s.ask(ctx,
		growing(&busy, s.sum("instance", cpuTime, `mode!~"idle|iowait"`)),
		growing(&all, s.sum("instance", cpuTime, "")),
		greatest(&count, s.over("max", "instance", "max_over_time", cpus)),
		greatest(&total, s.over("max", "instance", "max_over_time", memTotal)),
		least(&left, s.over("min", "instance", "min_over_time", memLeft)))
	if err != nil {
		return err
	}
	for k, e := range s.entities {
		if k.device != "" {
			continue
		}
		if st := e.Stats["cpu_util"]; st != nil && all[k] > 0 {
			st.Mean = analysis.Number(busy[k] / all[k])
		}
		e.Use.CoreSecondsUsed, e.Use.CoreSeconds, e.Use.Cores = busy[k]*s.scale[k], all[k]*s.scale[k], count[k]
		if total[k] > 0 {
			e.Use.MemoryTotal, e.Use.MemoryPeak = total[k], total[k]-left[k]
		}
	}
	return nil
}

// utilization asks for the distribution of one column by node, or by device of a node.
func (s *summary) utilization(ctx context.Context, u utilization, by string) error {
	found, err := s.tally.distributions(ctx, s.sum(by, u.samples, ""))
	if err != nil {
		return err
	}
	var low, high amounts
	if u.gauge != "" {
		if err := s.ask(ctx, least(&low, s.over("min", by, "min_over_time", u.gauge)), greatest(&high, s.over("max", by, "max_over_time", u.gauge))); err != nil {
			return err
		}
	}
	for k := range low {
		if found[k] == nil && s.entities[key{node: k.node}] != nil { // of an agent or a scrape job without histograms
			if err := s.scrapes(ctx, u, by, found, low, high); err != nil {
				return err
			}
			break
		}
	}
	for k, h := range found {
		e, st := s.entity(k), s.stats(k, h, u)
		if e == nil || st == nil {
			continue
		}
		// The gauges are single samples and may narrow the outermost buckets.
		if v, ok := low[k]; ok {
			st.Min = min(st.Min, analysis.Number(v))
		}
		if v, ok := high[k]; ok {
			st.Max = max(st.Max, analysis.Number(v))
		}
		e.Stats[u.column] = st
		if k.device == "" {
			s.add(u, h)
		}
	}
	return nil
}

// entity finds a node, or finds or makes a GPU of a known node.
func (s *summary) entity(k key) *analysis.EntityResult {
	node := s.entities[key{node: k.node}]
	if node == nil || k.device == "" {
		return node
	}
	if s.entities[k] == nil {
		s.entities[k] = &analysis.EntityResult{
			Entity:   analysis.Entity{Node: k.node, Kind: metric.GPU, ID: k.device, Worker: k.node},
			Presence: node.Presence, Stats: map[string]*analysis.Stats{}, Increase: map[string]analysis.Increase{}, States: map[string]map[string]float64{},
		}
		s.scale[k] = s.scale[key{node: k.node}]
	}
	return s.entities[k]
}

// stats are the figures of a distribution, in the column's unit.
func (s *summary) stats(k key, h *histogram, u utilization) *analysis.Stats {
	if h == nil || h.count == 0 {
		return nil
	}
	h = h.times(u.factor)
	buckets := h.sorted()
	low, high := buckets[0].at(0), buckets[len(buckets)-1].at(1)
	if u.unit == metric.Ratio {
		high = min(high, 1) // the bucket that holds 1 ends above it
	}
	at := func(p float64) analysis.Number { return analysis.Number(min(quantile(buckets, p), high)) }
	scale := s.scale[k]
	whole := func(n float64) int64 { return int64(n*scale + 0.5) }
	held := func(n float64) analysis.Number { return analysis.Number(n * scale * s.interval.Seconds()) }
	st := &analysis.Stats{
		Unit: u.unit, Samples: whole(h.count) + 1, Expected: s.expected(k), Mean: analysis.Number(h.sum / h.count), SampleMean: analysis.Number(h.sum / h.count),
		Min: at(0), P5: at(0.05), P50: at(0.5), P95: at(0.95), P99: at(0.99), Max: at(1), Percentiles: methodBucket,
		ActiveSamples: whole(h.count) + 1 - whole(h.zero()), ActiveMean: analysis.NaN(), Seconds: held(h.count), IdleSeconds: held(h.zero()), Box: h.box(buckets, low, high),
	}
	if n := h.count - h.zero(); n > 0 {
		st.ActiveMean = analysis.Number(h.sum / n)
	}
	if u.unit == metric.Ratio {
		st.Histogram = percent(buckets)
	}
	return st
}

// expected is how many samples a node or device should have.
func (s *summary) expected(k key) int64 {
	if e := s.entities[k]; e != nil {
		return e.Presence.Expected
	}
	return 0
}

func (s *summary) add(u utilization, h *histogram) {
	if s.overall[u.column] == nil {
		s.overall[u.column] = newHistogram()
	}
	s.overall[u.column].merge(h)
}

// scrapes stands in for nodes and devices without native histograms: what the
// scrapes happened to see, of which low and high are known. Percentiles of several
// chunks of the span are not known.
func (s *summary) scrapes(ctx context.Context, u utilization, by string, but map[key]*histogram, low, high amounts) error {
	s.lost, s.partly = s.lost || len(but) == 0, s.partly || len(but) > 0
	var sum, count amounts
	var at [4]amounts
	if err := s.ask(ctx, growing(&sum, s.over("sum", by, "sum_over_time", u.gauge)), growing(&count, s.over("sum", by, "count_over_time", u.gauge))); err != nil {
		return err
	}
	for i, p := range []string{"0.05", "0.5", "0.95", "0.99"} {
		var err error
		if at[i], err = s.tally.single(ctx, "max by ("+by+") (quantile_over_time("+p+", "+u.gauge+"{"+s.on+"}[%s]))"); err != nil {
			return err
		}
	}
	n := func(a amounts, k key) analysis.Number {
		if v, ok := a[k]; ok {
			return analysis.Number(v)
		}
		return analysis.NaN()
	}
	for k := range count {
		e := s.entity(k)
		if e == nil || but[k] != nil {
			continue
		}
		mean := analysis.Number(sum[k] / count[k])
		e.Stats[u.column] = &analysis.Stats{
			Unit: metric.Ratio, Samples: e.Presence.Seen, Expected: e.Presence.Expected, Mean: mean, SampleMean: mean,
			Min: n(low, k), P5: n(at[0], k), P50: n(at[1], k), P95: n(at[2], k), P99: n(at[3], k), Max: n(high, k),
			Percentiles: methodScrapes, ActiveMean: analysis.NaN(), Seconds: analysis.Number(e.Presence.Duration().Seconds()), IdleSeconds: analysis.NaN(),
		}
	}
	return nil
}

// traffic asks for what the links carried.
func (s *summary) traffic(ctx context.Context) error {
	var in, out amounts
	if err := s.ask(ctx, growing(&in, s.sum("instance", received, "")), growing(&out, s.sum("instance", sent, ""))); err != nil {
		return err
	}
	nan := analysis.NaN()
	for k, bytes := range in {
		e := s.entities[k]
		if e == nil {
			continue
		}
		span := e.Presence.Duration().Seconds()
		e.Increase["network_receive_bytes"] = analysis.Increase{Total: bytes * s.scale[k]}
		e.Increase["network_transmit_bytes"] = analysis.Increase{Total: out[k] * s.scale[k]}
		mean := analysis.Number((bytes + out[k]) * s.scale[k] * 8 / 1e6 / span)
		if st := e.Stats["network_mbps"]; st != nil {
			st.Mean = mean
			continue
		}
		e.Stats["network_mbps"] = &analysis.Stats{
			Unit: metric.Mbps, Samples: e.Presence.Seen, Expected: e.Presence.Expected, Mean: mean, SampleMean: mean, Min: nan, P5: nan, P50: nan, P95: nan, P99: nan, Max: nan,
			Percentiles: methodNone, ActiveMean: nan, Seconds: analysis.Number(span), IdleSeconds: nan,
		}
	}
	return nil
}

// devices asks for GPUs.
func (s *summary) devices(ctx context.Context) error {
	if err := s.utilization(ctx, deviceUtilization, "instance,uuid"); err != nil {
		return err
	}
	var energy amounts
	if err := s.ask(ctx, growing(&energy, s.sum("instance,uuid", gpuEnergy, ""))); err != nil {
		return err
	}
	for k, joules := range energy {
		if e := s.entity(k); e != nil {
			e.Increase["gpu_energy_joules"] = analysis.Increase{Total: joules * s.scale[k]}
		}
	}
	return s.identities(ctx)
}

// identities reads what the GPUs are; the last of the span that is known.
func (s *summary) identities(ctx context.Context) error {
	return s.tally.each(ctx, "last_over_time("+gpuInfo+"{"+s.on+"}[%s])", func(v *model.Sample) {
		e := s.entities[keyOf(v.Metric)]
		if e == nil {
			return
		}
		e.Info = nil
		for _, name := range []model.LabelName{"driver", "index", "name", "pci_bus_id", "vendor"} {
			if value := string(v.Metric[name]); value != "" {
				e.Info = append(e.Info, metric.Label{Name: string(name), Value: value})
			}
		}
	})
}

// overallStats adds up the nodes.
func (s *summary) overallStats(out map[string]*analysis.Stats) {
	all := key{}
	var scale, n float64
	for k, e := range s.entities {
		if k.device == "" {
			scale += s.scale[k] * float64(e.Presence.Seen)
			n += float64(e.Presence.Seen)
		}
	}
	s.scale[all] = scale / n
	for _, u := range nodeUtilizations {
		if st := s.stats(all, s.overall[u.column], u); st != nil {
			out[u.column] = st
		}
	}
	for _, column := range []string{"cpu_util", "memory_util", "gpu_util", "network_mbps"} {
		s.weighted(column, out)
	}
}

// weighted replaces the mean over all nodes by that of the nodes' exact means,
// weighted by the time they were seen; and makes it where there is no histogram.
func (s *summary) weighted(column string, out map[string]*analysis.Stats) {
	var sum, weight float64
	var samples, expected int64
	low, high := math.Inf(1), math.Inf(-1)
	var unit metric.Unit
	method, scraped := methodNone, false
	for k, e := range s.entities {
		st := e.Stats[column]
		if k.device != "" || st == nil {
			continue
		}
		unit, samples, expected = st.Unit, samples+st.Samples, expected+st.Expected
		sum += float64(st.Mean) * float64(st.Seconds)
		weight += float64(st.Seconds)
		low, high = min(low, float64(st.Min)), max(high, float64(st.Max))
		scraped = scraped || st.Percentiles == methodScrapes
	}
	if weight == 0 {
		return
	}
	mean := analysis.Number(sum / weight)
	if st := out[column]; st != nil && !scraped { // with some that have none, histograms are not of all nodes
		st.Mean, st.Samples, st.Expected = mean, samples, expected
		return
	}
	nan := analysis.NaN()
	out[column] = &analysis.Stats{
		Unit: unit, Samples: samples, Expected: expected, Mean: mean, SampleMean: mean, Min: analysis.Number(low), P5: nan, P50: nan, P95: nan, P99: nan, Max: analysis.Number(high),
		Percentiles: method, ActiveMean: nan, Seconds: analysis.Number(weight), IdleSeconds: nan,
	}
}
