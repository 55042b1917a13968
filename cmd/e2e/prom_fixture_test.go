//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fleet is three agents, two of them with GPUs of a fake driver library, and a
// Prometheus that scrapes them under the names n1, n2 and n3.
type fleet struct {
	agents  []*agent
	drivers []string // what the fake drivers of n1 and n2 do
	base    string   // of the server
}

// server is a Prometheus, what it must be told to store native histograms, and
// the scrape jobs it has besides the fleet's.
type server struct {
	path, global, jobs string
	args               []string
}

// prometheus2 is Debian's. prometheus3 is the one that PROMETHEUS3 names, if
// any: building it takes minutes.
func prometheus2(t *testing.T) server {
	return server{path: need(t, "prometheus"), args: []string{"--enable-feature=native-histograms"}}
}

func prometheus3() (server, bool) {
	path := os.Getenv("PROMETHEUS3")
	return server{path: path, global: ", scrape_native_histograms: true"}, path != ""
}

// startFleet scrapes every interval, with the recording and alert rules of deploy/.
func startFleet(t *testing.T, prometheus server, interval time.Duration, agentArgs ...string) *fleet {
	t.Helper()
	f := &fleet{}
	library := fakeDriver(t)
	targets := ""
	for i := range 3 {
		name := fmt.Sprintf("n%d", i+1)
		args := append([]string{"--node=" + name}, agentArgs...)
		var prefix []string
		if i < 2 {
			driver := filepath.Join(t.TempDir(), "driver")
			setDriver(t, driver, fmt.Sprintf("count 4\nutil 0 %d\nutil 1 50\nutil 2 0\nutil 3 100\n", 90-10*i))
			f.drivers = append(f.drivers, driver)
			prefix = []string{"env", "NODEMETER_FAKE_NVML=" + driver}
			args = append(args, "--gpu.library="+library)
		}
		a := launchAgent(t, prefix, args...)
		f.agents = append(f.agents, a)
		targets += fmt.Sprintf("      - {targets: [%q], labels: {cluster: hpc, instance: %s}}\n", strings.TrimPrefix(a.url, "http://"), name)
	}
	for i, a := range f.agents {
		eventually(t, fmt.Sprintf("n%d", i+1), func() error { _, err := get(a.url + "/-/ready"); return err })
	}
	dir := t.TempDir()
	rules, err := filepath.Abs("../../deploy/prometheus/rules")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: %s, scrape_timeout: %s, evaluation_interval: 1s%s}\nrule_files: [%s/*.yml]\nscrape_configs:\n  - job_name: nodemeter\n    static_configs:\n%s%s",
		interval, interval, prometheus.global, rules, targets, prometheus.jobs)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f.base = startPrometheus(t, prometheus.path, config, filepath.Join(dir, "data"), prometheus.args...)
	return f
}

// fakeDriver builds the stand-in for libnvidia-ml that the GPU tests use.
func fakeDriver(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	run(t, need(t, "gcc"), "-shared", "-fPIC", "-O1", "-o", out, "../../gpu/testdata/fake_nvml.c", "-lpthread")
	return out
}

// setDriver says what a fake driver does from now on.
func setDriver(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// point is one series of an instant answer.
type point struct {
	Labels map[string]string
	Value  float64
}

// promPoints evaluates an expression now.
func promPoints(base, expr string) ([]point, error) {
	return promPointsAt(base, expr, time.Now())
}

func promPointsAt(base, expr string, at time.Time) ([]point, error) {
	body, err := get(base + "/api/v1/query?" + url.Values{"query": {expr}, "time": {at.UTC().Format(time.RFC3339Nano)}}.Encode())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric    map[string]string
				Value     []any
				Histogram []any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, err
	}
	var out []point
	for _, r := range answer.Data.Result {
		p := point{Labels: r.Metric}
		if len(r.Value) == 2 {
			if p.Value, err = strconv.ParseFloat(r.Value[1].(string), 64); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// promNow wants exactly one value.
func promNow(t *testing.T, base, expr string) float64 {
	t.Helper()
	points, err := promPoints(base, expr)
	if err != nil || len(points) != 1 {
		t.Fatalf("%s: %v, %v", expr, points, err)
	}
	return points[0].Value
}
