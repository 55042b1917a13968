//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// packager is how a family of distributions handles packages.
type packager struct {
	name, pattern            string
	install, upgrade, remove string // PACKAGE is the file
	begin                    string // what an administrator does after installing
	purge                    string
}

func packagers() []packager {
	return []packager{{
		name: "deb", pattern: "*.deb",
		install: "dpkg --no-triggers -i PACKAGE", upgrade: "dpkg --no-triggers -i PACKAGE",
		remove: "dpkg --no-triggers -r nodemeter", purge: "dpkg --no-triggers -P nodemeter",
		begin: "true", // it is enabled and started, as Debian has it
	}, {
		name: "rpm", pattern: "*.rpm", // rpm is a guest here: no dependencies, and it knows nothing of the other packages
		install: "rpm --force-debian --nodeps -U PACKAGE", upgrade: "rpm --force-debian --nodeps -U PACKAGE",
		remove: "rpm --force-debian -e nodemeter", purge: "true",
		begin: "systemctl enable --now nodemeterd",
	}}
}

// TestPackages takes both packages through what happens to them on a node, in
// a booted systemd. Meanwhile the next version is built, and the first one again
// from a copy in another place, which must give the same bytes.
func TestPackages(t *testing.T) {
	v1, v2, again := t.TempDir(), t.TempDir(), t.TempDir()
	if err := release("../..", v1, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	elsewhere := copied(t)
	next, rebuilt := make(chan error, 1), make(chan error, 1)
	go func() {
		next <- release("../..", v2, "1.1.0")
		rebuilt <- release(elsewhere, again, "1.0.0")
	}()
	upgraded := sync.OnceValue(func() error { return <-next })
	t.Run("on a node", func(t *testing.T) {
		for _, p := range packagers() {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				s := &service{machine: boot(t, p.name), packager: p}
				s.installs(one(t, v1, p.pattern))
				s.confined()
				s.read()
				if p.name == "deb" {
					s.dropIns()
				}
				s.reloads()
				s.survivesKill()
				s.watched()
				if p.name == "deb" {
					s.leavesDevicesAlone(t)
				}
				if err := upgraded(); err != nil {
					t.Fatal(err)
				}
				s.upgrades(one(t, v2, p.pattern))
				s.goes()
			})
		}
	})
	if err := <-rebuilt; err != nil {
		t.Fatal(err)
	}
	if a, b := sums(t, v1), sums(t, again); a != b || strings.Count(a, "\n") != 4 {
		t.Errorf("the same sources gave other bytes in another directory:\n%s\n%s", a, b)
	}
}

// release builds what is released for this architecture from the tree at top.
// A copy has no history to ask for the date.
func release(top, dir, version string) error {
	date, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
	if err != nil {
		return fmt.Errorf("git log: %w", err)
	}
	cmd := exec.Command(filepath.Join(top, "deploy/package/release.sh"), "-o", dir, version, "amd64")
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strings.TrimSpace(string(date)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("release %s: %w\n%s", version, err, out)
	}
	return nil
}

// copied is a copy of the tree in another place.
func copied(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "elsewhere", "nodemeter")
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "sh", "-c", `cd ../.. && git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$0"`, to)
	return to
}

func sums(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s in %s: %q, %v", pattern, dir, found, err)
	}
	return found[0]
}

// service is the packaged service on a machine.
type service struct {
	*machine
	packager
}

const windowsDir = "/var/lib/nodemeter/windows"

// active waits until the service is ready, and returns its process.
func (s *service) active() string {
	s.t.Helper()
	s.until("systemctl show -p ActiveState,SubState nodemeterd", "ActiveState=active\nSubState=running")
	return s.sh("systemctl show -p MainPID --value nodemeterd")
}

func (s *service) journal() string { return s.sh("journalctl -u nodemeterd -o cat --no-pager") }

func (s *service) scrape(want string) string {
	s.t.Helper()
	return s.until("curl -sf http://127.0.0.1:9911/metrics", want)
}

