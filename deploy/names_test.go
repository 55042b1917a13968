package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// foreign are flags in these files that belong to other programs.
func foreign() map[string]string {
	out := map[string]string{}
	for program, flags := range map[string]string{
		"Slurm":      "--overlap --ntasks --ntasks-per-node --output",
		"Prometheus": "--enable-feature --http.config.file",
		"a build":    "--from",
		"setpriv":    "--clear-groups --regid --reuid",
		"Dask":       "--nworkers",
		"systemctl":  "--now",
	} {
		for f := range strings.FieldsSeq(flags) {
			out[f] = program
		}
	}
	return out
}

// sources is the text of all Go files but this directory's.
func sources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, dir := range []string{"../cmd", "../collector", "../exporter", "../gpu", "../analysis"} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") {
				b.WriteString(read(t, path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// named are the files whose names are checked: pages, and what an installation takes.
func named(t *testing.T) []string {
	t.Helper()
	var out []string
	add := func(path string) { out = append(out, path) }
	for _, p := range []string{"../README.md", "../CHANGELOG.md", "../docs/*.md"} {
		found, err := filepath.Glob(p)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", p, err)
		}
		out = append(out, found...)
	}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		// package builds packages and has what is generated from the commands, with tests of its own.
		skip := strings.HasPrefix(path, "grafana/render") || strings.HasPrefix(path, "package/") || strings.HasSuffix(path, ".go")
		if err == nil && !e.IsDir() && !skip {
			add(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// matches returns what a pattern's first group finds in a file, with the line.
func matches(text string, pattern *regexp.Regexp) map[string]int {
	out := map[string]int{}
	for n, line := range strings.Split(text, "\n") {
		for _, m := range pattern.FindAllStringSubmatch(line, -1) {
			if _, ok := out[m[1]]; !ok {
				out[m[1]] = n + 1
			}
		}
	}
	return out
}

var (
	flagWord   = regexp.MustCompile(`(?:^|[^\w-])(--[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*)`)
	variable   = regexp.MustCompile(`\b(NODEMETER_[A-Z_]*)`)
	subcommand = regexp.MustCompile("(?:`|^    |^\\$ |bin/|; |\\| )nodemeter ([a-z][a-z-]+)")
	heading    = regexp.MustCompile(`(?m)^## nodemeter ([a-z]+)`)
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	repoPath   = regexp.MustCompile(`(?:^|[\s` + "`" + `(])((?:deploy|docs|cmd|collector|analysis|exporter|gpu|testdata)/[A-Za-z0-9_.*/-]*[A-Za-z0-9_*])`)
)

// othersCommand reports whether a flag, by what stands before it in its code,
// belongs to a command line that begins with another program's name.
func othersCommand(before string, page bool) bool {
	code := strings.TrimSpace(before)
	if i := strings.LastIndex(before, "`"); strings.Count(before, "`")%2 == 1 {
		code = before[i+1:]
	} else if page && !strings.HasPrefix(before, "    ") {
		return false // prose: what it names is ours
	}
	words := strings.Fields(code)
	return len(words) > 0 && !strings.Contains(code, "nodemeter") && regexp.MustCompile(`^[a-z][a-z0-9_-]*$`).MatchString(words[0])
}

// TestEveryFlagNamedExists holds every flag, environment variable and subcommand
// that a page or an installed file names against the generated references.
func TestEveryFlagNamedExists(t *testing.T) {
	known := map[string]bool{"--help": true, "--version": true}
	variables := map[string]bool{}
	configuration, commands := read(t, "../docs/configuration.md"), read(t, "../docs/commands.md")
	for f := range matches(configuration+commands, flagWord) {
		known[f] = true
	}
	for v := range matches(configuration+sources(t), variable) { // settings, and what tests and commands look up
		variables[v] = true
	}
	subs := map[string]bool{"completion": true, "help": true}
	for _, m := range heading.FindAllStringSubmatch(commands, -1) {
		subs[m[1]] = true
	}
	others, seen, needed := foreign(), 0, map[string]bool{}
	for _, path := range named(t) {
		text := read(t, path)
		for n, line := range strings.Split(text, "\n") {
			for _, m := range flagWord.FindAllStringSubmatchIndex(line, -1) {
				f := line[m[2]:m[3]]
				if othersCommand(line[:m[2]], strings.HasSuffix(path, ".md")) {
					continue
				}
				needed[f] = true
				if seen++; !known[f] && others[f] == "" {
					t.Errorf("%s:%d: no program here has a flag %s (another program's goes into foreign)", path, n+1, f)
				}
			}
		}
		for v, line := range matches(text, variable) {
			if seen++; !variables[v] {
				t.Errorf("%s:%d: %s is no setting", path, line, v)
			}
		}
		for s, line := range matches(text, subcommand) {
			if seen++; !subs[s] {
				t.Errorf("%s:%d: nodemeter has no command %s", path, line, s)
			}
		}
	}
	for f, program := range others {
		if !needed[f] {
			t.Errorf("no file names %s's %s: take it out of the list", program, f)
		}
	}
	if seen < 200 {
		t.Errorf("only %d names found", seen)
	}
}

// TestEveryPathNamedExists holds links, with the headings they lead to, and paths
// of this repository in text.
func TestEveryPathNamedExists(t *testing.T) {
	seen := 0
	for _, path := range named(t) {
		text := read(t, path)
		for to, line := range matches(text, link) {
			file, anchor, _ := strings.Cut(to, "#")
			if strings.Contains(to, "://") || !strings.HasSuffix(path, ".md") {
				continue
			}
			seen++
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s:%d: link to %s: %v", path, line, to, err)
			} else if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s:%d: %s has no heading %s", path, line, target, anchor)
			}
		}
		for p, line := range matches(text, repoPath) {
			seen++
			found, err := filepath.Glob(filepath.Join("..", p))
			if err != nil || len(found) == 0 {
				t.Errorf("%s:%d: there is no %s", path, line, p)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d paths found", seen)
	}
}

// anchors are the names that a page's headings have in links.
func anchors(page string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(name, " ", "-"))
	}
	return out
}

var logged = regexp.MustCompile(`msg="([^"]+)"`)

// TestEveryLogLineQuotedExists holds the messages that pages quote against the sources.
func TestEveryLogLineQuotedExists(t *testing.T) {
	source := sources(t)
	seen := 0
	for _, path := range named(t) {
		for message, line := range matches(read(t, path), logged) {
			if seen++; !strings.Contains(source, "\""+message+"\"") {
				t.Errorf("%s:%d: nothing logs %q", path, line, message)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d messages found", seen)
	}
}
