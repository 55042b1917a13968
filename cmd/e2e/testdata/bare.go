// What a Go program cannot cost less than that wakes up HZ times a second and
// reads the files of the host sources, with what the agent does about it: one
// thread for Go code, its timer slack, a timer of the kernel's, kept descriptors.
// It does nothing with what it reads, forever.
package main

import (
	"log"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	hz, err := strconv.Atoi(os.Args[1])
	check(err)
	runtime.GOMAXPROCS(1)
	const slack = 1_000_000 // ns, as the agent's; a new start gives it to Go's own threads too
	if now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || now != slack {
		check(unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0))
		check(unix.Exec("/proc/self/exe", os.Args, os.Environ()))
	}
	var files []int
	for _, path := range []string{"/proc/stat", "/proc/meminfo", "/proc/net/dev", "/proc/diskstats", "/proc/loadavg",
		"/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io"} {
		if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil { // a kernel without pressure has fewer
			files = append(files, fd)
		}
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	check(err)
	timer := os.NewFile(uintptr(fd), "timerfd")
	every := unix.NsecToTimespec(1e9 / int64(hz))
	check(unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil))
	var expirations [8]byte
	text := make([]byte, 1<<16)
	for {
		_, err := timer.Read(expirations[:])
		check(err)
		for _, fd := range files {
			_, err := unix.Pread(fd, text, 0)
			check(err)
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
