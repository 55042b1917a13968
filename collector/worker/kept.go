package worker

import (
	"os"

	"golang.org/x/sys/unix"
)

// maxKept bounds the descriptors that are kept open between ticks: half are left
// to control groups, those of 60 jobs in all hierarchies of version 1. Whatever
// is beyond it is opened for each read.
const maxKept = 512

// keptFile is an open file.
type keptFile struct {
	fd   int
	file *os.File // owns fd, and closes it when the Source is forgotten
	tick uint64   // that read it last
}

// mostKept is how many descriptors are kept: no more than a quarter of those
// that the process may have.
func mostKept() int {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return int(min(l.Cur/4, maxKept))
}

// readKept reads the file whose name is in f.name as readNamed does, and keeps
// its descriptor: the kernel makes the text anew for each read from offset 0.
// A read of what is gone fails, even if another has the name since. After any
// failure the name is opened, so that the answer is about what bears it now.
func (f *files) readKept() ([]byte, error) { return f.readAmong(f.mostKept) }

// readProcKept reads a file of a process as readKept does.
func (f *files) readProcKept(pid int, name string) ([]byte, error) {
	f.nameProc(pid, name)
	return f.readAmong(f.mostKept / 2)
}

// readAmong keeps the file if fewer than most are kept.
func (f *files) readAmong(most int) ([]byte, error) {
	if k := f.kept[string(f.name)]; k != nil {
		if b, err := f.fill(k.fd, true); err == nil {
			k.tick = f.tick
			return b, nil
		}
		f.drop(string(f.name), k)
	}
	fd, err := open(f.name)
	if err != nil {
		return nil, named(f.name, err)
	}
	b, err := f.fill(fd, false)
	if err != nil || len(f.kept) >= most || !f.keep(fd) {
		unix.Close(fd)
	}
	return b, err
}

// keep decides about a descriptor just opened: true leaves it open. Elsewhere
// than on the kernel's own file systems it would go on showing a file that was
// removed.
func (f *files) keep(fd int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil {
		return false
	}
	switch fs.Type {
	case unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.PROC_SUPER_MAGIC:
	default:
		return false
	}
	// A descriptor that does not wait would be watched by the runtime.
	if unix.SetNonblock(fd, false) != nil {
		return false
	}
	name := string(f.name)
	f.kept[name] = &keptFile{fd: fd, file: os.NewFile(uintptr(fd), name), tick: f.tick}
	return true
}

func (f *files) drop(name string, k *keptFile) {
	_ = k.file.Close()
	delete(f.kept, name)
}

// closeUnread closes what this tick has not read: files of groups that ended.
func (f *files) closeUnread() {
	for name, k := range f.kept {
		if k.tick != f.tick {
			f.drop(name, k)
		}
	}
}
