package tasks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"nodemeter/analysis"
)

// Manifest says which file belongs to which configuration, because a metrics.csv
// says neither engine nor nodes nor cores.
type Manifest struct {
	Runs []Run
}

// Run is one file of tasks. Nodes, Cores and GPUs are totals over all nodes; 0 is
// unknown. Runs with the same label (or, without one, the same engine, nodes
// and cores) are repeats of one configuration.
type Run struct {
	File               string
	Engine, Label      string
	Nodes, Cores, GPUs float64
	// Zone is what the file's times without a zone are in; nil leaves it to Options.
	Zone *time.Location
}

// manifestFile is runs.yaml.
type manifestFile struct {
	Zone string        `yaml:"zone"`
	Runs []manifestRun `yaml:"runs"`
}

type manifestRun struct {
	File   string  `yaml:"file"`
	Label  string  `yaml:"label"`
	Engine string  `yaml:"engine"`
	Nodes  float64 `yaml:"nodes"`
	Cores  float64 `yaml:"cores"`
	GPUs   float64 `yaml:"gpus"`
	Zone   string  `yaml:"zone"`
}

// ReadManifest reads a runs.yaml. Files are relative to its directory. Errors show the
// lines they are about.
func ReadManifest(path string) (*Manifest, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	m, err := ParseManifest(text, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %s: %w", path, err)
	}
	return m, nil
}

// ParseManifest reads the text of a runs.yaml; dir is where its files are.
func ParseManifest(text []byte, dir string) (*Manifest, error) {
	var f manifestFile
	if err := analysis.UnmarshalYAML(text, &f, yaml.Strict()); err != nil {
		return nil, errors.New(inWords(yaml.FormatError(err, false, true)))
	}
	if len(f.Runs) == 0 {
		return nil, errors.New("no runs; list them as\nruns:\n  - file: pcs-1/metrics.csv\n    engine: ray\n    nodes: 2\n    cores: 128")
	}
	common, err := zoneNamed(f.Zone)
	if err != nil {
		return nil, at(text, "$.zone", err)
	}
	m := &Manifest{}
	seen := map[string]int{}
	for i, r := range f.Runs {
		run, field, err := r.run(dir, common)
		if err != nil {
			return nil, at(text, fmt.Sprintf("$.runs[%d]%s", i, field), err)
		}
		file := realPath(run.File)
		if first, ok := seen[file]; ok {
			return nil, at(text, fmt.Sprintf("$.runs[%d].file", i), fmt.Errorf("the file of run %d again", first+1))
		}
		seen[file] = i
		m.Runs = append(m.Runs, run)
	}
	return m, nil
}

// inWords takes Go out of a message of the YAML library.
func inWords(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if at, _, ok := strings.Cut(lines[0], "cannot unmarshal"); ok {
		lines[0] = at + "not the kind of value that belongs here"
		if strings.HasSuffix(text, "float64") || strings.Contains(text, "of type float64") {
			lines[0] = at + "want a number here"
		}
	}
	return strings.Join(lines, "\n")
}

// run checks one entry; field is the path of what is wrong.
func (r manifestRun) run(dir string, common *time.Location) (run Run, field string, err error) {
	if r.File == "" {
		return run, "", errors.New("a run needs a file")
	}
	for _, n := range []struct {
		name  string
		value float64
	}{{"nodes", r.Nodes}, {"cores", r.Cores}, {"gpus", r.GPUs}} {
		if !(n.value >= 0) || n.value > 1e9 {
			return run, "." + n.name, fmt.Errorf("%s must be a number that is not negative", n.name)
		}
	}
	zone, err := zoneNamed(r.Zone)
	if err != nil {
		return run, ".zone", err
	}
	if zone == nil {
		zone = common
	}
	file := r.File
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	return Run{File: file, Label: r.Label, Engine: r.Engine, Nodes: r.Nodes, Cores: r.Cores, GPUs: r.GPUs, Zone: zone}, "", nil
}

// zoneNamed finds a time zone; nil for no name.
func zoneNamed(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	if strings.EqualFold(name, "local") {
		return time.Local, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q is not known; give a name such as Europe/Berlin, UTC or local", name)
	}
	return loc, nil
}

// at adds to an error the lines of the manifest that it is about.
func at(text []byte, path string, err error) error {
	p, perr := yaml.PathString(path)
	if perr != nil {
		return err
	}
	excerpt, perr := p.AnnotateSource(text, false)
	if perr != nil {
		return err
	}
	return fmt.Errorf("%w\n%s", err, strings.TrimRight(string(excerpt), "\n"))
}

// FindRuns makes runs of paths: a runs.yaml is read, a directory stands for its
// runs.yaml or, without one, for the metrics.csv files under it, and any other file is a
// run by itself, "-" standard input. What each describes comes from like.
func FindRuns(paths []string, like Run) (*Manifest, error) {
	m := &Manifest{}
	for _, path := range paths {
		if path == "-" {
			run := like
			run.File = path
			m.Runs = append(m.Runs, run)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("find tasks: %w", err)
		}
		runs, err := runsAt(path, info.IsDir(), like)
		if err != nil {
			return nil, err
		}
		m.Runs = append(m.Runs, runs...)
	}
	return m, m.Add()
}

// Add appends runs. A file that is there already is an error: its tasks would count twice.
func (m *Manifest) Add(runs ...Run) error {
	m.Runs = append(m.Runs, runs...)
	seen := map[string]bool{}
	for _, r := range m.Runs {
		file := realPath(r.File)
		if seen[file] {
			return fmt.Errorf("find tasks: %s is named twice; its tasks would count twice", r.File)
		}
		seen[file] = true
	}
	return nil
}

// realPath is the same for two names of one file: absolute, symbolic links followed.
// A file that is not there keeps its name; opening it says why.
func realPath(path string) string {
	if path == "-" {
		return path
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return filepath.Clean(path)
	}
	if abs, err := filepath.Abs(real); err == nil {
		return abs
	}
	return real
}

func runsAt(path string, dir bool, like Run) ([]Run, error) {
	if dir {
		if list := filepath.Join(path, "runs.yaml"); exists(list) {
			path = list
		} else {
			return runsUnder(path, like)
		}
	}
	if ext := strings.ToLower(filepath.Ext(path)); ext == ".yaml" || ext == ".yml" {
		m, err := ReadManifest(path)
		if err != nil {
			return nil, err
		}
		return m.Runs, nil
	}
	like.File = path
	return []Run{like}, nil
}

func runsUnder(dir string, like Run) ([]Run, error) {
	files, err := metricsFiles(dir)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("find tasks: no metrics.csv under %s", dir)
	}
	var out []Run
	for _, f := range files {
		run := like
		run.File = f
		out = append(out, run)
	}
	return out, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// metricsFiles finds the task files of QTau and pilot-quantum under a directory, to a
// depth of four.
func metricsFiles(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if d.IsDir() && strings.Count(rel, string(filepath.Separator)) >= 4 {
			return filepath.SkipDir
		}
		if name := d.Name(); !d.IsDir() && (name == "metrics.csv" || strings.HasSuffix(name, "-metrics.csv")) {
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find tasks: %w", err)
	}
	slices.Sort(out)
	return out, nil
}
