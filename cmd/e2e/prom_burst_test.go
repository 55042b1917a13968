//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"
)

const (
	burstScrapes = 20 * time.Second
	// window of a query that holds two scrapes and no third
	burstWindow = "[21s]"
	// a GPU of the fake driver that idles from the start, so that nothing else works on it
	burstGPU = `uuid="GPU-00000002-fake"`
	// other work on the machine hides a burst; so often another pair of scrapes is taken
	burstAttempts = 4
	// utilization from which on a value shows the burst, which takes all there is
	burstShows = 0.9
)

// TestBurstBetweenScrapes puts two seconds of work on every core (stress-ng) and
// on a GPU between two scrapes 20 s apart, of our agent and of a real
// node_exporter. Quantile and counter of ours show it. Gauges do not, ours,
// node_exporter's and that under dcgm-exporter's name, nor does node_exporter's
// rate, which is a mean of 20 s; while the work is done the gauges do, so that
// it is the scrapes that miss it. It has the machine for itself: other tests'
// work beside it would hide the burst.
func TestBurstBetweenScrapes(t *testing.T) {
	port := freePort(t)
	exporter := startNodeExporter(t, port)
	p := prometheus2(t)
	p.jobs = fmt.Sprintf("  - job_name: node\n    static_configs: [{targets: ['127.0.0.1:%d']}]\n", port)
	f := startFleet(t, p, burstScrapes, "--metrics.compat=dcgm")
	for attempt := 1; ; attempt++ {
		b := f.burst(t, exporter)
		b.visible(t)
		err := b.hidden()
		if err == nil {
			return
		}
		if attempt == burstAttempts {
			t.Fatalf("in %d pairs of scrapes: %v", attempt, err)
		}
		t.Logf("attempt %d: %v; other work, or the burst shows: once more", attempt, err)
	}
}

// startNodeExporter returns Debian's node_exporter as something to read series from.
func startNodeExporter(t *testing.T, port int) *agent {
	t.Helper()
	a := &agent{url: fmt.Sprintf("http://127.0.0.1:%d", port), log: &syncBuffer{}}
	a.cmd = exec.Command(need(t, "prometheus-node-exporter"), "--web.listen-address=127.0.0.1:"+strconv.Itoa(port))
	a.cmd.Stderr = a.log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.cmd.Process.Kill(); a.cmd.Wait() })
	eventually(t, "node_exporter", func() error { return a.wants("node_procs_running", 1) })
	return a
}

// burst is what the server knows of one burst from the two scrapes around it.
type burst struct {
	workers float64 // processes that want a core, four times as many as there are
	spent   float64 // CPU seconds that they got

	highest, seconds, gauge           float64 // ours
	nodeMean, nodeRunning             float64 // node_exporter's
	gpuHighest, gpuSeconds            float64
	gpuGauge, gpuGaugeUnderDCGMsNames float64
}

// burst works for two seconds at a time when neither target is scraped, waits
// for the next scrape of both and asks the server.
func (f *fleet) burst(t *testing.T, exporter *agent) burst {
	const ours, theirs = `nodemeter_gpu_busy_seconds_total{instance="n1",` + burstGPU + `}`, `node_procs_running{job="node"}`
	var before, after [2]float64
	scraped := func(at *[2]float64, since [2]float64) func() error {
		return func() error {
			for i, series := range []string{ours, theirs} {
				points, err := promPoints(f.base, "timestamp("+series+")")
				if err != nil || len(points) != 1 || points[0].Value <= since[i] {
					return fmt.Errorf("last scrapes: %v, %v", points, err)
				}
				at[i] = points[0].Value
			}
			return nil
		}
	}
	eventually(t, "a while without scrapes", func() error {
		if err := scraped(&before, [2]float64{})(); err != nil {
			return err
		}
		// of 20 s two targets leave at least 10 in one piece
		next := min(before[0], before[1]) + burstScrapes.Seconds()
		if left := next - float64(time.Now().UnixMilli())/1e3; left < 6 {
			return fmt.Errorf("the next scrape is in %.1f s", left)
		}
		return nil
	})
	b := burst{workers: 4 * float64(runtime.NumCPU())}
	b.work(t, f, exporter)
	eventually(t, "the next scrapes", scraped(&after, before))
	b.ask(t, f.base, after[0]+0.5, after[1]+0.5)
	t.Logf("stress-ng took %.2f CPU s. Ours: highest sample %.3f, counter %.2f s, gauge %.3f. node_exporter: rate %.3f, running %g of %g",
		b.spent, b.highest, b.seconds, b.gauge, b.nodeMean, b.nodeRunning, b.workers)
	t.Logf("GPU: highest sample %.3f, busy %.2f s, gauges %.3f and %.0f %%", b.gpuHighest, b.gpuSeconds, b.gpuGauge, b.gpuGaugeUnderDCGMsNames)
	return b
}

