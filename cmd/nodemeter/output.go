package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// writeOutput writes to stdout, or to a temporary file that takes path's name
// only when it is complete, so that no half file is left behind. A link keeps
// pointing where it does; a device or pipe is written to and never replaced.
func writeOutput(ctx context.Context, stdout io.Writer, path string, write func(io.Writer) error) error {
	switch path {
	case "-":
		return write(stopped{ctx, stdout})
	case "":
		return usagef("the output needs a file name, or - for standard output")
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	switch {
	case err != nil: // a new file
	case info.IsDir():
		return fmt.Errorf("%s is a directory: name a file in it", path)
	case !info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(stopped{ctx, f}), f.Close())
	}
	tmp, err := createBeside(path)
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := errors.Join(write(stopped{ctx, tmp}), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// createBeside makes a file in path's directory that only the umask keeps from others, as
// the finished one is to be.
func createBeside(path string) (*os.File, error) {
	for {
		name := fmt.Sprintf(".%s.%08x", strings.TrimPrefix(filepath.Base(path), "."), rand.Uint32())
		f, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// stopped makes a long write end when the command is interrupted.
type stopped struct {
	ctx context.Context
	w   io.Writer
}

func (s stopped) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}
