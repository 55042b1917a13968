//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// watched is one program that watches the node, as BenchmarkCost runs it.
type watched struct {
	name    string
	program string // a path, or a name to look for
	source  string // or a program in C or Go to make
	scrape  int    // every so many seconds; 0 is never
	path    string // of the scrape
	// args are its arguments, given a free port and a directory of its own.
	args func(b *testing.B, port int, dir string) []string
}

// programs are the least that any could do, ours, and what Debian has of others. Those that are not
// installed are skipped by name.
func programs() []watched {
	ours := func(name string, scrape int, args ...string) watched {
		return watched{name: "nodemeterd/" + name, program: filepath.Join("..", "..", "bin", "nodemeterd"), scrape: scrape, path: "/metrics",
			args: func(_ *testing.B, port int, dir string) []string {
				return append([]string{"--windows.dir=" + dir, fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port), "--metrics.classic-histograms"}, args...)
			}}
	}
	exporter := func(name, program string, args ...string) watched {
		return watched{name: name, program: program, scrape: 1, path: "/metrics",
			args: func(_ *testing.B, port int, _ string) []string {
				return append([]string{fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port)}, args...)
			}}
	}
	bare := func(name, source string, hz int) watched {
		return watched{name: fmt.Sprintf("%s/%dHz", name, hz), source: source,
			args: func(*testing.B, int, string) []string { return []string{strconv.Itoa(hz)} }}
	}
	inC, inGo := "testdata/bare.c", "testdata/bare.go"
	return []watched{
		bare("bare", inC, 1), bare("bare", inC, 10), bare("bare", inC, 100), bare("bare-go", inGo, 1), bare("bare-go", inGo, 10), bare("bare-go", inGo, 100),
		ours("1Hz", 15), ours("1Hz-scraped-each-second", 1), ours("10Hz", 15, "--interval=100ms"), ours("100Hz", 15, "--interval=10ms"),
		exporter("node_exporter/cpu-memory-network", "prometheus-node-exporter", "--collector.disable-defaults", "--collector.cpu", "--collector.meminfo", "--collector.netdev"),
		exporter("node_exporter/default", "prometheus-node-exporter"),
		{name: "sadc", program: "/usr/lib/sysstat/sadc", args: func(_ *testing.B, _ int, dir string) []string {
			return []string{"-S", "ALL", "1", filepath.Join(dir, "sa")}
		}},
		{name: "collectd", program: "collectd", args: collectd},
		{name: "netdata", program: "netdata", args: netdata},
	}
}