// work does it, and wants the gauges that the scrapes will miss to show it meanwhile.
func (b *burst) work(t *testing.T, f *fleet, exporter *agent) {
	const counter = `nodemeter_gpu_busy_seconds_total{` + burstGPU + `}`
	busy, err := f.agents[0].value(counter)
	if err != nil {
		t.Fatal(err)
	}
	setDriver(t, f.drivers[0], "count 4\nutil 2 100\n")
	stress := exec.Command(need(t, "stress-ng"), "--cpu", strconv.Itoa(int(b.workers)), "--timeout", "2s")
	if err := stress.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "node_exporter's gauge", func() error { return exporter.wants("node_procs_running", b.workers) })
	eventually(t, "our gauge", func() error { return f.agents[0].wants("nodemeter_cpu_utilization_ratio", burstShows) })
	if err := stress.Wait(); err != nil {
		t.Fatal(err)
	}
	b.spent = (stress.ProcessState.UserTime() + stress.ProcessState.SystemTime()).Seconds()
	eventually(t, "two seconds of work on the GPU", func() error { return f.agents[0].wants(counter, busy+1.9) })
	setDriver(t, f.drivers[0], "count 4\nutil 2 0\n")
}

// ask evaluates at the given times, each just after a scrape of that target.
func (b *burst) ask(t *testing.T, base string, ours, theirs float64) {
	const n1, gpu = `{instance="n1"}`, `{instance="n1",` + burstGPU + `}`
	// a rate over two scrapes, times the 20 s between them, is the increase from one to the other
	seconds := fmt.Sprintf(" * %g", burstScrapes.Seconds())
	for _, q := range []struct {
		into *float64
		at   float64
		expr string
	}{
		{&b.highest, ours, `histogram_quantile(1, increase(nodemeter_cpu_utilization_samples_ratio` + n1 + burstWindow + `))`},
		{&b.seconds, ours, `sum(rate(nodemeter_cpu_seconds_total{instance="n1",mode!~"idle|iowait|steal"}` + burstWindow + `))` + seconds},
		{&b.gauge, ours, `max_over_time(nodemeter_cpu_utilization_ratio` + n1 + burstWindow + `)`},
		{&b.nodeMean, theirs, `1 - avg(rate(node_cpu_seconds_total{job="node",mode="idle"}` + burstWindow + `))`},
		{&b.nodeRunning, theirs, `max_over_time(node_procs_running{job="node"}` + burstWindow + `)`},
		{&b.gpuHighest, ours, `histogram_quantile(1, increase(nodemeter_gpu_utilization_samples_ratio` + gpu + burstWindow + `))`},
		{&b.gpuSeconds, ours, `rate(nodemeter_gpu_busy_seconds_total` + gpu + burstWindow + `)` + seconds},
		{&b.gpuGauge, ours, `max_over_time(nodemeter_gpu_utilization_ratio` + gpu + burstWindow + `)`},
		{&b.gpuGaugeUnderDCGMsNames, ours, `max_over_time(DCGM_FI_DEV_GPU_UTIL{instance="n1",gpu="2"}` + burstWindow + `)`},
	} {
		*q.into = promQuery(t, base, q.expr, q.at)
	}
}

// visible holds on however busy a machine: other work only adds to it.
func (b *burst) visible(t *testing.T) {
	if b.highest < burstShows || b.seconds < 0.95*b.spent {
		t.Errorf("highest sample %g, counter %g s: the burst of %g CPU s must show", b.highest, b.seconds, b.spent)
	}
	if b.gpuHighest < burstShows || b.gpuSeconds < 1.5 || b.gpuSeconds > 6 {
		t.Errorf("GPU: highest sample %g, %g s busy: the burst of two seconds must show", b.gpuHighest, b.gpuSeconds)
	}
}

// hidden is nil when nothing but the quantiles and counters of ours shows the burst.
func (b *burst) hidden() error {
	switch {
	case b.nodeMean > 0.5 || b.nodeRunning >= b.workers:
		return fmt.Errorf("node_exporter shows a rate of %.3f, %g running", b.nodeMean, b.nodeRunning)
	case b.gauge >= burstShows || b.gpuGauge > 0 || b.gpuGaugeUnderDCGMsNames > 0:
		return fmt.Errorf("gauges show %.3f, GPU %.3f and %.0f %%", b.gauge, b.gpuGauge, b.gpuGaugeUnderDCGMsNames)
	}
	return nil
}
