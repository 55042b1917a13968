package worker

import (
	"fmt"
	"regexp"
	"strings"
)

// Pattern is a worker that a site describes: the first process whose command
// line matches, and its descendants.
type Pattern struct {
	// Name is the engine's name; worker_id is NAME-PID-START.
	Name string
	// Command is a regular expression for the command line, arguments joined
	// by single blanks.
	Command *regexp.Regexp
}

// nameRE is what a pattern's name may be: it becomes part of worker_id.
const nameRE = `^[a-z][a-z0-9_]{0,31}$`

// ParsePattern reads "NAME=REGEXP".
func ParsePattern(s string) (Pattern, error) {
	name, expr, ok := strings.Cut(s, "=")
	if !ok || !regexp.MustCompile(nameRE).MatchString(name) {
		return Pattern{}, fmt.Errorf("%.60q: a pattern is NAME=REGEXP, with a name of small letters, digits and _", s)
	}
	for _, taken := range []string{"dask", "ray", "slurm", "session", "run"} {
		if name == taken {
			return Pattern{}, fmt.Errorf("%.60q: the name %s is taken", s, name)
		}
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return Pattern{}, fmt.Errorf("pattern %s: %w", name, err)
	}
	if re.MatchString("") {
		return Pattern{}, fmt.Errorf("pattern %s matches everything", name)
	}
	return Pattern{Name: name, Command: re}, nil
}

func matchPatterns(patterns []Pattern) func(*stat, func() []string) (found, bool) {
	return func(st *stat, args func() []string) (found, bool) {
		if len(patterns) == 0 {
			return found{}, false
		}
		line := strings.Join(args(), " ")
		for _, p := range patterns {
			if line != "" && p.Command.MatchString(line) {
				return found{engine: p.Name}, true
			}
		}
		return found{}, false
	}
}
