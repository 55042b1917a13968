package main

import (
	"os"
	"strings"
	"unsafe"
)

// hideArguments blanks what follows the subcommand in this process's arguments
// as others see them (/proc/PID/cmdline), and returns copies of args.
//
// Clean-up scripts of task engines kill every process whose arguments contain,
// say, the name of their worker program; "nodemeter run -- THAT PROGRAM" would be
// killed with it and the recording would never be summarized.
func hideArguments(args []string) []string {
	kept := make([]string, len(args))
	for i, a := range args {
		kept[i] = strings.Clone(a)
	}
	if len(os.Args) < 3 {
		return kept
	}
	for _, a := range os.Args[2:] {
		// The runtime's strings of os.Args are the process's argument area
		// itself, which is writable and nobody else's.
		clear(unsafe.Slice(unsafe.StringData(a), len(a)))
	}
	return kept
}
