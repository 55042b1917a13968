package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/printer"
	"github.com/goccy/go-yaml/token"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// resolve fills in the flags that were not given, from the environment and the
// configuration file, and checks the outcome.
func (s *settings) resolve(fs *pflag.FlagSet, env lookup) error {
	if v, ok := env(envName("config.file")); ok && !fs.Changed("config.file") {
		s.configFile = v
	}
	var file []entry
	if s.configFile != "" {
		var err error
		if file, err = readConfig(s.configFile, fs); err != nil {
			return err
		}
	}
	s.place = func(b badSetting) error {
		f := fs.Lookup(b.name)
		_, inEnv := env(envName(b.name))
		i := slices.IndexFunc(file, func(e entry) bool { return e.name == b.name })
		switch {
		case !f.Changed && inEnv && configurable(b.name):
			return usagef("%s%s: %s", envName(b.name), b.shown(), b.reason)
		case f.Changed || i < 0:
			return usagef("--%s%s: %s", b.name, b.shown(), b.reason)
		}
		return positioned(s.configFile, file[i].at, b.name+": "+b.reason)
	}
	var failed error
	fs.VisitAll(func(f *pflag.Flag) {
		if failed != nil || f.Changed || !configurable(f.Name) {
			return
		}
		if v, ok := env(envName(f.Name)); ok {
			if err := set(f, strings.Split(v, ",")); err != nil {
				failed = usagef("%s=%q: %w", envName(f.Name), v, err)
			}
			return
		}
		i := slices.IndexFunc(file, func(e entry) bool { return e.name == f.Name })
		if i >= 0 {
			if err := set(f, file[i].values); err != nil {
				failed = positioned(s.configFile, file[i].at, err.Error())
			}
		}
	})
	if failed != nil {
		return failed
	}
	return s.placed(s.check())
}

// badSetting is a value that cannot be, which parsing alone does not tell.
type badSetting struct {
	name   string // of the flag
	value  string // "" is not shown
	reason string
}

func (b badSetting) Error() string { return "--" + b.name + b.shown() + ": " + b.reason }

func (b badSetting) shown() string {
	if b.value == "" {
		return ""
	}
	return "=" + b.value
}

// bad makes one of a value and what is wrong with it.
func bad(name string, value any, reason string, args ...any) error {
	return badSetting{name: name, value: fmt.Sprint(value), reason: fmt.Sprintf(reason, args...)}
}

// placed says of a bad setting where it comes from: a wrong command line or
// environment, or a place in the configuration file.
func (s *settings) placed(err error) error {
	if b := (badSetting{}); s.place != nil && errors.As(err, &b) {
		return s.place(b)
	}
	return err
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "NODEMETER_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(flag))
}

// configurable reports whether a flag may be set other than on the command line.
func configurable(flag string) bool {
	return !slices.Contains([]string{"help", "version", "once", "config.file"}, flag)
}

// set gives a flag its value; several values are for a flag that may be repeated.
func set(f *pflag.Flag, values []string) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.Replace(values)
	}
	value := strings.Join(values, ",")
	err := f.Value.Set(value)
	if number := (*strconv.NumError)(nil); errors.As(err, &number) { // in words of Go
		wanted := "a whole number"
		if f.Value.Type() == "bool" {
			wanted = "true or false"
		}
		return fmt.Errorf("%s: %q is not %s", f.Name, value, wanted)
	}
	return err
}

// entry is one setting of a configuration file.
type entry struct {
	name   string
	values []string
	at     *token.Token
}

// maxConfig is the most that is read of a configuration file, which has a few
// kilobytes. Nested brackets cost the YAML parser time and memory by the square
// of their number: 400 kB of them took 9 GB.
const maxConfig = 32 << 10

// readConfig reads a YAML file whose keys are flag names, dotted or nested.
func readConfig(path string, fs *pflag.FlagSet) ([]entry, error) {
	text, err := readSmall(path, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	return parseConfig(path, text, fs)
}

// readSmall reads a file that a person has written. One that is none, such as a
// pipe that nobody writes to, could be waited for without end.
func readSmall(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file but a %s", path, kindOf(info.Mode()))
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes: it is not one of nodemeterd's", path, most)
	}
	return text, err
}

