//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestMetricsAreLintClean holds a live agent's /metrics against promtool.
func TestMetricsAreLintClean(t *testing.T) {
	t.Parallel() // it mostly waits
	promtool := need(t, "promtool")
	a := startAgent(t, nil)
	text, err := get(a.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	a.stop(t)
}

// TestPrometheusReadsTheExport makes TSDB blocks from the OpenMetrics export
// with promtool, starts a real Prometheus on them and compares its answer to a
// query with nodemeter summary.
func TestPrometheusReadsTheExport(t *testing.T) {
	promtool, prometheus := need(t, "promtool"), need(t, "prometheus")
	windows := recordTwoNodes(t)
	dir := t.TempDir()
	metrics, data := filepath.Join(dir, "metrics.om"), filepath.Join(dir, "data")
	run(t, bin(t, "nodemeter"), "export", "--format", "openmetrics", "--output", metrics, windows)
	run(t, promtool, "tsdb", "create-blocks-from", "openmetrics", metrics, data)

	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	base := startPrometheus(t, prometheus, config, data)
	var s summary
	summaryJSON(t, &s, windows)
	for _, r := range s.nodes() {
		query := fmt.Sprintf(`avg_over_time(nodemeter_cpu_utilization_ratio{instance=%q}[2h])`, r.Node)
		got := promQuery(t, base, query, float64(s.To.UnixMilli()+1)/1e3)
		if want := r.stat(t, "cpu_util").SampleMean; math.Abs(got-want) > 1e-9*want {
			t.Errorf("%s: Prometheus %g, summary %g", query, got, want)
		}
	}
}

func startPrometheus(t *testing.T, prometheus, config, data string, args ...string) string {
	t.Helper()
	base := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	log := &syncBuffer{}
	cmd := exec.Command(prometheus, append([]string{"--config.file=" + config, "--storage.tsdb.path=" + data,
		"--storage.tsdb.retention.time=10y", "--web.listen-address=" + strings.TrimPrefix(base, "http://")}, args...)...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	eventually(t, "Prometheus to be ready", func() error {
		_, err := get(base + "/-/ready")
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, log)
		}
		return err
	})
	return base
}

// promQuery returns the one value an instant query answers with.
func promQuery(t *testing.T, base, query string, at float64) float64 {
	t.Helper()
	body, err := get(base + "/api/v1/query?" + url.Values{"query": {query}, "time": {strconv.FormatFloat(at, 'f', 3, 64)}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Data.Result) != 1 {
		t.Fatalf("%s: %d results: %s", query, len(answer.Data.Result), body)
	}
	v, err := strconv.ParseFloat(answer.Data.Result[0].Value[1].(string), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
