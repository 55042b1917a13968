package main

import (
	"fmt"
	"io"

	"nodemeter/collector/window"
	"nodemeter/gpu"
)

// readerCommand is the hidden subcommand that package gpu starts.
const readerCommand = "gpu-reader"

// child runs what nodemeterd starts itself for, in a process of its own: reading
// the GPUs, whose driver may hang or end its process, and sealing a window,
// whose memory is then given back. ok is false for a command line of people.
func child(args []string, in io.Reader, out, errs io.Writer) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch args[0] {
	case readerCommand:
		return gpu.ReaderMain(args[1:], in, out), true
	case sealCommand:
		if len(args) != 2 {
			fmt.Fprintf(errs, "usage: nodemeterd %s JOURNAL\n", sealCommand)
			return 2, true
		}
		if err := window.SealJournal(args[1]); err != nil {
			fmt.Fprintln(errs, err)
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
