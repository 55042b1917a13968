//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPush lets an agent push to a real Prometheus that knows Remote Write 1.0
// only, takes the server away for longer than the agent's memory reaches, and
// wants no hole in its series afterwards. With PROMETHEUS3 in the environment, a
// path, it does the same with one that knows 2.0.
func TestPush(t *testing.T) {
	t.Run("1.0", func(t *testing.T) { push(t, need(t, "prometheus"), "--enable-feature=native-histograms") })
	if p := os.Getenv("PROMETHEUS3"); p != "" {
		t.Run("2.0", func(t *testing.T) { push(t, p) })
	}
}

func push(t *testing.T, prometheus string, args ...string) {
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	base := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	start := func() *exec.Cmd {
		cmd := exec.Command(prometheus, append([]string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
			"--web.enable-remote-write-receiver", "--web.listen-address=" + strings.TrimPrefix(base, "http://")}, args...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		eventually(t, "Prometheus", func() error { _, err := get(base + "/-/ready"); return err })
		return cmd
	}
	server := start()
	a := startAgent(t, nil, "--node=pushed", "--remote-write.url="+base+"/api/v1/write", "--remote-write.interval=1s", "--remote-write.queue=3", "--remote-write.labels=cluster=hpc")
	eventually(t, "the first pushes", func() error { return a.wants("nodemeter_remote_write_samples_total", 300) })
	server.Process.Kill()
	server.Wait()
	eventually(t, "more steps than memory holds", func() error { return a.wants("nodemeter_remote_write_dropped_steps_total", 6) })
	server = start()
	eventually(t, "the gap to be filled", func() error { return a.wants("nodemeter_remote_write_filled_samples_total", 300) })
	eventually(t, "nothing to wait", func() error {
		if n := a.gauge(t, "nodemeter_remote_write_waiting_steps"); n > 1 {
			return fmt.Errorf("%g steps wait", n)
		}
		return nil
	})
	const series = `nodemeter_cpu_seconds_total{mode="idle",job="nodemeter",instance="pushed",cluster="hpc"}`
	// no two values further apart than a step, give or take the clock's
	if n := promNow(t, base, `count_over_time(`+series+`[1m])`); n < 10 {
		t.Errorf("%g values", n)
	}
	hole := promNow(t, base, `max_over_time((timestamp(`+series+`) - timestamp(`+series+` offset 1s))[20s:500ms])`)
	if hole > 2.5 {
		t.Errorf("a hole of %.1f s in the series", hole)
	}
	if n := a.gauge(t, "nodemeter_remote_write_refused_samples_total"); n != 0 {
		t.Errorf("%g values were refused:\n%s", n, a.log)
	}
	a.stop(t)
}

// wants is nil once a metric of the agent is at least least.
func (a *agent) wants(metric string, least float64) error {
	text, err := get(a.url + "/metrics")
	if err != nil {
		return err
	}
	for _, line := range strings.Split(text, "\n") {
		var v float64
		if strings.HasPrefix(line, metric+" ") {
			fmt.Sscan(strings.TrimPrefix(line, metric+" "), &v)
			if v >= least {
				return nil
			}
			return fmt.Errorf("%s is %g, want %g", metric, v, least)
		}
	}
	return fmt.Errorf("no %s", metric)
}

// TestBurstBetweenScrapes works for two seconds between two scrapes 30 s apart:
// the quantile of the native histogram and the counter's rate show it, the gauge
// does not.
func TestBurstBetweenScrapes(t *testing.T) {
	stress := need(t, "stress-ng")
	f := startFleet(t, 30*time.Second)
	const scrapes = `count_over_time(nodemeter_ticks_total{instance="n3"}[2m])`
	eventually(t, "the first scrape", func() error { return atLeast(f.base, scrapes, 1) })
	before := promNow(t, f.base, `nodemeter_cpu_utilization_ratio{instance="n3"}`)
	run(t, stress, "--cpu", "0", "--timeout", "2s")
	eventually(t, "the second scrape", func() error { return atLeast(f.base, scrapes, 2) })
	after := promNow(t, f.base, `nodemeter_cpu_utilization_ratio{instance="n3"}`)
	highest := promNow(t, f.base, `histogram_quantile(1, increase(`+cpuSamples+`{instance="n3"}[2m]))`)
	mean := promNow(t, f.base, `1 - sum(increase(nodemeter_cpu_seconds_total{instance="n3",mode=~"idle|iowait"}[2m])) / sum(increase(nodemeter_cpu_seconds_total{instance="n3"}[2m]))`)
	t.Logf("gauge %.3f, then %.3f; highest sample %.3f; mean by counters %.3f", before, after, highest, mean)
	if highest < 0.9 {
		t.Errorf("the highest sample between two scrapes is %g, want the burst", highest)
	}
	if mean < 0.05 || max(before, after) > 0.5 {
		t.Errorf("mean %g must show the burst of 2 s in 30, the gauge's %g and %g must not", mean, before, after)
	}
}

func atLeast(base, expr string, n float64) error {
	points, err := promPoints(base, expr)
	if err == nil && (len(points) != 1 || points[0].Value < n) {
		err = fmt.Errorf("%s is %v", expr, points)
	}
	return err
}

// cpuSamples is the family of every sample between scrapes.
const cpuSamples = "nodemeter_cpu_utilization_samples_ratio"