func kindOf(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&os.ModeNamedPipe != 0:
		return "pipe"
	case m&os.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

func parseConfig(path string, text []byte, fs *pflag.FlagSet) (entries []entry, err error) {
	// The library has panicked on texts that nobody meant to be configuration.
	defer func() {
		if recover() != nil {
			entries, err = nil, fmt.Errorf("%s: this YAML cannot be read: write plain keys, values and lists, without tags, anchors and aliases", path)
		}
	}()
	tree, err := parser.ParseBytes(text, 0)
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		return nil, positioned(path, syntax.GetToken(), syntax.GetMessage())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c := configReader{path: path, flags: fs}
	for _, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if err := c.walk("", doc.Body); err != nil {
			return nil, err
		}
	}
	return c.entries, nil
}

// positioned is an error with the file's name, line and column and the lines around
// it, without the addresses in them: there may be a password in one.
func positioned(path string, at *token.Token, message string) error {
	var p printer.Printer
	around := regexp.MustCompile(`://\S*`).ReplaceAllString(p.PrintErrorToken(at, false), "://…")
	return fmt.Errorf("%s:%d:%d: %s\n%s", path, at.Position.Line, at.Position.Column, message, strings.TrimRight(around, "\n"))
}

// configReader collects the settings of a file.
type configReader struct {
	path    string
	flags   *pflag.FlagSet
	entries []entry
}

// walk takes one node of the tree; name is the dotted path to it.
func (c *configReader) walk(name string, n ast.Node) error {
	switch n := n.(type) {
	case *ast.NullNode:
		return nil
	case *ast.CommentGroupNode:
		return nil
	case *ast.MappingNode:
		for _, v := range n.Values {
			if err := c.walk(name, v); err != nil {
				return err
			}
		}
		return nil
	case *ast.MappingValueNode:
		return c.key(name, n)
	}
	return positioned(c.path, n.GetToken(), "expected settings such as \"interval: 1s\"")
}

// key takes one key and its value: a setting, or the beginning of several.
func (c *configReader) key(prefix string, n *ast.MappingValueNode) error {
	key := n.Key.GetToken()
	name := key.Value
	if prefix != "" {
		name = prefix + "." + name
	}
	_, nested := n.Value.(*ast.MappingNode)
	if _, one := n.Value.(*ast.MappingValueNode); one {
		nested = true
	}
	f := c.flags.Lookup(name)
	switch {
	case nested && c.begins(name):
		return c.walk(name, n.Value)
	case f == nil || !configurable(name):
		return positioned(c.path, key, "unknown setting "+name+c.suggest(name))
	case slices.ContainsFunc(c.entries, func(e entry) bool { return e.name == name }):
		return positioned(c.path, key, name+" is set twice")
	}
	values, err := c.scalars(f, n.Value)
	if err != nil {
		return err
	}
	if values != nil {
		c.entries = append(c.entries, entry{name, values, n.Value.GetToken()})
	}
	return nil
}

// scalars reads the value of a setting; nil means the key is there without one.
func (c *configReader) scalars(f *pflag.Flag, n ast.Node) ([]string, error) {
	switch n := n.(type) {
	case *ast.NullNode:
		return nil, nil
	case *ast.SequenceNode:
		if _, ok := f.Value.(pflag.SliceValue); !ok {
			return nil, positioned(c.path, n.GetToken(), f.Name+" takes one value, not a list")
		}
		out := []string{}
		for _, v := range n.Values {
			s, err := c.scalars(f, v)
			if err != nil {
				return nil, err
			}
			out = append(out, s...)
		}
		return out, nil
	case *ast.LiteralNode: // | and >: its own token is that sign
		return []string{strings.TrimSuffix(n.Value.Value, "\n")}, nil
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		return nil, positioned(c.path, n.GetToken(), f.Name+": write the value itself, without tags, anchors and aliases")
	case ast.ScalarNode:
		return []string{n.GetToken().Value}, nil
	}
	return nil, positioned(c.path, n.GetToken(), f.Name+" takes a "+f.Value.Type())
}

// begins reports whether some setting's name continues name with a dot.
func (c *configReader) begins(name string) bool {
	found := false
	c.flags.VisitAll(func(f *pflag.Flag) { found = found || strings.HasPrefix(f.Name, name+".") })
	return found
}

// suggest names a setting that a misspelt one may have meant.
func (c *configReader) suggest(name string) string {
	best, most := "", 2
	c.flags.VisitAll(func(f *pflag.Flag) {
		if d := distance(name, f.Name); configurable(f.Name) && d <= most {
			best, most = f.Name, d-1
		}
	})
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// distance is the Levenshtein distance of two short names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
