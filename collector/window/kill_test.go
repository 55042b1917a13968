package window

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
)

// killedEnv makes this test binary the process that is killed.
const killedEnv = "NODEMETER_TEST_RECORD_INTO"

// TestMain turns into the recorder that TestKill kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(killedEnv); dir != "" {
		os.Exit(recordUntilKilled(dir))
	}
	os.Exit(m.Run())
}

// recordUntilKilled appends samples as fast as it can and, after each, prints
// its number: what it has printed was appended before.
func recordUntilKilled(dir string) int {
	start, err := strconv.Atoi(os.Getenv("NODEMETER_TEST_FROM"))
	if err != nil {
		return 3
	}
	o := Options{Dir: dir, Node: "n1", BootID: "boot-1", Agent: "1.0.0", Interval: time.Second, Width: 10 * time.Minute}
	r, err := NewRecorder(o)
	if err != nil {
		os.Stderr.WriteString(err.Error())
		return 4
	}
	m := newMaker("n1", 30)
	m.n, m.at = start, m.at.Add(time.Duration(start)*time.Second)
	written := int64(0)
	for i := start; ; i++ {
		r.Publish(numbered(m.sample(), i))
		for written++; r.stats.written.Load() < written; {
			if r.stats.lost.Load()+r.stats.dropped.Load() > 0 {
				return 5
			}
		}
		if _, err := os.Stdout.WriteString(strconv.Itoa(i) + "\n"); err != nil {
			return 0
		}
	}
}

// numbered puts a sample's number into it, so that it can be told from any other.
func numbered(s *metric.Sample, n int) *metric.Sample {
	d := desc(metric.Node, "number", metric.Count, metric.Counter, metric.TypeInt, 0)
	s.Readings[0].Points = append(s.Readings[0].Points, metric.Int(d, int64(n)))
	return s
}

// TestKill kills a recorder a hundred times under load, each time starting
// another on what it left: nothing that was appended is lost, nothing comes twice.
func TestKill(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	dir := t.TempDir()
	next, said := 0, 0
	appended := map[int]bool{}
	for round := range rounds {
		last := killOne(t, dir, next, 5+round*7%60)
		for i := next; i <= last; i++ {
			appended[i] = true
			said++
		}
		next = last + 2 // one more may have been appended and not said
	}
	r, err := NewRecorder(Options{Dir: dir, Node: "n1", BootID: "boot-2", Agent: "1.0.0", Interval: time.Second, Width: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	closeRecorder(t, r)
	seen := map[int]int{}
	rd, err := Open([]string{dir}, Query{Kinds: []metric.EntityKind{metric.Node}, Columns: []string{"number"}})
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	for rd.Next() {
		for _, n := range rd.Chunk().Column("number").Int {
			seen[int(n)]++
		}
	}
	for i := range appended {
		if seen[i] == 0 {
			t.Errorf("sample %d was appended and is lost", i)
		}
	}
	for n, times := range seen {
		if times != 1 {
			t.Errorf("sample %d is there %d times", n, times)
		}
	}
	if len(rd.Problems()) > 0 {
		t.Error(rd.Problems())
	}
	t.Logf("%d kills, %d samples, none lost", rounds, said)
}

// killOne runs a recorder from a sample number on, kills it once it has said
// that some more are appended, and returns the last number that it said.
func killOne(t *testing.T, dir string, from, samples int) (last int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), killedEnv+"="+dir, "NODEMETER_TEST_FROM="+strconv.Itoa(from))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last = from - 1
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil || n != last+1 {
			t.Fatalf("%q after %d", lines.Text(), last)
		}
		last = n
		if last-from == samples {
			if err := cmd.Process.Kill(); err != nil { // SIGKILL; what it still says was appended
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() > 0 {
		t.Fatalf("the recorder ended by itself after %d: %v %s", last, err, stderr.String())
	}
	return last
}
