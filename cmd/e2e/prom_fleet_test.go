//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFleet lets a real Prometheus scrape three agents, and then asks it
// everything that the dashboards, the rules, the drop-in names and nodemeter
// summary --prometheus ask.
func TestFleet(t *testing.T) {
	t.Run("Prometheus 2", func(t *testing.T) { askFleet(t, prometheus2(t)) })
	if p, ok := prometheus3(); ok {
		t.Run("Prometheus 3", func(t *testing.T) { askFleet(t, p) })
	}
}

func askFleet(t *testing.T, p server) {
	f := startFleet(t, p, time.Second, "--metrics.compat=node_exporter,dcgm")
	// to the end, so that no figure is near zero and none changes within the span that is asked about
	stress := exec.Command(need(t, "stress-ng"), "--cpu", "1", "--cpu-load", "70", "--timeout", "5m")
	if err := stress.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stress.Process.Signal(os.Interrupt); stress.Wait() })
	eventually(t, "twenty scrapes of each agent", func() error {
		points, err := promPoints(f.base, `count_over_time(nodemeter_last_tick_timestamp_seconds[5m]) >= 20 and on (instance) instance:nodemeter_cpu_utilization:ratio_rate5m`)
		if err == nil && len(points) != 3 {
			err = fmt.Errorf("%d agents have them", len(points))
		}
		return err
	})
	t.Run("panels", f.panels)
	t.Run("rules", f.rules)
	t.Run("identities", f.identities)
	t.Run("other names", f.otherNames)
	t.Run("summary", f.summary)
}

// panel is what of a dashboard's panel matters here.
type panel struct {
	Type, Title string
	Targets     []struct{ Expr string }
}

// dashboards reads the checked-in files.
func dashboards(t *testing.T) map[string][]panel {
	t.Helper()
	files, err := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	out := map[string][]panel{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Title  string
			Panels []panel
		}
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[d.Title] = d.Panels
	}
	return out
}

// variables of the dashboards as "all", and Grafana's own as suits a scrape a second.
var variables = strings.NewReplacer("$__rate_interval", "10s", "$__range", "30s", "$__interval", "5s",
	"$cluster", ".*", "$job", ".*", "$node", ".*", "$gpu", ".*", "[$__range:1m]", "[30s:1s]")

// panels evaluates every expression of every panel: none may fail, and each
// returns something, but for the list of alerts that fire.
func (f *fleet) panels(t *testing.T) {
	n := 0
	for title, panels := range dashboards(t) {
		for _, p := range panels {
			for _, target := range p.Targets {
				n++
				points, err := promPoints(f.base, variables.Replace(target.Expr))
				if err != nil {
					t.Errorf("%s / %s: %s: %v", title, p.Title, target.Expr, err)
				} else if len(points) == 0 && p.Title != "Alerts" {
					t.Errorf("%s / %s: %s returns nothing", title, p.Title, target.Expr)
				}
				for _, x := range points {
					if math.IsInf(x.Value, 0) {
						t.Errorf("%s / %s: %s is %g for %v", title, p.Title, target.Expr, x.Value, x.Labels)
					}
				}
			}
		}
	}
	t.Logf("%d expressions", n)
	if n < 80 {
		t.Errorf("only %d expressions found", n)
	}
}

// rules wants each rule evaluated without error, each recording rule to have
// recorded something, and no alert but those about the load of this machine.
func (f *fleet) rules(t *testing.T) {
	body, err := get(f.base + "/api/v1/rules")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Type, Health, LastError, State string }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			n++
			if r.Health != "ok" {
				t.Errorf("rule %s: %s %s", r.Name, r.Health, r.LastError)
			}
			if r.State == "firing" {
				t.Errorf("alert %s fires on nodes that are well", r.Name)
			}
			if r.Type != "recording" {
				continue
			}
			if points, err := promPoints(f.base, "{__name__=\""+r.Name+"\"}"); err != nil || len(points) == 0 {
				t.Errorf("rule %s has recorded nothing (%v)", r.Name, err)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d rules", n)
	}
}

