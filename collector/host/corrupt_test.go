package host

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

// kernelFiles are the files whose damage must never pass for data.
var kernelFiles = [...]string{
	"proc/stat", "proc/loadavg", "proc/meminfo", "proc/net/dev", "proc/diskstats",
	"proc/pressure/cpu", "proc/pressure/memory", "proc/pressure/io",
	"sys/class/infiniband/mlx5_0/ports/1/counters/port_rcv_data",
	"sys/class/infiniband/mlx5_1/ports/1/counters/port_xmit_packets",
}

// truth is what the fixture's sources say while nothing is damaged.
func truth(t testing.TB, cfg Config) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, s := range Sources(cfg) {
		maps.Copy(all, mustRead(t, s.Source))
	}
	return all
}

// readDamaged reads all sources of a damaged root with new sources. Each point
// must be true; damage must be an error that names the file, unless no point
// is missing (the damage was where nobody looks) or allowGone.
func readDamaged(t testing.TB, cfg Config, file, how string, truth map[string]float64, allowGone bool) {
	t.Helper()
	got := map[string]float64{}
	named := false
	for _, s := range Sources(cfg) {
		var b metric.Batch
		err := s.Source.Read(context.Background(), &b)
		if err != nil {
			if !strings.Contains(err.Error(), file) {
				t.Errorf("%s: %s: the error does not name the file: %v", file, how, err)
			}
			named = true
		}
		if b.Rejected() > 0 {
			t.Errorf("%s: %s: %d points refused only at the end", file, how, b.Rejected())
		}
		maps.Copy(got, flatten(t, &b))
	}
	for key, v := range got {
		if w, ok := truth[key]; !ok || w != v {
			if allowGone && strings.HasPrefix(key, "node ") {
				continue // a sum over the lines that are left
			}
			t.Errorf("%s: %s: %s = %v, the truth is %v (there: %v)", file, how, key, v, w, ok)
		}
	}
	if len(got) < len(truth) && !named && !allowGone {
		t.Errorf("%s: %s: %d points are gone without an error", file, how, len(truth)-len(got))
	}
}

// damage is one way to spoil a file. gone: whole lines may be missing, which
// in a table of devices is what a device that was removed looks like.
type damage struct {
	how  string
	data []byte
	gone bool
}

func damages(file string, good []byte) []damage {
	table := file == "proc/net/dev" || file == "proc/diskstats" || file == "proc/meminfo"
	d := []damage{
		{"empty", nil, false},
		{"a line end", []byte("\n"), false},
		{"NUL bytes", make([]byte, len(good)), false},
		{"binary", bytes.Repeat([]byte{0xff, 0xfe, '\n'}, 50), false},
		{"words", []byte(strings.Repeat("error reading file\n", 20)), false},
		{"no line end", bytes.TrimRight(good, "\n"), false},
		{"twice", append(bytes.Clone(good), good...), false},
	}
	for i := 1; i < len(good); i += 1 + len(good)/25 {
		d = append(d, damage{"cut at " + string(good[max(0, i-12):i]), good[:i], table && good[i-1] == '\n'})
	}
	at := numbersIn(good)
	for i := 0; i < len(at); i += 1 + len(at)/12 {
		for _, bad := range []string{"-5", "NaN", "1e9", "0x10", "12z4", "99999999999999999999999", "inf", "1_0"} {
			spoilt := string(good[:at[i][0]]) + bad + string(good[at[i][1]:])
			d = append(d, damage{"number " + bad + " after " + string(good[max(0, at[i][0]-20):at[i][0]]), []byte(spoilt), false})
		}
	}
	return d
}

// numbersIn finds the whole numbers between blanks, an equals sign and line
// ends: not the digits of names or of fractions.
func numbersIn(data []byte) (at [][2]int) {
	for i := 0; i < len(data); i++ {
		start := i
		for i < len(data) && data[i] >= '0' && data[i] <= '9' {
			i++
		}
		if i == start {
			continue
		}
		before := start == 0 || strings.IndexByte(" =\n", data[start-1]) >= 0
		after := i == len(data) || strings.IndexByte(" \n", data[i]) >= 0
		if before && after {
			at = append(at, [2]int{start, i})
		}
	}
	return at
}

func TestDamagedFilesNeverPassForData(t *testing.T) {
	root, cfg := fixture(t)
	all := truth(t, cfg)
	tried := 0
	for _, file := range kernelFiles {
		good, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range damages(file, good) {
			write(t, root, file, string(d.data))
			readDamaged(t, cfg, file, d.how, all, d.gone)
			tried++
		}
		spoilAsDirectory(t, root, cfg, file, all)
		write(t, root, file, string(good))
		readDamaged(t, cfg, file, "whole again", all, false)
	}
	t.Logf("%d damages", tried)
}

// spoilAsDirectory takes the file away, then puts a directory in its place.
func spoilAsDirectory(t *testing.T, root string, cfg Config, file string, all map[string]float64) {
	t.Helper()
	path := filepath.Join(root, file)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	// A port without counter files is one that does not count.
	readDamaged(t, cfg, file, "missing", all, strings.HasPrefix(file, "sys/"))
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	readDamaged(t, cfg, file, "a directory", all, false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// FuzzDamage overwrites bytes of numbers in a fixture with what is neither a
// digit nor a blank: every point is still true, and none is gone silently.
func FuzzDamage(f *testing.F) {
	root := f.TempDir()
	overlay(f, root, "proc0")
	cfg := Config{Root: root, Node: &metric.Entity{Kind: metric.Node, ID: "n1"}, PerCore: true}
	all := truth(f, cfg)
	for i := range kernelFiles {
		f.Add(uint8(i), uint16(3), uint8(0), byte('x'))
	}
	f.Fuzz(func(t *testing.T, which uint8, number uint16, offset uint8, bad byte) {
		if bad >= '0' && bad <= '9' || bad <= ' ' || bad >= 0x7f {
			return // would change the number, or its line
		}
		file := kernelFiles[int(which)%len(kernelFiles)]
		good, err := os.ReadFile(filepath.Join("testdata/proc0", file))
		if err != nil {
			t.Fatal(err)
		}
		spoilt := bytes.Clone(good)
		at := numbersIn(good)
		n := at[int(number)%len(at)]
		spoilt[n[0]+int(offset)%(n[1]-n[0])] = bad
		write(t, root, file, string(spoilt))
		readDamaged(t, cfg, file, string(spoilt[n[0]:n[1]]), all, false)
		write(t, root, file, string(good))
	})
}
