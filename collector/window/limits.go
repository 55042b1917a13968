package window

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ledger knows what the node's directory holds and keeps it within the limits:
// before anything grows, room is made by deleting the oldest closed windows,
// or the growth is refused. The writer and the sealer share it.
type ledger struct {
	opt  *Options
	mu   sync.Mutex
	list []*entry // by name, which is by time
	used int64    // bytes of all entries, and what sealing the open ones may take beside them
	gone int64    // windows deleted for a limit

	left  int64     // free on the file system, as of asked and less what was granted since
	asked time.Time // zero: must be asked for

	seen atomic.Pointer[totals] // what glance saw last
}

// totals is what a ledger sums up to.
type totals struct{ bytes, gone int64 }

// entry is a window: all files of one base name.
type entry struct {
	dir, base string
	slot      slotName
	bytes     int64 // on disk
	reserve   int64 // more, while it is sealed
	busy      bool  // open, or waiting to be sealed
}

// sealReserve is the room kept for sealing a journal of a size: SealJournal
// gives up on a file that grows beyond it.
func sealReserve(size int64) int64 { return size + 128<<10 }

// minMaxBytes is the least MaxBytes that makes sense.
const minMaxBytes = 1 << 20

func (l *ledger) at(path string) *entry {
	dir, name := filepath.Split(path)
	base := strings.TrimPrefix(strings.TrimSuffix(name, filepath.Ext(name)), "_")
	i, ok := slices.BinarySearchFunc(l.list, base, func(e *entry, base string) int { return strings.Compare(e.base, base) })
	if !ok {
		slot, _ := parseSlot(base)
		l.list = slices.Insert(l.list, i, &entry{dir: dir, base: base, slot: slot})
	}
	return l.list[i]
}

// found takes a file of an earlier run into account.
func (l *ledger) found(path string, size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.at(path)
	e.bytes += size
	l.used += size
}

// grow asks for n more bytes in an open journal, and for what sealing them
// will take. It deletes old windows where that makes room, and refuses
// otherwise.
func (l *ledger) grow(path string, size, n int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.at(path)
	e.busy = true
	more := n + sealReserve(size+n) - e.reserve
	if err := l.room(more, n); err != nil {
		return err
	}
	l.used += more
	e.bytes += n
	e.reserve += more - n
	return nil
}

// sealing marks a journal that waits to be sealed: it must not be deleted now.
func (l *ledger) sealing(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at(path).busy = true
}

// cut takes back what grow granted and was not written.
func (l *ledger) cut(path string, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.at(path)
	e.bytes -= n
	l.used -= n
}

// closed takes a window as it is on disk now, sealed or given up, or forgets one that is gone.
func (l *ledger) closed(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.at(path)
	l.used -= e.bytes + e.reserve
	e.bytes, e.reserve, e.busy = 0, 0, false
	for _, p := range e.files() {
		if st, err := os.Lstat(p); err == nil {
			e.bytes += st.Size()
		}
	}
	l.used += e.bytes
	if e.bytes == 0 {
		l.forget(e)
	}
}

func (l *ledger) forget(e *entry) {
	l.list = slices.DeleteFunc(l.list, func(o *entry) bool { return o == e })
}

func (e *entry) files() []string {
	return []string{
		e.dir + e.base + extSealed, e.dir + "_" + e.base + extManifest,
		e.dir + "_" + e.base + extJournal, e.dir + "_" + e.base + extTemp,
	}
}

// room makes room for more bytes in the ledger, of which now go to the disk at once.
func (l *ledger) room(more, now int64) error {
	if limit := l.opt.MaxBytes; limit > 0 {
		for l.used+more > limit {
			if err := l.evict(); err != nil {
				return fmt.Errorf("limit of %d bytes reached: %w", limit, err)
			}
		}
	}
	if l.opt.MinFree <= 0 {
		return nil
	}
	if l.plenty(now) {
		return nil
	}
	free, err := l.opt.free(l.opt.Dir)
	if err != nil {
		return fmt.Errorf("free space: %w", err)
	}
	l.left, l.asked = free-now, time.Now()
	short := l.opt.MinFree + now - free
	if short <= 0 {
		return nil
	}
	if l.evictable() < short { // others fill the disk: deleting everything would not help
		return fmt.Errorf("only %d bytes are free on the file system, %d have to stay so", free, l.opt.MinFree)
	}
	for ; short > 0; short = l.opt.MinFree + now - free {
		if err := l.evict(); err != nil {
			return err
		}
		if free, err = l.opt.free(l.opt.Dir); err != nil {
			return fmt.Errorf("free space: %w", err)
		}
	}
	return nil
}

// askFree is how long the answer holds how much is free on the file system, where
// it is twice what must stay so: what others write meanwhile is theirs.
const askFree = 10 * time.Second

// plenty reports whether there is so much room that it need not be asked for
// anew, as a few bytes a tick would.
func (l *ledger) plenty(now int64) bool {
	if time.Since(l.asked) >= askFree || l.left-now < 2*l.opt.MinFree {
		return false
	}
	l.left -= now
	return true
}

func (l *ledger) evictable() (n int64) {
	for _, e := range l.list {
		if !e.busy {
			n += e.bytes
		}
	}
	return n
}

var errNothingToDelete = errors.New("there is no older window left to delete")

// evict deletes the oldest window that is closed.
func (l *ledger) evict() error {
	for _, e := range l.list {
		if !e.busy {
			return l.remove(e)
		}
	}
	return errNothingToDelete
}

// remove deletes a window. The sealed file goes last: a window is either there
// or not.
func (l *ledger) remove(e *entry) error {
	for _, p := range slices.Backward(e.files()) {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete an old window: %w", err)
		}
	}
	os.Remove(e.dir) // its date, when this was the last of it
	l.used -= e.bytes + e.reserve
	l.gone++
	l.forget(e)
	l.opt.Log.Debug("window deleted for a limit", "window", e.base, "bytes", e.bytes)
	return nil
}

// expire deletes windows older than MaxAge.
func (l *ledger) expire(now time.Time) error {
	if l.opt.MaxAge <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := 0; i < len(l.list); {
		e := l.list[i]
		if e.busy || now.Sub(e.slot.to()) <= l.opt.MaxAge {
			i++
			continue
		}
		if err := l.remove(e); err != nil {
			return err
		}
	}
	return nil
}

// totals is the bytes on disk now, and how many windows were deleted.
func (l *ledger) totals() (bytes, gone int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.list {
		bytes += e.bytes
	}
	return bytes, l.gone
}

// glance is totals without waiting: while room is being made on a disk that
// hangs, it is what they were before.
func (l *ledger) glance() (bytes, gone int64) {
	if l.mu.TryLock() {
		t := totals{gone: l.gone}
		for _, e := range l.list {
			t.bytes += e.bytes
		}
		l.seen.Store(&t)
		l.mu.Unlock()
	}
	if t := l.seen.Load(); t != nil {
		return t.bytes, t.gone
	}
	return 0, 0
}

// freeSpace is what an unprivileged process may still write on a file system.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Frsize, nil
}
