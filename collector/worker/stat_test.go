package worker

import (
	"strings"
	"testing"
)

func TestParseStatNames(t *testing.T) {
	for _, comm := range []string{"sh", "a b", "a) S 1 (b", "(", ")", "new\nline", "", ") R 1 1 1", "\xff\xfe"} {
		st, err := parseStat([]byte(statLine(proc{pid: 42, ppid: 7, comm: comm, own: 11, children: 22, start: 99, pages: 5, threads: 3})))
		if err != nil {
			t.Errorf("%q: %v", comm, err)
			continue
		}
		if st.pid != 42 || string(st.comm) != comm || st.ppid != 7 || st.own != 11 || st.children != 22 || st.start != 99 || st.resident != 5 || st.threads != 3 || st.state != 'S' {
			t.Errorf("%q: %+v", comm, st)
		}
	}
}

func TestParseStatRefuses(t *testing.T) {
	whole := statLine(proc{pid: 42, comm: "sh"})
	for name, line := range map[string]string{
		"empty": "", "no name": "42 S 1", "no number": "(sh) S 1", "letters": strings.Replace(whole, "S 0", "S x", 1),
		"cut": whole[:40], "huge pid": strings.Replace(whole, "42 ", "99999999999 ", 1), "reversed": "1 )( S 1",
	} {
		if st, err := parseStat([]byte(line)); err == nil {
			t.Errorf("%s: accepted as %+v", name, st)
		}
	}
}

func TestThreadsAndKernelThreadsAreTold(t *testing.T) {
	line := statLine(proc{pid: 42, comm: "sh"})
	thread, _ := parseStat([]byte(strings.Replace(line, " 17 0 0", " -1 0 0", 1)))
	kernel, _ := parseStat([]byte(strings.Replace(line, " 4194304 ", " 69238880 ", 1)))
	if !thread.isThread || thread.kernelThread || kernel.isThread || !kernel.kernelThread {
		t.Errorf("thread %+v, kernel thread %+v", thread, kernel)
	}
}

func TestParseIO(t *testing.T) {
	r, w, err := parseIO([]byte("rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 3\n"))
	if err != nil || r != 4096 || w != 8192 {
		t.Errorf("%d %d %v", r, w, err)
	}
	for _, bad := range []string{"", "read_bytes: 1\n", "read_bytes: -1\nwrite_bytes: 2\n", "read_bytes: x\nwrite_bytes: 2\n"} {
		if _, _, err := parseIO([]byte(bad)); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestParseLastPID(t *testing.T) {
	if n, err := parseLastPID([]byte("0.1 0.2 0.3 1/99 12345\n")); n != 12345 || err != nil {
		t.Error(n, err)
	}
	for _, bad := range []string{"", "x", "0.1 0.2 0.3 1/99 -1\n"} {
		if _, err := parseLastPID([]byte(bad)); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(statLine(proc{pid: 42, ppid: 7, comm: "a) S (b", own: 11})))
	f.Add([]byte("1 (x) R"))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := parseStat(b)
		if err == nil && (st.threads < 0 || st.resident < 0 || st.pid < 0) {
			t.Errorf("%+v", st)
		}
	})
}

func FuzzSmallFiles(f *testing.F) {
	f.Add([]byte("read_bytes: 1\nwrite_bytes: 2\n"))
	f.Add([]byte("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n0::/a\n"))
	f.Add([]byte("c 195:0 rw\n8:0 rbytes=1 wbytes=2\nusage_usec 5\n"))
	f.Add([]byte("SLURM_JOB_ID=5\x00SLURM_JOB_GPUS=0-3\x00"))
	f.Add([]byte(`{"agent_scheduler_address":"tcp://1.2.3.4:8786"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, w, err := parseIO(b); err == nil && (r < 0 || w < 0) {
			t.Error("negative bytes")
		}
		parseShared(b)
		parseLastPID(b)
		parseKernelStat(b)
		parseMemTotal(b)
		parseMounts(b)
		parseCgroups(b)
		for _, pid := range parsePIDs(b) {
			if pid <= 0 {
				t.Error("a process number that is none")
			}
		}
		keyed(b, "usage_usec")
		parseIOStat(b)
		parseDevices(b)
		parsePasswd(b)
		parseJobEnvironment(b, "5")
		if a := parseSchedulerFile(b); len(a) > maxLabel {
			t.Error("a label too long")
		}
		args := parseArguments(b)
		script(args)
		st := &stat{comm: []byte("python3")}
		for _, r := range processResolvers(nil) {
			r.of(st, func() []string { return args })
		}
		if c := clean(string(b)); len(c) > maxLabel || strings.ContainsAny(c, "\n\x00") {
			t.Errorf("%q", c)
		}
	})
}
