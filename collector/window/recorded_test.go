package window

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// recording plays back testdata/recorded.jsonl.gz: an hour of a machine's own
// /proc at 1 Hz, raw, turned into the metrics that nodemeterd makes of it. It
// is what sizes are measured on.
type recording struct {
	node  *metric.Entity
	descs map[string]*metric.Desc
	ents  map[string]*metric.Entity
	prev  *rawTick
	n     int
}

// rawTick is one line: wall and monotonic time, then files of /proc parsed to numbers.
type rawTick struct {
	wall, mono int64
	cpu        map[string][]int64
	counts     map[string]int64
	mem        map[string]int64
	net        map[string][]int64
	disk       map[string][]int64
	pressure   map[string]int64
	load       []float64
}

func (r *rawTick) UnmarshalJSON(b []byte) error {
	var stat map[string]json.RawMessage
	if err := json.Unmarshal(b, &[]any{&r.wall, &r.mono, &stat, &r.mem, &r.net, &r.disk, &r.pressure, &r.load}); err != nil {
		return err
	}
	r.cpu, r.counts = map[string][]int64{}, map[string]int64{}
	for name, raw := range stat {
		var err error
		if strings.HasPrefix(name, "cpu") {
			var v []int64
			err = json.Unmarshal(raw, &v)
			r.cpu[name] = v
		} else {
			var v int64
			err = json.Unmarshal(raw, &v)
			r.counts[name] = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recordedSamples returns the recording as samples; n bounds how many.
func recordedSamples(t testing.TB, n int) []*metric.Sample {
	t.Helper()
	path := os.Getenv("NODEMETER_RECORDING")
	if path == "" {
		path = "testdata/recorded.jsonl.gz"
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rec := &recording{node: &metric.Entity{Kind: metric.Node, ID: "n1"}, descs: map[string]*metric.Desc{}, ents: map[string]*metric.Entity{}}
	var out []*metric.Sample
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && len(out) < n {
		var raw rawTick
		if err := json.Unmarshal(lines.Bytes(), &raw); err != nil {
			t.Fatal(err)
		}
		out = append(out, rec.sample(&raw))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *recording) sample(raw *rawTick) *metric.Sample {
	var b metric.Batch
	s := &metric.Sample{Mono: time.Duration(raw.mono)}
	s.Time = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC).Add(time.Duration(r.n) * time.Second)
	s.Late = time.Duration(raw.wall % 1e9)
	p := r.prev
	if p != nil {
		s.Interval = time.Duration(raw.mono - p.mono)
	}
	r.cpus(&b, raw, p)
	r.memory(&b, raw)
	r.network(&b, raw, p, s.Interval.Seconds())
	r.disks(&b, raw, p, s.Interval.Seconds())
	s.Readings = metric.Merge(&b)
	r.prev, r.n = raw, r.n+1
	return s
}

func (r *recording) float(b *metric.Batch, e *metric.Entity, column string, u metric.Unit, k metric.Kind, step, v float64) {
	b.Add(e, metric.Float(r.desc(e, column, u, k, metric.TypeFloat, step), v))
}

func (r *recording) int(b *metric.Batch, e *metric.Entity, column string, u metric.Unit, k metric.Kind, v int64) {
	b.Add(e, metric.Int(r.desc(e, column, u, k, metric.TypeInt, 0), v))
}

func (r *recording) desc(e *metric.Entity, column string, u metric.Unit, k metric.Kind, t metric.Type, step float64) *metric.Desc {
	key := e.Kind.String() + column
	if r.descs[key] == nil {
		r.descs[key] = desc(e.Kind, column, u, k, t, step)
	}
	return r.descs[key]
}

func (r *recording) entity(k metric.EntityKind, id string) *metric.Entity {
	key := k.String() + id
	if r.ents[key] == nil {
		r.ents[key] = &metric.Entity{Kind: k, ID: id}
	}
	return r.ents[key]
}

func (r *recording) cpus(b *metric.Batch, raw, prev *rawTick) {
	modes := []string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}
	for name, v := range raw.cpu {
		e := r.node
		if name != "cpu" {
			e = r.entity(metric.CPU, name[3:])
		}
		if prev != nil {
			var total, idle float64
			for i := range modes {
				d := float64(v[i] - prev.cpu[name][i])
				total += d
				if i == 3 || i == 4 {
					idle += d
				}
			}
			if total > 0 {
				r.float(b, e, "cpu_util", metric.Ratio, metric.Gauge, 0.0001, min(1, max(0, 1-idle/total)))
			}
		}
		for i, m := range modes {
			r.float(b, e, "cpu_"+m+"_seconds", metric.Seconds, metric.Counter, 0.01, float64(v[i])/100)
		}
	}
	r.int(b, r.node, "context_switches", metric.Count, metric.Counter, raw.counts["ctxt"])
	r.int(b, r.node, "forks", metric.Count, metric.Counter, raw.counts["processes"])
	r.int(b, r.node, "procs_running", metric.Count, metric.Gauge, raw.counts["procs_running"])
	r.int(b, r.node, "procs_blocked", metric.Count, metric.Gauge, raw.counts["procs_blocked"])
	for i, l := range []string{"load1", "load5", "load15"} {
		r.float(b, r.node, l, metric.Count, metric.Gauge, 0.01, raw.load[i])
	}
}

func (r *recording) memory(b *metric.Batch, raw *rawTick) {
	r.float(b, r.node, "memory_util", metric.Ratio, metric.Gauge, 0.0001, 1-float64(raw.mem["MemAvailable"])/float64(raw.mem["MemTotal"]))
	for _, m := range [][2]string{{"total", "MemTotal"}, {"available", "MemAvailable"}, {"free", "MemFree"}, {"buffers", "Buffers"}, {"cached", "Cached"},
		{"shmem", "Shmem"}, {"slab", "Slab"}, {"dirty", "Dirty"}, {"writeback", "Writeback"}, {"swap_total", "SwapTotal"}, {"swap_free", "SwapFree"}} {
		r.int(b, r.node, "memory_"+m[0]+"_bytes", metric.Bytes, metric.Gauge, raw.mem[m[1]])
	}
	for name, us := range raw.pressure {
		r.float(b, r.node, "pressure_"+name+"_seconds", metric.Seconds, metric.Counter, 1e-6, float64(us)/1e6)
	}
}

func (r *recording) network(b *metric.Batch, raw, prev *rawTick, seconds float64) {
	columns := []string{"network_receive_bytes", "network_receive_packets", "network_receive_errors", "network_receive_drops", "", "", "", "",
		"network_transmit_bytes", "network_transmit_packets", "network_transmit_errors", "network_transmit_drops"}
	for _, name := range slices.Sorted(keys(raw.net)) {
		if name != "eth0" {
			continue
		}
		v, e := raw.net[name], r.entity(metric.NIC, name)
		for i, c := range columns {
			if c == "" {
				continue
			}
			unit := metric.Count
			if strings.HasSuffix(c, "_bytes") {
				unit = metric.Bytes
				r.int(b, r.node, c, unit, metric.Counter, v[i])
			}
			r.int(b, e, c, unit, metric.Counter, v[i])
		}
		if prev != nil && seconds > 0 {
			rx, tx := float64(v[0]-prev.net[name][0])*8e-6/seconds, float64(v[8]-prev.net[name][8])*8e-6/seconds
			r.float(b, r.node, "network_mbps", metric.Mbps, metric.Gauge, 0.001, rx+tx)
			r.float(b, r.node, "network_receive_mbps", metric.Mbps, metric.Gauge, 0.001, rx)
			r.float(b, r.node, "network_transmit_mbps", metric.Mbps, metric.Gauge, 0.001, tx)
			r.float(b, e, "network_mbps", metric.Mbps, metric.Gauge, 0.001, rx+tx)
		}
	}
}

func (r *recording) disks(b *metric.Batch, raw, prev *rawTick, seconds float64) {
	for name, v := range raw.disk {
		for _, e := range []*metric.Entity{r.node, r.entity(metric.Disk, name)} {
			r.int(b, e, "disk_reads", metric.Count, metric.Counter, v[0])
			r.int(b, e, "disk_read_bytes", metric.Bytes, metric.Counter, v[2]*512)
			r.int(b, e, "disk_writes", metric.Count, metric.Counter, v[4])
			r.int(b, e, "disk_written_bytes", metric.Bytes, metric.Counter, v[6]*512)
			r.float(b, e, "disk_io_seconds", metric.Seconds, metric.Counter, 0.001, float64(v[9])/1000)
			if prev != nil && seconds > 0 {
				r.float(b, e, "disk_util", metric.Ratio, metric.Gauge, 0.0001, min(1, float64(v[9]-prev.disk[name][9])/1000/seconds))
			}
		}
	}
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