// samples is how many samples of the node the windows hold.
func (s *service) samples(of string) int {
	s.t.Helper()
	var doc struct {
		Nodes []struct{ Samples int }
	}
	if err := json.Unmarshal([]byte(s.sh("nodemeter inspect --format json "+of)), &doc); err != nil || len(doc.Nodes) != 1 {
		s.t.Fatalf("inspect %s: %v: %+v", of, err, doc)
	}
	return doc.Nodes[0].Samples
}

// written is how many samples this run of the agent says it has appended.
func (s *service) written(atLeast int) int {
	s.t.Helper()
	n := 0
	pattern := regexp.MustCompile(`(?m)^nodemeter_windows_samples_total (\d+)$`)
	eventually(s.t, "samples", func() error {
		out, err := s.try("curl -sf http://127.0.0.1:9911/metrics")
		if m := pattern.FindStringSubmatch(out); err == nil && m != nil {
			n, err = strconv.Atoi(m[1])
		}
		if err == nil && n < atLeast {
			err = os.ErrNotExist
		}
		return err
	})
	return n
}

func (s *service) installs(path string) {
	s.sh(strings.ReplaceAll(s.install, "PACKAGE", s.bring(path)))
	s.sh(s.begin)
	s.active()
	s.scrape(`nodemeter_build_info{goversion="`)
	s.scrape(`version="1.0.0"} 1`)
	if out := s.sh("systemd-analyze verify nodemeterd.service nodemeterd.socket"); out != "" {
		s.t.Errorf("systemd-analyze verify: %s", out)
	}
	s.sh("systemd-analyze security --threshold=15 nodemeterd.service")
	if got := s.sh("systemctl is-enabled nodemeterd"); got != "enabled" {
		s.t.Errorf("the service is %s", got)
	}
	for _, page := range []string{"nodemeter", "nodemeterd", "nodemeter-summary"} {
		s.sh("man -w " + page)
	}
}

// confined checks the sandbox on the process itself.
func (s *service) confined() {
	pid := s.active()
	status := s.sh("cat /proc/" + pid + "/status")
	for _, want := range []string{"CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(status+"\n", want) {
			s.t.Errorf("no %q in\n%s", want, status)
		}
	}
	if got := s.sh("ps -o user:20=,ni= -p " + pid); strings.Join(strings.Fields(got), " ") != "nodemeter 5" {
		s.t.Errorf("user and niceness: %s", got)
	}
	if out, err := s.try("nsenter -t " + pid + " -m -- touch /usr/x /etc/x"); err == nil {
		s.t.Errorf("the service can write to the system: %s", out)
	}
}

// read is what a researcher does: members of the group read, others do not.
func (s *service) read() {
	s.written(3)
	if out := s.sh("setpriv --reuid 65534 --regid nodemeter --clear-groups nodemeter summary " + windowsDir); !strings.Contains(out, "Resource Utilization Summary") {
		s.t.Errorf("a member of the group reads:\n%s", out)
	}
	if out, err := s.try("setpriv --reuid 65534 --regid 65534 --clear-groups nodemeter summary " + windowsDir); err == nil || !strings.Contains(out, "permission denied") {
		s.t.Errorf("somebody else reads: %v\n%s", err, out)
	}
}

// dropIns: systemd has nothing to say of any of them, and with that for the
// socket the agent serves on what systemd holds.
func (s *service) dropIns() {
	s.sh(`cd /etc/systemd/system && mkdir nodemeterd.service.d && for f in /usr/share/nodemeter/systemd/*.conf; do
		cp "$f" nodemeterd.service.d/90-test.conf && said=$(systemd-analyze verify nodemeterd.service 2>&1)
		[ -z "$said" ] || { echo "$f: $said"; exit 1; }
	done`)
	s.sh(`cd /etc/systemd/system && cp /usr/share/nodemeter/systemd/everyone-reads.conf nodemeterd.service.d/90-test.conf &&
		systemctl daemon-reload && systemctl restart nodemeterd`)
	s.active()
	s.written(3)
	if out := s.sh("setpriv --reuid 65534 --regid 65534 --clear-groups nodemeter summary " + windowsDir); !strings.Contains(out, "Resource Utilization Summary") {
		s.t.Errorf("everybody reads what was there before, too:\n%s", out)
	}
	s.sh(`cd /etc/systemd/system && cp /usr/share/nodemeter/systemd/socket.conf nodemeterd.service.d/90-test.conf &&
		systemctl daemon-reload && systemctl stop nodemeterd && systemctl enable --now nodemeterd.socket`)
	s.scrape(`version="1.0.0"} 1`) // which starts it
	s.active()
	if held := s.sh("ss -Hltnp 'sport = :9911'"); !strings.Contains(held, `"systemd",pid=1,`) || !strings.Contains(held, `"nodemeterd"`) {
		s.t.Errorf("not on systemd's socket: %s", held)
	}
	s.sh(`systemctl disable --now nodemeterd.socket; rm -r /etc/systemd/system/nodemeterd.service.d; systemctl daemon-reload; systemctl restart nodemeterd`)
	s.active()
	s.scrape(`version="1.0.0"} 1`)
}

