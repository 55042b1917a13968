//go:build e2e && cgo

package gpu_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// daemon is a running nodemeterd.
type daemon struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	script  string
	windows string
	log     *logBuffer
}

func buildDaemon(t *testing.T, ldflags string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nodemeterd")
	if out, err := exec.Command("go", "build", "-ldflags", ldflags, "-o", path, "nodemeter/cmd/nodemeterd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func startDaemon(t *testing.T, binary, library string, env ...string) *daemon {
	t.Helper()
	dir := t.TempDir()
	d := &daemon{t: t, script: filepath.Join(dir, "script"), windows: filepath.Join(dir, "windows"), log: &logBuffer{}}
	d.set("count 8")
	d.cmd = exec.Command(binary, "--interval=200ms", "--gpu.library="+library, "--windows.dir="+d.windows, "--web.listen-address=127.0.0.1:0", "--collector.workers=false")
	d.cmd.Env = append(append(os.Environ(), "NODEMETER_FAKE_NVML="+d.script), env...)
	pipe, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.cmd.Process.Kill() })
	ready := make(chan string, 1)
	go func() {
		address := regexp.MustCompile(`on=http://(127\.0\.0\.1:\d+)/`)
		for s := bufio.NewScanner(pipe); s.Scan(); {
			io.WriteString(d.log, s.Text()+"\n")
			if m := address.FindStringSubmatch(s.Text()); m != nil {
				ready <- m[1]
			}
		}
	}()
	select {
	case d.address = <-ready:
	case <-time.After(guard):
		t.Fatalf("not listening:\n%s", d.log)
	}
	return d
}

func (d *daemon) set(lines string) {
	d.t.Helper()
	if err := os.WriteFile(d.script+".new", []byte(lines+"\n"), 0o644); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(d.script+".new", d.script); err != nil {
		d.t.Fatal(err)
	}
}

// series is a series' value in the daemon's exposition, -1 when it has none.
func (d *daemon) series(name string) float64 {
	d.t.Helper()
	resp, err := http.Get("http://" + d.address + "/metrics")
	if err != nil {
		d.t.Fatalf("%v\n%s", err, d.log)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				d.t.Fatal(err)
			}
			return f
		}
	}
	return -1
}

// await looks once a tick until a series reaches a value.
func (d *daemon) await(name string, atLeast float64) {
	d.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * guard)
	for {
		if d.series(name) >= atLeast {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			d.t.Fatalf("%s has not reached %v:\n%s", name, atLeast, d.log)
		}
	}
}

// end stops the daemon in order and counts, by entity, the rows of its windows
// and those with a value.
func (d *daemon) end(columns map[metric.EntityKind]string) (rows, with map[string]int) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil && !errors.Is(err, os.ErrClosed) {
		d.t.Fatalf("the daemon ended with %v:\n%s", err, d.log)
	}
	r, err := window.Open([]string{d.windows}, window.Query{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer r.Close()
	rows, with = map[string]int{}, map[string]int{}
	for r.Next() {
		c := r.Chunk()
		id := c.Kind.String()
		if c.Kind == metric.GPU {
			id = c.ID
		}
		column := c.Column(columns[c.Kind])
		for i := range c.Len() {
			rows[id]++
			if column != nil {
				if _, ok := column.At(i); ok {
					with[id]++
				}
			}
		}
	}
	if r.Err() != nil {
		d.t.Fatal(r.Err())
	}
	return rows, with
}

// TestDaemonKeepsItsTick: whatever the GPUs do, every sample of the daemon has
// the host in it, and while one GPU hangs the others too.
func TestDaemonKeepsItsTick(t *testing.T) {
	library := fakeLibrary(t)
	plain, now := buildDaemon(t, ""), buildDaemon(t, "-extldflags=-Wl,-z,now")
	for _, c := range []struct {
		name, binary, trouble, env string
		others                     bool // the other GPUs are to keep every tick
	}{
		{"hang", plain, "hang 3", "A=B", true},
		{"lost", plain, "error 3 15", "A=B", true},
		{"segv", plain, "crash 3 segv", "A=B", false},
		{"exit 127", plain, "crash 3 exit127", "A=B", false},
		{"LD_BIND_NOW=1", plain, "hang 3", "LD_BIND_NOW=1", true},
		{"-z now", now, "hang 3", "A=B", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := startDaemon(t, c.binary, library, c.env)
			d.await(`nodemeter_node_gpu_state{state="ok"}`, 1)
			ticks := d.series("nodemeter_ticks_total")
			d.set("count 8\n" + c.trouble)
			d.await("nodemeter_ticks_total", ticks+20)
			if d.series(`nodemeter_node_gpu_state{state="ok"}`) != 0 {
				t.Errorf("the trouble is not seen:\n%s", d.log)
			}
			d.set("count 8")
			d.await(`nodemeter_node_gpu_state{state="ok"}`, 1)
			rows, with := d.end(map[metric.EntityKind]string{metric.Node: "cpu_util", metric.GPU: "gpu_util"})
			if rows["node"] < 20 || with["node"] < rows["node"]-1 { // the first has no rate
				t.Errorf("host: %d of %d samples", with["node"], rows["node"])
			}
			well, ill := with["GPU-00000000-fake"], with["GPU-00000003-fake"]
			if c.others && (well < rows["node"]-3 || ill > rows["node"]-15) {
				t.Errorf("a healthy GPU was read in %d, the ill one in %d of %d samples", well, ill, rows["node"])
			}
			if !c.others && well <= ill+3 {
				t.Errorf("a GPU that ends the reader takes the others with it: %d and %d samples", well, ill)
			}
			t.Logf("host %d of %d, healthy GPU %d, ill one %d", with["node"], rows["node"], well, ill)
		})
	}
}
