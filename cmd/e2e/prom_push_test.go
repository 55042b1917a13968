//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPush lets an agent push to a real Prometheus that knows Remote Write 1.0
// only, takes the server away for longer than the agent's memory reaches, and
// wants no hole in its series afterwards. With PROMETHEUS3 in the environment, a
// path, it does the same with one that knows 2.0.
func TestPush(t *testing.T) {
	t.Parallel() // it mostly waits
	t.Run("1.0", func(t *testing.T) { push(t, prometheus2(t)) })
	if p, ok := prometheus3(); ok {
		t.Run("2.0", func(t *testing.T) { push(t, p) })
	}
}

func push(t *testing.T, prometheus server) {
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	base := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	start := func() *exec.Cmd {
		cmd := exec.Command(prometheus.path, append([]string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
			"--web.enable-remote-write-receiver", "--web.listen-address=" + strings.TrimPrefix(base, "http://")}, prometheus.args...)...)
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
	start()
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

// value reads one series of the agent, given as /metrics writes it.
func (a *agent) value(series string) (float64, error) {
	text, err := get(a.url + "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, series+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	return 0, fmt.Errorf("no %s", series)
}

// wants is nil once a series of the agent is at least least.
func (a *agent) wants(series string, least float64) error {
	v, err := a.value(series)
	if err == nil && v < least {
		err = fmt.Errorf("%s is %g, want %g", series, v, least)
	}
	return err
}
