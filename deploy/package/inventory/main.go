// Command inventory says what is in the programs of a release, from what the Go
// linker wrote into them: an SBOM (SPDX 2.3, JSON), and the licenses of
// everything they contain, which go with them.
//
//	inventory VERSION EPOCH OUT.spdx.json OUT-LICENSES BINARY...
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "inventory: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 5 {
		return errors.New("usage: inventory VERSION EPOCH OUT.spdx.json OUT-LICENSES BINARY [BINARY]")
	}
	epoch, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	programs := make([]program, 0, len(args)-4)
	for _, path := range args[4:] {
		p, err := read(path)
		if err != nil {
			return err
		}
		programs = append(programs, p)
	}
	sbom, err := json.MarshalIndent(spdx(args[0], time.Unix(epoch, 0).UTC(), programs), "", "  ")
	if err != nil {
		return fmt.Errorf("sbom: %w", err)
	}
	if err := os.WriteFile(args[2], append(sbom, '\n'), 0o644); err != nil {
		return fmt.Errorf("sbom: %w", err)
	}
	dirs, err := moduleDirs()
	if err != nil {
		return err
	}
	text, err := licenses(programs, dirs)
	if err != nil {
		return err
	}
	return os.WriteFile(args[3], text, 0o644)
}

// program is a binary and the modules in it.
type program struct {
	name, sha256 string
	goVersion    string
	modules      []module
}

type module struct{ path, version string }

// read takes a program's modules from its build information.
func read(path string) (program, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return program{}, fmt.Errorf("program: %w", err)
	}
	info, err := buildinfo.Read(bytes.NewReader(b))
	if err != nil {
		return program{}, fmt.Errorf("program %s: %w", path, err)
	}
	p := program{name: filepath.Base(path), sha256: fmt.Sprintf("%x", sha256.Sum256(b)), goVersion: info.GoVersion}
	for _, d := range info.Deps {
		p.modules = append(p.modules, used(d))
	}
	return p, nil
}

// used is the module that was really compiled.
func used(d *debug.Module) module {
	if d.Replace != nil {
		d = d.Replace
	}
	return module{d.Path, d.Version}
}

// union is every module of the programs, once, by name.
func union(programs []program) []module {
	all := map[module]bool{}
	for _, p := range programs {
		for _, m := range p.modules {
			all[m] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b module) int {
		return strings.Compare(a.path+"@"+a.version, b.path+"@"+b.version)
	})
}

// moduleDirs says where the source of each module is that the programs use.
func moduleDirs() (map[module]string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}", "nodemeter/cmd/...")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, &stderr)
	}
	dirs := map[module]string{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
			dirs[module{f[0], f[1]}] = f[2]
		}
	}
	return dirs, nil
}

// licenses is the text of every module's licenses and notices; one without any
// is an error, because it could not be given away.
func licenses(programs []program, dirs map[module]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("What nodemeterd and nodemeter contain, and under which terms.\n")
	for _, m := range union(programs) {
		found := 0
		for _, pattern := range []string{"LICENSE*", "LICENCE*", "COPYING*", "NOTICE*"} {
			paths, err := filepath.Glob(filepath.Join(dirs[m], pattern))
			if err != nil {
				return nil, err
			}
			for _, path := range paths {
				text, err := os.ReadFile(path)
				if err != nil {
					return nil, fmt.Errorf("license of %s: %w", m.path, err)
				}
				fmt.Fprintf(&b, "\n==== %s %s: %s\n\n%s\n", m.path, m.version, filepath.Base(path), bytes.TrimSpace(text))
				found++
			}
		}
		if found == 0 || dirs[m] == "" {
			return nil, fmt.Errorf("no license found of %s %s (looked in %q)", m.path, m.version, dirs[m])
		}
	}
	return b.Bytes(), nil
}
