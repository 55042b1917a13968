package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// Wrong command lines are exit code 2, and say how it is done.
func TestWrongCommandLines(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"nonsense", `unknown command "nonsense"`},
		{"tasks nonsense", `unknown command "nonsense"`},
		{"tasks init", "nodemeter tasks init DIR"},
		{"tasks init a b", "nodemeter tasks init DIR"},
		{"tasks summary --cores Inf x", "from 0 to 1e9"},
		{"plot --width NaN -o x.svg x.csv", "1 to 100 inches"},
		{"plot --height -1 -o x.svg x.csv", "1 to 100 inches"},
		{"plot --dpi 100000 -o x.png x.csv", "20 to 1200"},
		{"plot --panel= -o x.png x.csv", "--panel names none"},
		{"inspect", "nodemeter inspect DIR|FILE..."},
		{"verify", "nodemeter verify DIR|FILE..."},
		{"repair", "nodemeter repair"},
		{"slice", "nodemeter slice"},
		{"summary --no-such-flag", "unknown flag"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), strings.Fields(c.line), strings.NewReader(""), &stdout, &stderr)
		if code != 2 || stdout.Len() > 0 || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("nodemeter %s: exit code %d, stdout %q, stderr %q; want 2, nothing, and %q", c.line, code, &stdout, &stderr, c.want)
		}
	}
}
