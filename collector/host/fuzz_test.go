package host

import (
	"bytes"
	"os"
	"testing"
)

func seed(f *testing.F, files ...string) {
	f.Helper()
	for _, step := range []string{"testdata/proc0/", "testdata/proc1/"} {
		for _, file := range files {
			if data, err := os.ReadFile(step + file); err == nil {
				f.Add(data)
			}
		}
	}
	f.Add([]byte{})
	f.Add([]byte("\n\n"))
}

func FuzzParseCPUs(f *testing.F) {
	seed(f, "proc/stat")
	f.Fuzz(func(t *testing.T, data []byte) {
		var s stat
		rest, n, err := s.parseCPUs(data)
		if err == nil && (len(s.cores) == 0 || !bytes.HasPrefix(data[rest:], []byte("intr")) || n != len(s.cores)+2) {
			t.Errorf("%q passes with %d cores", data, len(s.cores))
		}
	})
}

func FuzzParseActivity(f *testing.F) {
	seed(f, "proc/stat")
	f.Fuzz(func(t *testing.T, data []byte) {
		var a activity
		if err := a.parseActivity(data, 0, 1); err != nil && a != (activity{}) {
			t.Errorf("%+v with %v", a, err)
		}
	})
}

func FuzzParseMeminfo(f *testing.F) {
	seed(f, "proc/meminfo")
	f.Fuzz(func(t *testing.T, data []byte) {
		var m meminfo
		if err := m.parse(data); err == nil && (!m.has[memTotal] || !m.has[memFree]) {
			t.Errorf("%q passes without MemTotal and MemFree", data)
		}
	})
}

func FuzzParseNetDev(f *testing.F) {
	seed(f, "proc/net/dev")
	f.Fuzz(func(t *testing.T, data []byte) {
		if lines, err := parseNetDev(data, nil); (err == nil) != (len(lines) > 0) {
			t.Errorf("%d lines with %v", len(lines), err)
		}
	})
}

func FuzzParseDiskstats(f *testing.F) {
	seed(f, "proc/diskstats")
	f.Fuzz(func(t *testing.T, data []byte) {
		if lines, err := parseDiskstats(data, nil); err != nil && len(lines) > 0 {
			t.Errorf("%v with %v", lines, err)
		}
	})
}

func FuzzParseLoadavg(f *testing.F) {
	seed(f, "proc/loadavg")
	f.Fuzz(func(t *testing.T, data []byte) {
		if avg, err := parseLoadavg(data); err != nil && avg != (loads{}) {
			t.Errorf("%v with %v", avg, err)
		}
	})
}

func FuzzParsePressure(f *testing.F) {
	seed(f, "proc/pressure/cpu", "proc/pressure/io")
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parsePressure(data); p.some < 0 || p.full < 0 || err != nil && p != (pressure{}) {
			t.Errorf("%+v with %v", p, err)
		}
	})
}

func FuzzParseIBCounter(f *testing.F) {
	seed(f, "sys/class/infiniband/mlx5_0/ports/1/counters/port_rcv_data")
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := parseIBCounter(data, ibWord); int64(v) < 0 || v%ibWord != 0 || err != nil && v != 0 {
			t.Errorf("%d with %v", v, err)
		}
	})
}
