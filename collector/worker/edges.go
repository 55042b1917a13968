package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// edges notes the moments at which control groups are made and removed, so that
// a job that is shorter than a tick is not missed and one that is longer has
// its exact start and end. The kernel tells (inotify(7)): a node on which no job
// begins or ends costs nothing, and jobs need not be listed at every tick.
//
// A goroutine of its own waits for the kernel; everything else is the caller's.
type edges struct {
	mu       sync.Mutex
	asked    bool     // the kernel, or it must not be any more
	file     *os.File // nil where the kernel refuses; then jobs are found by listing
	fd       int
	watched  map[string]int32 // directories
	dirs     map[int32]string
	happened []edge
	lost     bool // more happened than was kept
}

// edge is that a group was made or removed.
type edge struct {
	dir, name string
	removed   bool
	at        time.Time
}

// maxEdges bounds what is kept between two ticks.
const maxEdges = 4096

// newEdges asks the kernel for nothing yet.
func newEdges() *edges {
	return &edges{watched: map[string]int32{}, dirs: map[int32]string{}}
}

// open begins to wait for the kernel, at the first directory there is to watch.
func (e *edges) open() {
	if e.asked {
		return
	}
	e.asked = true
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return
	}
	e.fd, e.file = fd, os.NewFile(uintptr(fd), "inotify")
	go e.follow(e.file)
}

// close ends the goroutine; nothing is watched any more.
func (e *edges) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = true
	if e.file != nil {
		e.file.Close()
		e.file = nil
	}
}

// watch begins to note what happens in a directory; ok is false where the
// kernel refuses.
func (e *edges) watch(dir string) (ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.add(dir)
}

func (e *edges) add(dir string) bool {
	e.open()
	if e.file == nil {
		return false
	}
	if _, known := e.watched[dir]; known {
		return true
	}
	wd, err := unix.InotifyAddWatch(e.fd, dir, unix.IN_CREATE|unix.IN_DELETE|unix.IN_ONLYDIR)
	if err != nil {
		return false
	}
	e.watched[dir], e.dirs[int32(wd)] = int32(wd), dir
	return true
}

// take returns what happened since the call before; lost says that this is not all.
func (e *edges) take() (happened []edge, lost bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	happened, lost = e.happened, e.lost
	e.happened, e.lost = nil, false
	return happened, lost
}

// follow waits for the kernel's events until the file is closed.
func (e *edges) follow(file *os.File) {
	buf := make([]byte, 16<<10)
	for {
		n, err := file.Read(buf)
		at := time.Now()
		if err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return
		}
		e.note(buf[:n], at)
	}
}

// note keeps events: struct inotify_event and a name each.
func (e *edges) note(b []byte, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		if end > len(b) {
			return
		}
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:end], []byte{0})
		b = b[end:]
		dir := e.dirs[wd]
		switch {
		case mask&unix.IN_IGNORED != 0: // the directory is gone, whatever else was lost
			delete(e.dirs, wd)
			if e.watched[dir] == wd {
				delete(e.watched, dir)
			}
		case mask&unix.IN_Q_OVERFLOW != 0: // that some are gone may be lost too
			e.lost = true
			clear(e.watched)
		case len(e.happened) >= maxEdges:
			e.lost = true
		case mask&(unix.IN_CREATE|unix.IN_DELETE) != 0 && mask&unix.IN_ISDIR != 0:
			e.keep(edge{dir: dir, name: string(name), removed: mask&unix.IN_DELETE != 0, at: at})
		}
	}
}

// keep keeps one event. Version 1 has a directory for each user between a
// slurmd's and the jobs': one that was made just now may have jobs already.
func (e *edges) keep(what edge) {
	e.happened = append(e.happened, what)
	if what.removed || !strings.HasPrefix(what.name, "uid_") {
		return
	}
	dir := what.dir + "/" + what.name
	if !e.add(dir) {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // gone again
	}
	for _, d := range entries {
		if d.IsDir() && len(e.happened) < maxEdges {
			e.happened = append(e.happened, edge{dir: dir, name: d.Name(), at: what.at})
		}
	}
}
