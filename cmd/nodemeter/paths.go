package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// serviceDir is where the systemd service keeps its windows (StateDirectory=nodemeter).
const serviceDir = "/var/lib/nodemeter/windows"

// windowPaths returns the directories and files named on the command line. With
// none it is where an agent records by default: this user's state directory, or
// the service's; which one is said on stderr.
func windowPaths(args []string, stderr io.Writer) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	var tried []string
	for _, dir := range []string{stateDir(), serviceDir} {
		if dir == "" {
			continue
		}
		tried = append(tried, dir)
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
			fmt.Fprintf(stderr, "Reading %s\n", dir)
			return []string{dir}, nil
		}
	}
	return nil, fmt.Errorf("no recorded windows: none of %q exists; name a directory, or start nodemeterd to record one", tried)
}

// stateDir is the windows directory of an agent that this user started.
func stateDir() string {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "nodemeter", "windows")
}
