package worker

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// stat is what /proc/PID/stat says of a process (proc_pid_stat(5)).
type stat struct {
	pid           int
	comm          []byte // may hold any byte but NUL, parentheses and newlines too
	state         byte   // Z is a zombie: ended, not yet waited for
	ppid          int
	group         int // process group
	session       int
	own           uint64 // user and system time, in ticks of a hundredth of a second
	children      uint64 // the same of children that ended and were waited for, and of theirs
	threads       int64
	start         uint64 // ticks after boot
	resident      int64  // pages
	isThread      bool   // a thread other than the first: /proc has it, a listing does not
	kernelThread  bool
	startedByInit bool
}

// Field numbers of proc_pid_stat(5), which counts from 1.
const (
	fieldState     = 3
	fieldPPID      = 4
	fieldGroup     = 5
	fieldSession   = 6
	fieldFlags     = 9
	fieldUser      = 14
	fieldSystem    = 15
	fieldChildUser = 16
	fieldChildSys  = 17
	fieldThreads   = 20
	fieldStart     = 22
	fieldResident  = 24
	fieldExitSig   = 38
)

// kthread is PF_KTHREAD of linux/sched.h.
const kthread = 0x00200000

var errShort = errors.New("cut short")

// parseStat reads /proc/PID/stat. comm points into b.
func parseStat(b []byte) (stat, error) {
	var s stat
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 2 || end < open {
		return s, errShort
	}
	pid, err := decimal(b[:open-1])
	if err != nil || pid > math.MaxInt32 || b[open-1] != ' ' {
		return s, fmt.Errorf("process id %.20q", b[:open])
	}
	s.pid, s.comm = int(pid), b[open+1:end]
	return s, s.fields(b[end+1:])
}

// fields reads what follows the name: field 3 and up.
func (s *stat) fields(b []byte) error {
	n := fieldState
	for f := range bytes.FieldsSeq(b) {
		if n == fieldState {
			s.state = f[0]
		} else if n <= fieldExitSig {
			v, err := signed(f)
			if err != nil {
				return fmt.Errorf("field %d: %w", n, err)
			}
			s.set(n, v)
		}
		n++
	}
	if n <= fieldExitSig {
		return errShort
	}
	s.startedByInit = s.ppid <= 1
	return nil
}

func (s *stat) set(n int, v int64) {
	switch n {
	case fieldPPID:
		s.ppid = int(v)
	case fieldGroup:
		s.group = int(v)
	case fieldSession:
		s.session = int(v)
	case fieldFlags:
		s.kernelThread = v&kthread != 0
	case fieldUser, fieldSystem:
		s.own += uint64(max(v, 0))
	case fieldChildUser, fieldChildSys:
		s.children += uint64(max(v, 0))
	case fieldThreads:
		s.threads = max(v, 0)
	case fieldStart:
		s.start = uint64(max(v, 0))
	case fieldResident:
		s.resident = max(v, 0)
	case fieldExitSig:
		s.isThread = v < 0
	}
}

// decimal parses an unsigned number. Saturates instead of overflowing: fields
// of stat that nobody reads, such as rsslim, use all 64 bits.
func decimal(b []byte) (uint64, error) {
	if len(b) == 0 {
		return 0, errors.New("a number is missing")
	}
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%.30q is not a number", b)
		}
		if v > (math.MaxUint64-9)/10 {
			v = math.MaxUint64 / 10
		}
		v = v*10 + uint64(c-'0')
	}
	return v, nil
}

// signed parses a number with an optional minus sign, saturated to 64 bits.
func signed(b []byte) (int64, error) {
	digits, negative := bytes.CutPrefix(b, []byte{'-'})
	v, err := decimal(digits)
	if v > math.MaxInt64 {
		v = math.MaxInt64
	}
	if negative {
		return -int64(v), err
	}
	return int64(v), err
}