func (s *service) reloads() {
	pid := s.active()
	s.sh("echo 'log.level: debug' >>/etc/nodemeter/nodemeterd.yml && systemctl reload nodemeterd")
	s.scrape(`nodemeter_reloads_total{result="ok"} 1`)
	s.sh("echo 'windows.width: 7h' >>/etc/nodemeter/nodemeterd.yml && systemctl reload nodemeterd")
	s.scrape(`nodemeter_reloads_total{result="failed"} 1`)
	s.sh("sed -i '/^windows.width/d; /^log.level/d' /etc/nodemeter/nodemeterd.yml")
	if log := s.sh("journalctl -u nodemeterd -p err -o cat --no-pager"); !strings.HasPrefix(log, "level=ERROR msg=\"configuration not reloaded") {
		s.t.Errorf("not an error to the journal:\n%s", log)
	}
	log := s.journal()
	for _, want := range []string{"changed=\"log.level=debug\"", "configuration not reloaded: the old one stays", "width 7h0m0s must be whole seconds and divide 24h"} {
		if !strings.Contains(log, want) {
			s.t.Errorf("no %q in\n%s", want, log)
		}
	}
	if now := s.active(); now != pid {
		s.t.Errorf("process %s became %s", pid, now)
	}
}

// survivesKill: kill -9 loses nothing that was appended.
func (s *service) survivesKill() {
	pid := s.active()
	before := s.written(1)
	s.sh("kill -9 " + pid)
	s.until("systemctl show -p NRestarts nodemeterd", "NRestarts=1")
	s.active()
	if log := s.journal(); !strings.Contains(log, "going on with the window that an earlier run left open") {
		s.t.Errorf("no recovery in\n%s", log)
	}
	after := s.written(1)
	if got := s.samples(windowsDir); got < before+after {
		s.t.Errorf("%d samples in the windows; %d were written before kill -9 and %d after", got, before, after)
	}
	s.sh("nodemeter verify " + windowsDir)
}

// watched: the tick loop pats the watchdog, so a stopped process is replaced.
// The agent stretches a watchdog of 1 s to what a healthy loop may need.
func (s *service) watched() {
	s.sh(`mkdir -p /run/systemd/system/nodemeterd.service.d
		printf '[Service]\nWatchdogSec=1s\n' >/run/systemd/system/nodemeterd.service.d/fast.conf
		systemctl daemon-reload; systemctl restart nodemeterd`)
	pid := s.active()
	if got := s.sh("systemctl show -p WatchdogUSec --value nodemeterd"); got != "15s" {
		s.t.Errorf("watchdog of %s, want 15s", got)
	}
	const patted = "systemctl show -p WatchdogTimestampMonotonic --value nodemeterd"
	for range 2 {
		first := s.sh(patted)
		eventually(s.t, "the watchdog to be patted", func() error {
			if now, err := s.try(patted); err != nil || now == first {
				return fmt.Errorf("last at %s us (%v)", now, err)
			}
			return nil
		})
	}
	s.sh("kill -STOP " + pid)
	s.until("systemctl show -p NRestarts nodemeterd", "NRestarts=1")
	if log := s.journal(); !strings.Contains(log, "Watchdog timeout") {
		s.t.Errorf("no watchdog in\n%s", log)
	}
	if now := s.active(); now == pid {
		s.t.Error("the same process")
	}
	s.sh("rm /run/systemd/system/nodemeterd.service.d/fast.conf; systemctl daemon-reload")
}

