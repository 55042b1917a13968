// Package deploy has no code: it is where the tests live that hold what this
// directory and the pages in docs name (metrics, flags, variables, commands,
// paths, links, log lines) against what exists.
package deploy
