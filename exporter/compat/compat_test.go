package compat

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"nodemeter/collector/host"
	"nodemeter/collector/metric"
	"nodemeter/gpu"
)

// descs are those that the sources really have, by kind of entity and column.
func descs(t *testing.T) map[metric.EntityKind]map[string]*metric.Desc {
	t.Helper()
	node := &metric.Entity{Kind: metric.Node, ID: "n1"}
	out := map[metric.EntityKind]map[string]*metric.Desc{}
	add := func(ds []*metric.Desc) {
		for _, d := range ds {
			if out[d.On] == nil {
				out[d.On] = map[string]*metric.Desc{}
			}
			out[d.On][d.Column] = d
		}
	}
	for _, s := range host.Sources(host.Config{Node: node, PerCore: true}) {
		add(s.Source.Descs())
	}
	add(gpu.New(gpu.Options{Node: node, Interval: time.Second}).Descs())
	return out
}

// TestEveryColumnExists holds the tables against the sources.
func TestEveryColumnExists(t *testing.T) {
	known := descs(t)
	c, err := New(Options{Exporters: []string{NodeExporter, DCGM}})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.families) < 60 {
		t.Errorf("only %d lines in the tables", len(c.families))
	}
	for _, f := range c.families {
		d := known[f.on][f.column]
		if d == nil {
			t.Errorf("%s: no source has %s of a %s", f.name, f.column, f.on)
			continue
		}
		if counter := f.kind == prometheus.CounterValue; counter != (d.Kind == metric.Counter) && !strings.Contains(f.name, "REMAPPED") {
			t.Errorf("%s: counter %v, but %s is a %s", f.name, counter, d.Column, d.Kind)
		}
	}
}

// sample is one node with one core, a link, an InfiniBand port, a disk and a GPU.
func sample(t *testing.T) *metric.Sample {
	t.Helper()
	known := descs(t)
	reading := func(e *metric.Entity, values map[string]float64) metric.Reading {
		r := metric.Reading{Entity: e}
		for column, v := range values {
			d := known[e.Kind][column]
			if d == nil {
				t.Fatalf("no column %s on %s", column, e.Kind)
			}
			if d.Type == metric.TypeInt {
				r.Points = append(r.Points, metric.Int(d, int64(v)))
			} else {
				r.Points = append(r.Points, metric.Float(d, v))
			}
		}
		return r
	}
	return &metric.Sample{Time: time.Unix(1700000000, 0), Readings: []metric.Reading{
		reading(&metric.Entity{Kind: metric.Node, ID: "n1"}, map[string]float64{"memory_total_bytes": 1024, "load1": 0.5, "pressure_io_full_seconds": 2.5}),
		reading(&metric.Entity{Kind: metric.CPU, ID: "0"}, map[string]float64{"cpu_idle_seconds": 10, "cpu_user_seconds": 3, "cpu_guest_seconds": 1}),
		reading(&metric.Entity{Kind: metric.NIC, ID: "eth0", Info: []metric.Label{{Name: "class", Value: "physical"}}}, map[string]float64{"network_receive_bytes": 7, "network_transmit_drops": 2, "network_speed_bytes": 125e6}),
		reading(&metric.Entity{Kind: metric.NIC, ID: "mlx5_0/1", Info: []metric.Label{{Name: "class", Value: "infiniband"}}}, map[string]float64{"network_receive_bytes": 9}),
		reading(&metric.Entity{Kind: metric.Disk, ID: "sda"}, map[string]float64{"disk_io_seconds": 4}),
		reading(&metric.Entity{Kind: metric.GPU, ID: "AMD-1", Info: []metric.Label{{Name: "vendor", Value: "amd"}}}, map[string]float64{"gpu_util": 0.5}), // none of theirs
		reading(&metric.Entity{Kind: metric.GPU, ID: "GPU-1", Info: []metric.Label{{Name: "driver", Value: "550"}, {Name: "index", Value: "0"}, {Name: "name", Value: "NVIDIA H200"}, {Name: "pci_bus_id", Value: "00:1"}}},
			map[string]float64{"gpu_util": 0.425, "gpu_memory_used_bytes": 3 << 20, "gpu_energy_joules": 1.5, "gpu_sm_clock_hertz": 1.98e9}),
	}}
}