// identities are equations that hold on any live data: counts exactly, what is
// made of counters to a tenth, because on a busy machine a GPU may be read a
// tick later than the tick is counted. At first there are twenty of them, so
// that two late ones at an end are too many; then they are waited out.
func (f *fleet) identities(t *testing.T) {
	for expr, want := range map[string]float64{
		`cluster:nodemeter_nodes:count`:                           3,
		`cluster:nodemeter_gpus:count`:                            8,
		`cluster:nodemeter_gpus_idle:count`:                       2, // one of four on each of two nodes
		`sum(nodemeter_gpu_state{state="ok"})`:                    8,
		`count(up{job="nodemeter"} == 1)`:                         3,
		`cluster:nodemeter_gpu_busy:ratio_rate5m`:                 0.5875, // (0.9+0.5+0+1 + 0.8+0.5+0+1) / 8
		`instance:nodemeter_gpu_busy:ratio_rate5m{instance="n1"}`: 0.6,
		// processor seconds of all modes grow by one a second and core
		`min(sum by (instance) (rate(nodemeter_cpu_seconds_total[15s])) / on (instance) nodemeter_cpus)`: 1,
	} {
		slack := 0.1 * want
		if want > 1 { // a count
			slack = 0
		}
		eventually(t, expr, func() error {
			points, err := promPoints(f.base, expr)
			if err == nil && (len(points) != 1 || math.Abs(points[0].Value-want) > slack) {
				err = fmt.Errorf("%v, want %g", points, want)
			}
			return err
		})
	}
}

// otherNames evaluates what node-mixin (the node_exporter mixin, its USE
// dashboards and recording rules) and NVIDIA's dashboard for dcgm-exporter ask,
// and holds the answers against ours.
func (f *fleet) otherNames(t *testing.T) {
	at := time.Now().Add(-time.Second) // one time for both, or a scrape comes between them
	for expr, same := range map[string]string{
		`1 - avg without (cpu) (sum without (mode) (rate(node_cpu_seconds_total{job="nodemeter", mode=~"idle|iowait|steal"}[20s])))`:                          ``,
		`1 - avg by (instance) (sum by (instance, cpu) (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[20s])))`:                                             `1 - sum by (instance) (rate(nodemeter_cpu_seconds_total{mode=~"idle|iowait"}[20s])) / on (instance) sum by (instance) (nodemeter_cpus)`,
		`count without (cpu, mode) (node_cpu_seconds_total{job="nodemeter",mode="idle"})`:                                                                     `nodemeter_cpus`,
		`node_load1{job="nodemeter"} / count without (cpu, mode) (node_cpu_seconds_total{job="nodemeter",mode="idle"})`:                                       `nodemeter_load1 / nodemeter_cpus`,
		`1 - (node_memory_MemAvailable_bytes{job="nodemeter"} / node_memory_MemTotal_bytes{job="nodemeter"})`:                                                 `1 - nodemeter_memory_available_bytes / nodemeter_memory_total_bytes`,
		`100 - (avg by (instance) (node_memory_MemAvailable_bytes{job="nodemeter"}) / avg by (instance) (node_memory_MemTotal_bytes{job="nodemeter"}) * 100)`: ``,
		`sum without (device) (rate(node_network_receive_bytes_total{job="nodemeter", device!="lo"}[20s]))`:                                                   ``,
		`sum without (device) (rate(node_network_transmit_drop_total{job="nodemeter", device!="lo"}[20s]))`:                                                   ``,
		`rate(node_disk_io_time_seconds_total{job="nodemeter", device=~"[a-z].*"}[20s])`:                                                                      `rate(nodemeter_disk_device_io_seconds_total[20s])`,
		`rate(node_disk_read_bytes_total{job="nodemeter"}[20s]) + rate(node_disk_written_bytes_total{job="nodemeter"}[20s])`:                                  ``,
		`rate(node_pressure_io_waiting_seconds_total[20s])`:                                                                                                   `rate(nodemeter_pressure_io_some_seconds_total[20s])`,
		`(time() - node_boot_time_seconds) > bool 0`:                                                                                                          ``,
		`node_uname_info{job="nodemeter", sysname!="Darwin"}`:                                                                                                 ``,
		`avg by (instance, gpu, modelName) (DCGM_FI_DEV_GPU_UTIL)`:                                                                                            ``,
		`DCGM_FI_DEV_GPU_UTIL{instance=~"n.*", gpu=~"[0-3]"} / 100`:                                                                                           `nodemeter_gpu_utilization_ratio`,
		`sum by (instance) (DCGM_FI_DEV_POWER_USAGE)`:                                                                                                         `sum by (instance) (nodemeter_gpu_power_watts)`,
		`DCGM_FI_DEV_SM_CLOCK * 1000000`:                              `nodemeter_gpu_sm_clock_hertz`,
		`DCGM_FI_DEV_FB_USED * 1048576`:                               `nodemeter_gpu_memory_used_bytes`,
		`avg(DCGM_FI_DEV_GPU_TEMP{instance=~"n.*", gpu=~".*"})`:       `avg(nodemeter_gpu_temperature_celsius)`,
		`sum(rate(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[20s])) / 1000`: `sum(rate(nodemeter_gpu_energy_joules_total[20s]))`,
	} {
		points, err := promPointsAt(f.base, expr, at)
		if err != nil || len(points) == 0 {
			t.Errorf("%s: %v, %v", expr, points, err)
			continue
		}
		if same == "" {
			continue
		}
		ours, err := promPointsAt(f.base, same, at)
		if err != nil || len(ours) != len(points) {
			t.Errorf("%s has %d answers, %s has %d (%v)", expr, len(points), same, len(ours), err)
			continue
		}
		slack := 0.01
		if strings.Contains(expr, "iowait") {
			slack = 0.05 // a core's iowait that steps back is held until it has caught up; the node's sum need not be
		}
		if a, b := total(points), total(ours); math.Abs(a-b) > slack*math.Abs(b)+1e-3 {
			t.Errorf("%s is %g, %s is %g", expr, a, same, b)
		}
	}
}

