package compat

import (
	"time"

	"golang.org/x/sys/unix"
)

// ThisNode asks the kernel once (uname(2), sysinfo(2)).
func ThisNode() (NodeFacts, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return NodeFacts{}, err
	}
	f := NodeFacts{
		Sysname: unix.ByteSliceToString(u.Sysname[:]), Release: unix.ByteSliceToString(u.Release[:]), Version: unix.ByteSliceToString(u.Version[:]),
		Machine: unix.ByteSliceToString(u.Machine[:]), Nodename: unix.ByteSliceToString(u.Nodename[:]), Domainname: unix.ByteSliceToString(u.Domainname[:]),
	}
	var i unix.Sysinfo_t
	if err := unix.Sysinfo(&i); err == nil {
		f.Boot = time.Now().Add(-time.Duration(i.Uptime) * time.Second)
	}
	return f, nil
}