// golden is the sample under the other exporters' names.
const golden = `
# HELP DCGM_FI_DEV_FB_USED Frame buffer memory used (in MB).
# TYPE DCGM_FI_DEV_FB_USED gauge
DCGM_FI_DEV_FB_USED{DCGM_FI_DRIVER_VERSION="550",Hostname="n1",UUID="GPU-1",device="nvidia0",gpu="0",modelName="NVIDIA H200",pci_bus_id="00:1"} 3
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{DCGM_FI_DRIVER_VERSION="550",Hostname="n1",UUID="GPU-1",device="nvidia0",gpu="0",modelName="NVIDIA H200",pci_bus_id="00:1"} 42.5
# HELP DCGM_FI_DEV_SM_CLOCK SM clock frequency (in MHz).
# TYPE DCGM_FI_DEV_SM_CLOCK gauge
DCGM_FI_DEV_SM_CLOCK{DCGM_FI_DRIVER_VERSION="550",Hostname="n1",UUID="GPU-1",device="nvidia0",gpu="0",modelName="NVIDIA H200",pci_bus_id="00:1"} 1980
# HELP DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION Total energy consumption since boot (in mJ).
# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{DCGM_FI_DRIVER_VERSION="550",Hostname="n1",UUID="GPU-1",device="nvidia0",gpu="0",modelName="NVIDIA H200",pci_bus_id="00:1"} 1500
# HELP node_boot_time_seconds Node boot time, in unixtime.
# TYPE node_boot_time_seconds gauge
node_boot_time_seconds 1.6e+09
# HELP node_cpu_guest_seconds_total Seconds the CPUs spent in guests (VMs) for each mode.
# TYPE node_cpu_guest_seconds_total counter
node_cpu_guest_seconds_total{cpu="0",mode="user"} 1
# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 10
node_cpu_seconds_total{cpu="0",mode="user"} 3
# HELP node_disk_io_time_seconds_total Total seconds spent doing I/Os.
# TYPE node_disk_io_time_seconds_total counter
node_disk_io_time_seconds_total{device="sda"} 4
# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.5
# HELP node_memory_MemTotal_bytes Memory information field MemTotal_bytes.
# TYPE node_memory_MemTotal_bytes gauge
node_memory_MemTotal_bytes 1024
# HELP node_network_receive_bytes_total Network device statistic receive_bytes.
# TYPE node_network_receive_bytes_total counter
node_network_receive_bytes_total{device="eth0"} 7
# HELP node_network_speed_bytes Network device property: speed_bytes
# TYPE node_network_speed_bytes gauge
node_network_speed_bytes{device="eth0"} 1.25e+08
# HELP node_network_transmit_drop_total Network device statistic transmit_drop.
# TYPE node_network_transmit_drop_total counter
node_network_transmit_drop_total{device="eth0"} 2
# HELP node_pressure_io_stalled_seconds_total Total time in seconds no process could make progress due to IO congestion.
# TYPE node_pressure_io_stalled_seconds_total counter
node_pressure_io_stalled_seconds_total 2.5
# HELP node_time_seconds System time in seconds since epoch (1970).
# TYPE node_time_seconds gauge
node_time_seconds 1.7e+09
# HELP node_uname_info Labeled system information as provided by the uname system call.
# TYPE node_uname_info gauge
node_uname_info{domainname="",machine="x86_64",nodename="n1",release="6.1",sysname="Linux",version="#1"} 1
`

func TestNamesUnitsAndLabelsAreTheirs(t *testing.T) {
	s := sample(t)
	facts := NodeFacts{Sysname: "Linux", Release: "6.1", Version: "#1", Machine: "x86_64", Nodename: "n1", Boot: time.Unix(1600000000, 0)}
	c, err := New(Options{Exporters: []string{NodeExporter, DCGM}, Latest: func() *metric.Sample { return s }, Node: facts})
	if err != nil {
		t.Fatal(err)
	}
	if err := testutil.CollectAndCompare(c, strings.NewReader(golden)); err != nil {
		t.Error(err)
	}
}

func TestNothingIsShownWithoutASample(t *testing.T) {
	c, err := New(Options{Exporters: []string{NodeExporter}, Latest: func() *metric.Sample { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if n := testutil.CollectAndCount(c); n != 0 {
		t.Errorf("%d series", n)
	}
}

func TestUnknownExportersAreRefused(t *testing.T) {
	_, err := New(Options{Exporters: []string{"nodeexporter"}})
	if err == nil || !strings.Contains(err.Error(), "node_exporter and dcgm") {
		t.Errorf("error %v, want one that names the known exporters", err)
	}
}

func TestThisNode(t *testing.T) {
	f, err := ThisNode()
	if err != nil || f.Sysname != "Linux" || f.Nodename == "" || f.Boot.IsZero() || f.Boot.After(time.Now()) {
		t.Errorf("%+v, %v", f, err)
	}
}
