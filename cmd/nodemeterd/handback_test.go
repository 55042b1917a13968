package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someMaps = `00400000-0040b000 r--p 00000000 fe:00 12                  /usr/bin/nodemeterd
Rss:                  44 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
0040c000-00df9000 r-xp 0000c000 fe:00 12                  /usr/bin/nodemeterd (deleted)
Private_Dirty:         0 kB
Anonymous:             0 kB
00df9000-00e00000 r--p 009f9000 fe:00 12                  /usr/bin/nodemeterd
Private_Dirty:         8 kB
Anonymous:             8 kB
00e00000-00e10000 rw-p 009f9000 fe:00 12                  /usr/bin/nodemeterd
Private_Dirty:         0 kB
Anonymous:             0 kB
00f00000-00f10000 r--s 00000000 fe:00 13                  /var/cache/shared
Private_Dirty:         0 kB
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 00:00 0                   [vvar]
Private_Dirty:         0 kB
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00000000 fe:00 14                  /lib/libc.so.6
Private_Dirty:         0 kB
`

func TestCleanMappings(t *testing.T) {
	got := cleanMappings([]byte(someMaps))
	want := []mapping{{0x400000, 0x40b000}, {0x40c000, 0xdf9000}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(mapping{})); d != "" {
		t.Errorf("only what is read-only, private, of a file and known to be clean (-want +got):\n%s", d)
	}
	for _, damaged := range []string{"", "x-y r-xp 0 0 0 /a\nPrivate_Dirty: 0 kB\nAnonymous: 0 kB\n", "9-1 r-xp 0 0 0 /a\nPrivate_Dirty: 0 kB\nAnonymous: 0 kB\n", "Private_Dirty: 0 kB\nAnonymous: 0 kB\n"} {
		for _, m := range cleanMappings([]byte(damaged)) {
			if m.from != 0 || m.to != 0 {
				t.Errorf("%q: %x", damaged, m)
			}
		}
	}
}

// TestHandBack hands back what a process of its own has mapped, which goes on.
func TestHandBack(t *testing.T) {
	if os.Getenv("HAND_BACK") != "" {
		handBackAndSay()
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestHandBack$")
	cmd.Env = append(os.Environ(), "HAND_BACK=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f := strings.Fields(string(out))
	if len(f) != 2 {
		t.Fatalf("%q", out)
	}
	before, err1 := strconv.Atoi(f[0])
	after, err2 := strconv.Atoi(f[1])
	if err1 != nil || err2 != nil || after >= before {
		t.Errorf("resident pages of files: %d KiB, then %d KiB", before, after)
	}
}

// handBackAndSay prints how many KiB of files are resident before and after.
func handBackAndSay() {
	before := fileKiB()
	handBack(slog.New(slog.NewTextHandler(io.Discard, nil)))
	fmt.Println(before, fileKiB())
	os.Exit(0)
}

func fileKiB() string {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "RssFile:"); ok {
			return strings.TrimSuffix(strings.TrimSpace(v), " kB")
		}
	}
	return ""
}
