package worker

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// pilot is what QTau's agent process says on its command line: which service
// it serves and which pilot it is. Workers are joined to it by the address of
// the scheduler, which the service writes to a file.
type pilot struct {
	name    string
	file    string // JSON with agent_scheduler_address
	service string // base name of the service's directory, pcs-UUID
	address string
	pid     int
}

// matchPilot recognizes QTau's agent, and that of its ancestor Pilot-Quantum.
func matchPilot(st *stat, args func() []string) (found, bool) {
	if !bytes.HasPrefix(st.comm, []byte("python")) {
		return found{}, false
	}
	module, rest := script(args())
	if !strings.HasPrefix(module, "qtau.plugins.") && !strings.HasPrefix(module, "pilot.plugins.") || !strings.HasSuffix(module, ".agent") {
		return found{}, false
	}
	file := option(rest, "-f")
	return found{agent: &pilot{
		name: clean(option(rest, "-n")), file: file, pid: st.pid, service: clean(path.Base(path.Dir(file))),
	}}, file != ""
}

// maxScheduler bounds what is read of a scheduler file.
const maxScheduler = 64 << 10

// schedulerAddress reads the address of the scheduler from the service's file.
// The path is what a user's process says, so the file must be a regular one
// that belongs to that user.
func (f *files) schedulerAddress(file string, uid uint32) string {
	fd, err := open([]byte(f.path(file)))
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != uid {
		return ""
	}
	b := make([]byte, maxScheduler)
	n, err := unix.Read(fd, b)
	if err != nil {
		return ""
	}
	return parseSchedulerFile(b[:n])
}

func parseSchedulerFile(b []byte) string {
	var doc struct {
		Address string `json:"agent_scheduler_address"`
	}
	if json.Unmarshal(b, &doc) != nil {
		return ""
	}
	return bareAddress(clean(doc.Address))
}

// bareAddress drops the protocol of an address: tcp://10.0.0.1:8786.
func bareAddress(s string) string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		return rest
	}
	return s
}
