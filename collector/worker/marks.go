package worker

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nodemeter/collector/metric"
)

// A mark is a small file that a prolog run by the resource manager writes for a
// job: whose it is, and when it began. It tells an agent without privileges
// what the environment of other users' processes does not, and a user cannot
// forge it: the directory and the file must belong to root or to the agent's
// own user, and nobody else may write to them. It is looked at when a job's
// control group is found, never listed: marks of jobs that are gone cost nothing.
type mark struct {
	labels  []metric.Label
	user    string
	started time.Time // zero: not told
	gpus    int64
	hasGPU  bool
	cpus    int64 // 0: not told
}

// maxMark bounds the bytes of a mark.
const maxMark = 4096

// errNoMark: there is none, which is not an error.
var errNoMark = errors.New("no mark")

// readMark reads the mark of a job: DIR/JOB@NODE, or DIR/JOB on a machine with
// one slurmd.
func (s *Source) readMark(job, node string) (mark, error) {
	if _, ok := number(job); !ok || s.o.Marks == "" {
		return mark{}, errNoMark
	}
	names := []string{job}
	if node != "" && !strings.ContainsRune(node, '/') {
		names = []string{job + "@" + node, job}
	}
	for _, name := range names {
		path := filepath.Join(s.o.Marks, name)
		b, err := readTrusted(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return mark{}, fmt.Errorf("%s: %w", path, err)
		}
		m, err := parseMark(b, job)
		if err != nil {
			return mark{}, fmt.Errorf("%s:%w", path, err)
		}
		return m, nil
	}
	return mark{}, errNoMark
}

// readTrusted reads a small file that only root or the agent's own user can
// have written, as can its directory.
func readTrusted(path string) ([]byte, error) {
	dir, err := unix.Open(filepath.Dir(path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	if err := trusted(dir, unix.S_IFDIR); err != nil {
		return nil, fmt.Errorf("its directory %w", err)
	}
	fd, err := unix.Openat(dir, filepath.Base(path), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := trusted(fd, unix.S_IFREG); err != nil {
		return nil, err
	}
	b := make([]byte, maxMark+1)
	n, err := unix.Read(fd, b)
	if err != nil {
		return nil, err
	}
	if n > maxMark {
		return nil, fmt.Errorf("has more than %d bytes", maxMark)
	}
	return b[:n], nil
}

// trusted reports who else could have written to what is open.
func trusted(fd int, kind uint32) error {
	var st unix.Stat_t
	switch err := unix.Fstat(fd, &st); {
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != kind:
		return errors.New("is not of the kind it must be")
	case st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return fmt.Errorf("belongs to user %d: neither to root nor to the agent", st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("has mode %04o: others may write to it", st.Mode&0o7777)
	}
	return nil
}

// parseMark reads lines of KEY=VALUE; an error begins with the line's number.
// Keys that are not known are of a newer version.
func parseMark(b []byte, job string) (mark, error) {
	var m mark
	said, n := "", 0
	for line := range bytes.Lines(b) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return mark{}, fmt.Errorf("%d: %.40q is not KEY=VALUE", n, text)
		}
		if key == "job" {
			said = value
		} else if err := m.set(key, value); err != nil {
			return mark{}, fmt.Errorf("%d: %s: %w", n, key, err)
		}
	}
	if said != job {
		return mark{}, fmt.Errorf("%d: it is of job %.20q", n, said)
	}
	return m, nil
}

// set takes one key's value.
func (m *mark) set(key, value string) (err error) {
	names := map[string]string{
		"name": "job_name", "array_job": "array_job", "array_task": "array_task", "partition": "partition", "account": "account",
	}
	switch key {
	case "user":
		m.user = clean(value)
	case "gpus":
		m.gpus, m.hasGPU = countList(value), value != ""
	case "cpus":
		m.cpus, err = positive(value)
	case "start":
		m.started, err = parseEpoch(value)
	default:
		if label := names[key]; label != "" {
			m.labels = append(m.labels, metric.Label{Name: label, Value: clean(value)})
		}
	}
	return err
}

// positive reads a count of at most a million.
func positive(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > 1e6 {
		return 0, fmt.Errorf("%.20q is not a number from 1 to a million", s)
	}
	return n, nil
}

// parseEpoch reads seconds since 1970, of this century.
func parseEpoch(s string) (time.Time, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 946684800 && v < 4102444800) {
		return time.Time{}, fmt.Errorf("%.30q is not a time in seconds since 1970", s)
	}
	return time.UnixMilli(int64(v * 1000)), nil
}

// marked completes a job's identity from its mark, which wins over what the
// job's processes say of themselves.
func (s *Source) marked(w *worker) {
	g := w.group
	if g.root == nil || g.depth > 0 || g.marked {
		return
	}
	m, err := s.readMark(g.job, g.root.node)
	if errors.Is(err, errNoMark) {
		return
	}
	g.marked = true
	if err != nil {
		s.o.Log.Warn("mark of a job is not used", "worker", g.id, "err", err)
		return
	}
	labels := append(m.labels, w.entity.Info...)
	if m.user != "" {
		g.user = m.user
		labels = append([]metric.Label{{Name: "user", Value: m.user}}, labels...)
	}
	w.entity = entity(g.id, labels)
	if !m.started.IsZero() && m.started.Before(w.started) && m.started.After(s.facts.boot) {
		w.started = m.started
	}
	if m.hasGPU {
		g.facts.gpus, g.facts.hasGPU = m.gpus, true
	}
	g.facts.cpus = max(g.facts.cpus, m.cpus)
}
