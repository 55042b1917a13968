//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a booted systemd: a container whose files are this machine's own
// with a layer in memory above them, which goes away with it.
type machine struct {
	t       *testing.T
	upper   string // what was written in it
	root    string // all of its files
	leader  string // number of its first process
	console *syncBuffer
}

// boot starts a machine. It has no network but its own loopback.
func boot(t *testing.T, name string) *machine {
	t.Helper()
	nspawn := need(t, "systemd-nspawn")
	name = fmt.Sprintf("nodemeter-%s-%d", name, os.Getpid())
	base := t.TempDir()
	m := &machine{t: t, upper: filepath.Join(base, "upper"), root: filepath.Join(base, "root"), console: &syncBuffer{}}
	mount(t, "tmpfs", base, "tmpfs", "")
	for _, d := range []string{m.upper, filepath.Join(base, "work"), m.root} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, "overlay", m.root, "overlay", fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", m.upper, filepath.Join(base, "work")))
	os.Remove(filepath.Join(m.root, "usr/sbin/policy-rc.d")) // here services do start
	// Its own control groups, so that its systemd owns what is below them.
	enter := ""
	for _, hierarchy := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"} {
		if _, err := os.Stat(filepath.Join(hierarchy, "cgroup.procs")); err == nil {
			group := filepath.Join(hierarchy, name)
			if err := os.Mkdir(group, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { removeGroups(group) })
			enter += "echo $$ >" + group + "/cgroup.procs && "
		}
	}
	cmd := exec.Command("sh", "-c", enter+`exec "$0" "$@"`, nspawn, "-M", name, "-D", m.root, "--register=no", "--keep-unit",
		"--console=read-only", "--link-journal=no", "--private-network", "-b", "--", "--unit=basic.target")
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	cmd.Stdout, cmd.Stderr = m.console, m.console
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	t.Cleanup(func() { m.poweroff(cmd.Process.Pid, done) })
	m.leader = m.first(cmd.Process.Pid)
	eventually(t, "the machine to boot", func() error {
		_, err := m.try("systemctl is-active basic.target")
		return err
	})
	return m
}

func mount(t *testing.T, source, target, kind, options string) {
	t.Helper()
	if err := unix.Mount(source, target, kind, 0, options); err != nil {
		t.Fatalf("mount %s on %s: %v", kind, target, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", target, err)
		}
	})
}

// removeGroups removes a control group and those below it, the deepest first.
func removeGroups(top string) {
	var all []string
	filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	for i := len(all) - 1; i >= 0; i-- {
		os.Remove(all[i])
	}
}

// first is the machine's first process, a child of nspawn.
func (m *machine) first(nspawn int) string {
	m.t.Helper()
	var leader string
	eventually(m.t, "the first process", func() error {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", nspawn, nspawn))
		if err != nil {
			return fatal{fmt.Errorf("%w:\n%s", err, m.console)}
		}
		for _, pid := range strings.Fields(string(b)) {
			if comm, _ := os.ReadFile("/proc/" + pid + "/comm"); string(comm) == "systemd\n" {
				leader = pid
				return nil
			}
		}
		return errors.New("no systemd among the children of systemd-nspawn")
	})
	return leader
}

// poweroff ends the machine in order, and by force if it must.
func (m *machine) poweroff(nspawn int, done <-chan struct{}) {
	const rtmin = 34
	if m.leader != "" {
		exec.Command("kill", fmt.Sprintf("-%d", rtmin+4), m.leader).Run()
	}
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		syscall.Kill(nspawn, syscall.SIGKILL)
		<-done
	}
}

// try runs a shell script in the machine.
func (m *machine) try(script string) (string, error) {
	b, err := exec.Command("nsenter", "-t", m.leader, "-a", "--", "sh", "-c", script).CombinedOutput()
	if err != nil {
		return string(b), fmt.Errorf("%s: %w\n%s", script, err, b)
	}
	return strings.TrimSpace(string(b)), nil
}

// sh is try that must work.
func (m *machine) sh(script string) string {
	m.t.Helper()
	out, err := m.try(script)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// until waits until the script's output contains what is wanted.
func (m *machine) until(script, want string) string {
	m.t.Helper()
	var out string
	eventually(m.t, fmt.Sprintf("%q from %s", want, script), func() error {
		var err error
		if out, err = m.try(script); err == nil && !strings.Contains(out, want) {
			err = fmt.Errorf("not there yet:\n%s", out)
		}
		return err
	})
	return out
}

// bring copies a file of this machine into the other one's /root.
func (m *machine) bring(path string) string {
	m.t.Helper()
	to := filepath.Join("/root", filepath.Base(path))
	run(m.t, "cp", "-L", path, filepath.Join(m.root, to))
	return to
}
