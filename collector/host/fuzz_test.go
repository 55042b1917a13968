package host

import (
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

func FuzzCheckCPULines(f *testing.F) {
	seed(f, "proc/stat")
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkCPULines(data) == nil && len(data) < len("cpu  1 1 1 1 1 1 1\ncpu0 1 1 1 1 1 1 1\nintr") {
			t.Errorf("%q passes", data)
		}
	})
}

func FuzzParseActivity(f *testing.F) {
	seed(f, "proc/stat")
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := parseActivity(data); err != nil && a != (activity{}) {
			t.Errorf("%+v with %v", a, err)
		}
	})
}

func FuzzCheckMeminfo(f *testing.F) {
	seed(f, "proc/meminfo")
	f.Fuzz(func(t *testing.T, data []byte) {
		if has, err := checkMeminfo(data); err == nil && (!has[memTotal] || !has[memFree]) {
			t.Errorf("%q passes without MemTotal and MemFree", data)
		}
	})
}

func FuzzCheckNetDev(f *testing.F) {
	seed(f, "proc/net/dev")
	f.Fuzz(func(_ *testing.T, data []byte) { _ = checkNetDev(data) })
}

func FuzzCheckDiskstats(f *testing.F) {
	seed(f, "proc/diskstats")
	f.Fuzz(func(t *testing.T, data []byte) {
		if devices, err := checkDiskstats(data); err != nil && devices != nil {
			t.Errorf("%v with %v", devices, err)
		}
	})
}

func FuzzCheckLoadavg(f *testing.F) {
	seed(f, "proc/loadavg")
	f.Fuzz(func(_ *testing.T, data []byte) { _ = checkLoadavg(data) })
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
