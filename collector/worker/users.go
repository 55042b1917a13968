package worker

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// users names the owners of processes.
type users struct {
	files *files
	names map[uint32]string
	at    time.Time // when the file that they are from was changed
}

func newUsers(f *files) *users { return &users{files: f} }

// of returns the owner of a process.
func (u *users) of(pid int) (uint32, bool) {
	var st unix.Stat_t
	err := unix.Stat(u.files.proc(pid, ""), &st)
	return st.Uid, err == nil
}

// name returns a user's name, or the number where /etc/passwd has none: other
// directories of users (LDAP) would mean asking the network.
func (u *users) name(uid uint32) string {
	if u.names[uid] == "" {
		u.learn()
	}
	if n := u.names[uid]; n != "" {
		return n
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// learn reads the file when it has changed: users come while the agent runs.
func (u *users) learn() {
	path := u.files.path("etc", "passwd")
	info, err := os.Stat(path)
	if err != nil || info.ModTime().Equal(u.at) {
		return
	}
	if b, err := u.files.read(path); err == nil {
		u.names, u.at = parsePasswd(b), info.ModTime()
	}
}

// parsePasswd reads passwd(5).
func parsePasswd(b []byte) map[uint32]string {
	out := map[uint32]string{}
	for line := range bytes.Lines(b) {
		f := bytes.SplitN(line, []byte{':'}, 4)
		if len(f) < 4 {
			continue
		}
		uid, err := strconv.ParseUint(string(f[2]), 10, 32)
		if name := clean(string(f[0])); err == nil && out[uint32(uid)] == "" {
			out[uint32(uid)] = name
		}
	}
	return out
}