func total(points []point) (sum float64) {
	for _, p := range points {
		sum += p.Value
	}
	return sum
}

// figures is what nodemeter summary says of one entity, quantiles included.
type figures struct {
	Label, Kind string
	From, To    time.Time
	Samples     int
	Stats       map[string]struct{ Mean, P50, P95, Max float64 }
}

func summaryFigures(t *testing.T, args ...string) []figures {
	t.Helper()
	var out struct{ Entities []figures }
	summaryJSON(t, &out, args...)
	return out.Entities
}

// summary asks the server and the windows about the same samples: those after
// the first scrape of the span, up to the last. Means agree to 0.5 %, quantiles
// within a bucket of the histogram (a tenth of their value).
func (f *fleet) summary(t *testing.T) {
	to := time.Now().Truncate(time.Second)
	from := to.Add(-18 * time.Second)
	for _, a := range f.agents {
		a.stop(t)
	}
	dirs := map[string]string{"n1": f.agents[0].dir, "n2": f.agents[1].dir, "n3": f.agents[2].dir}
	compared := 0
	for _, s := range summaryFigures(t, "--from", from.Format(time.RFC3339), "--to", to.Format(time.RFC3339), "--prometheus", f.base) {
		if s.Kind != "node" {
			continue
		}
		half := 500 * time.Millisecond
		windows := summaryFigures(t, "--from", s.From.Add(half).Format(time.RFC3339Nano), "--to", s.To.Add(half).Format(time.RFC3339Nano), dirs[s.Label])
		for column, b := range windows[0].Stats {
			a, ok := s.Stats[column]
			if !ok || !strings.HasSuffix(column, "_util") || column == "cpu_busiest_util" {
				continue
			}
			compared++
			t.Logf("%s %-11s server %.6f windows %.6f (%+.3f %%); p50 %.4f %.4f; p95 %.4f %.4f; max %.4f %.4f", s.Label, column, a.Mean, b.Mean, 100*(a.Mean/b.Mean-1), a.P50, b.P50, a.P95, b.P95, a.Max, b.Max)
			if math.Abs(a.Mean-b.Mean) > 0.005*b.Mean {
				t.Errorf("%s mean %s: server %g, windows %g", s.Label, column, a.Mean, b.Mean)
			}
			// Of eighteen samples the 95th percentile is anywhere between the last two.
			for name, q := range map[string][3]float64{"p50": {a.P50, b.P50, b.P50}, "p95": {a.P95, b.P95, b.Max}, "max": {a.Max, b.Max, b.Max}} {
				if q[0] < 0.9*q[1]-0.002 || q[0] > 1.1*q[2]+0.002 {
					t.Errorf("%s %s of %s: server %g, windows %g to %g", s.Label, name, column, q[0], q[1], q[2])
				}
			}
		}
	}
	if compared != 8 { // CPU and memory of three nodes, GPU of two
		t.Errorf("%d figures compared, want 8", compared)
	}
}