// collectd runs in the foreground and writes a CSV file a metric.
func collectd(b *testing.B, _ int, dir string) []string {
	conf := filepath.Join(dir, "collectd.conf")
	text := fmt.Sprintf("Interval 1\nBaseDir %q\nPIDFile %q\nLoadPlugin cpu\nLoadPlugin memory\nLoadPlugin interface\nLoadPlugin csv\n<Plugin csv>\n DataDir %q\n</Plugin>\n",
		dir, filepath.Join(dir, "pid"), filepath.Join(dir, "csv"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return []string{"-f", "-C", conf}
}

// netdata runs in the foreground without its plugins in other languages.
func netdata(b *testing.B, port int, dir string) []string {
	conf := filepath.Join(dir, "netdata.conf")
	text := fmt.Sprintf("[directories]\n cache = %[1]s\n lib = %[1]s\n log = %[1]s\n[db]\n mode = ram\n[ml]\n enabled = no\n[cloud]\n enabled = no\n[plugins]\n apps = no\n go.d = no\n python.d = no\n charts.d = no\n node.d = no\n", dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return []string{"-D", "-c", conf, "-p", strconv.Itoa(port), "-i", "127.0.0.1", "-u", "root"}
}

// BenchmarkCost measures programs that watch a node while they do so, one after
// another on the same machine: processor time of the whole process tree by the
// kernel's clocks, and resident memory at the end. One iteration is one second:
// run it with -benchtime=60x. Compare rows of one run only.
func BenchmarkCost(b *testing.B) {
	for _, p := range programs() {
		b.Run(p.name, func(b *testing.B) { p.measure(b) })
	}
}

// BenchmarkCostBusy does the same on a machine whose every core computes, as
// those of an HPC node do: no core has to be woken up for a tick, and none is
// free for it.
func BenchmarkCostBusy(b *testing.B) {
	stress, err := exec.LookPath("stress-ng")
	if err != nil {
		b.Skipf("%v: not installed", err)
	}
	load := exec.Command(stress, "--quiet", "--cpu", strconv.Itoa(runtime.NumCPU()))
	load.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := load.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		syscall.Kill(-load.Process.Pid, syscall.SIGTERM)
		load.Wait()
	}()
	BenchmarkCost(b)
}

// settle is how long a program has to get over its start.
const settle = 8

func (p watched) measure(b *testing.B) {
	program := p.find(b)
	evict(b, program)
	port, dir := freePort(b), b.TempDir()
	cmd := exec.Command(program, p.args(b, port, dir)...)
	var said syncBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		time.AfterFunc(5*time.Second, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		cmd.Wait()
	}()
	url := fmt.Sprintf("http://127.0.0.1:%d%s", port, p.path)
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for range settle {
		<-seconds.C
	}
	if p.scrape > 0 {
		if _, err := get(url); err != nil {
			b.Fatalf("%v\n%s", err, said.String())
		}
	}
	begin, used := time.Now(), treeTime(cmd.Process.Pid)
	for n := range b.N {
		<-seconds.C
		if p.scrape > 0 && n%p.scrape == p.scrape-1 {
			if _, err := get(url); err != nil {
				b.Fatal(err)
			}
		}
	}
	took, grown := time.Since(begin), treeTime(cmd.Process.Pid)-used
	if grown <= 0 {
		b.Fatalf("no processor time was used: has it ended?\n%s", said.String())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*grown.Seconds()/took.Seconds(), "%core")
	b.ReportMetric(residentMiB(tree(cmd.Process.Pid)), "MiB")
	switch kind, _, _ := strings.Cut(p.name, "/"); kind {
	case "nodemeterd":
		reportLag(b, url)
	case "bare":
		syscall.Kill(cmd.Process.Pid, syscall.SIGTERM)
		cmd.Wait()
		var prompt, all float64
		if _, err := fmt.Sscanf(said.String(), "prompt %f of %f", &prompt, &all); err != nil {
			b.Fatalf("%q: %v", said.String(), err)
		}
		b.ReportMetric(100*prompt/all, "%within-1ms")
	}
}

// find looks for a program, or makes it.
func (p watched) find(b *testing.B) string {
	if p.source == "" {
		program, err := exec.LookPath(p.program)
		if err != nil {
			b.Skipf("%v: not installed", err)
		}
		return program
	}
	program := filepath.Join(b.TempDir(), "program")
	compile := []string{"gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, p.source}
	if filepath.Ext(p.source) == ".go" {
		compile = []string{"go", "build", "-o", program, p.source}
	}
	if out, err := exec.Command(compile[0], compile[1:]...).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// evict takes a program out of the page cache, so that it is read from disk as
// after a boot: of a file that was just written, Linux 6.18 maps large pieces
// whole, and they count as resident.
func evict(b *testing.B, program string) {
	f, err := os.Open(program)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		b.Fatal(err)
	}
}

// reportLag says which share of the ticks began within a millisecond of their
// deadline, and how many were missed.
func reportLag(b *testing.B, url string) {
	page, err := get(url)
	if err != nil {
		b.Fatal(err)
	}
	const name = "nodemeter_tick_lag_samples_seconds"
	all, prompt := value(b, page, name+"_count"), value(b, page, name+`_bucket{le="0.001"}`)
	b.ReportMetric(100*prompt/all, "%within-1ms")
	b.ReportMetric(value(b, page, `nodemeter_missed_ticks_total{reason="overrun"}`), "missed")
}

// value finds a series on a page in Prometheus' text format.
func value(b *testing.B, page, series string) float64 {
	for line := range strings.Lines(page) {
		if v, ok := strings.CutPrefix(line, series+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				b.Fatal(err)
			}
			return f
		}
	}
	b.Fatalf("no series %s", series)
	return 0
}

// tree is a process and its descendants.
func tree(pid int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		p, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := statFields(p); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], p)
		}
	}
	out := []int{pid}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out
}

// statFields are the fields of /proc/PID/stat from the state on.
func statFields(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	s := string(b)
	return strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
}

// treeTime is the processor time of a process tree: of the living by their
// clocks (clock_getcpuclockid(3)), of ended children from their parents.
func treeTime(pid int) time.Duration {
	sum := time.Duration(0)
	for _, p := range tree(pid) {
		var ts unix.Timespec
		if unix.ClockGettime(int32(^p<<3|2), &ts) == nil {
			sum += time.Duration(ts.Nano())
		}
		if f := statFields(p); len(f) > 14 {
			for _, ticks := range f[13:15] { // cutime, cstime
				n, _ := strconv.ParseInt(ticks, 10, 64)
				sum += time.Duration(n) * 10 * time.Millisecond
			}
		}
	}
	return sum
}

// residentMiB is the resident memory of processes.
func residentMiB(pids []int) float64 {
	pages := 0.0
	for _, p := range pids {
		f, err := os.Open(fmt.Sprintf("/proc/%d/statm", p))
		if err != nil {
			continue
		}
		b, _ := io.ReadAll(f)
		f.Close()
		if words := strings.Fields(string(b)); len(words) > 1 {
			n, _ := strconv.ParseFloat(words[1], 64)
			pages += n
		}
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}
