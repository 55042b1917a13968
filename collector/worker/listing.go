package worker

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// listing reads directories into a buffer of its own: /proc and the control
// groups are listed again and again.
type listing struct {
	buf [16 << 10]byte
}

// Offsets of struct linux_dirent64 (getdents64(2)).
const (
	direntLength = 16
	direntType   = 18
	direntName   = 19
)

// next reads the next entries of an open directory, no more than fit into room
// bytes, and calls add for each but "." and ".."; a name is valid during the
// call. end says that there are no more.
func (l *listing) next(fd, room int, add func(name []byte, dir bool)) (end bool, err error) {
	var n int
	for {
		n, err = unix.Getdents(fd, l.buf[:min(room, len(l.buf))])
		if err != unix.EINTR {
			break
		}
	}
	if err != nil || n <= 0 {
		return true, err
	}
	for b := l.buf[:n]; len(b) > direntName; {
		length := int(binary.NativeEndian.Uint16(b[direntLength:]))
		if length <= direntName || length > len(b) {
			break
		}
		name := b[direntName:length]
		for i, c := range name {
			if c == 0 {
				name = name[:i]
				break
			}
		}
		if string(name) != "." && string(name) != ".." {
			add(name, b[direntType] == unix.DT_DIR)
		}
		b = b[length:]
	}
	return false, nil
}

// all lists a whole directory.
func (l *listing) all(path []byte, add func(name []byte, dir bool)) error {
	fd, err := open(path)
	if err != nil {
		return named(path, err)
	}
	defer unix.Close(fd)
	for {
		end, err := l.next(fd, len(l.buf), add)
		if err != nil {
			return named(path, err)
		}
		if end {
			return nil
		}
	}
}

// number parses a process number, and nothing that only looks like one.
func number[T string | []byte](s T) (int, bool) {
	if len(s) == 0 || len(s) > 9 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, n > 0
}