// leavesDevicesAlone: with NVIDIA's real library and no driver the service
// creates no device, though root calling the same library would; and devices
// that are there are the only real ones that it has.
func (s *service) leavesDevicesAlone(t *testing.T) {
	library := os.Getenv("NODEMETER_NVML_LIBRARY")
	if library == "" {
		t.Fatal("NODEMETER_NVML_LIBRARY does not name NVIDIA's library: .ci/run fetches it")
	}
	in := s.bring(library)
	s.sh("install -m 644 " + in + " /usr/local/lib/ && echo NODEMETER_GPU_LIBRARY=/usr/local/lib/" + filepath.Base(in) + " >>/etc/nodemeter/nodemeterd.env && systemctl restart nodemeterd")
	s.until("journalctl -u nodemeterd -o cat --no-pager", "code 9")
	if out, err := s.try("test -e /dev/nvidiactl"); err == nil {
		t.Errorf("the service created /dev/nvidiactl: %s", out)
	}
	s.sh("nodemeterd --once --gpu.library=/usr/local/lib/" + filepath.Base(in) + " >/dev/null 2>&1 && test -e /dev/nvidiactl")
	s.sh("mknod -m 666 /dev/nvidia0 c 195 0; sed -i /GPU_LIBRARY/d /etc/nodemeter/nodemeterd.env; systemctl restart nodemeterd")
	got := s.sh("ls /proc/" + s.active() + "/root/dev | grep ^n")
	if got != "null\nnvidia0\nnvidiactl" {
		t.Errorf("devices of the service:\n%s", got)
	}
}

// upgrades to a later version: what the old agent appended is there, sealed.
func (s *service) upgrades(path string) {
	s.sh("systemctl restart nodemeterd")
	s.active()
	s.written(3)
	s.sh(strings.ReplaceAll(s.upgrade, "PACKAGE", s.bring(path)))
	s.active()
	s.scrape(`version="1.1.0"} 1`)
	stopped := regexp.MustCompile(`msg=stopped samples=(\d+)`).FindAllStringSubmatch(s.journal(), -1)
	if len(stopped) == 0 {
		s.t.Fatalf("the old agent was not stopped in order:\n%s", s.journal())
	}
	taken, err := strconv.Atoi(stopped[len(stopped)-1][1])
	if err != nil {
		s.t.Fatal(err)
	}
	last := s.sh("ls -t " + windowsDir + "/node=*/date=*/*.parquet | head -n 1")
	if got := s.samples(last); got != taken || taken < 3 {
		s.t.Errorf("%d samples in %s, and the old agent had taken %d", got, last, taken)
	}
}

// goes: stopped in order, removed, purged; the data stays and nothing else.
func (s *service) goes() {
	s.written(2)
	begin := time.Now()
	s.sh("systemctl stop nodemeterd")
	s.t.Logf("stopped and sealed in %s", time.Since(begin))
	if got := s.sh("systemctl show -p Result,ExecMainStatus nodemeterd"); got != "Result=success\nExecMainStatus=0" {
		s.t.Errorf("stopping: %s", got)
	}
	s.sh("systemctl start nodemeterd")
	s.active()
	s.sh(s.remove)
	if out := s.sh("find " + windowsDir + " -name '*.journal'; pgrep -x nodemeterd || true"); out != "" {
		s.t.Errorf("after removal: %s", out)
	}
	s.sh(s.purge)
	left, err := os.ReadDir(filepath.Join(s.upper, "var/lib/nodemeter"))
	if err != nil || len(left) == 0 {
		s.t.Errorf("the data is gone: %v", err)
	}
	var others bytes.Buffer
	for path := range strings.Lines(run(s.t, "find", s.upper, "-ipath", "*nodemeter*", "-not", "-type", "c", "-not", "-path", "*/var/lib/nodemeter*", "-not", "-path", "*/root/*", "-not", "-path", "*/var/cache/man/*")) {
		others.WriteString(strings.TrimPrefix(path, s.upper))
	}
	if others.Len() > 0 {
		s.t.Errorf("left behind:\n%s", &others)
	}
}
