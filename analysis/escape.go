package analysis

import (
	"strconv"
	"strings"
	"unicode"
)

// Escape makes a name from a recording safe to print on a terminal or in a log:
// control characters, invisible ones that change direction, and broken UTF-8
// appear as Go escapes; what people can read stays as it is. Names beyond 120
// characters are cut with an ellipsis.
func Escape(s string) string {
	const limit = 120
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == limit {
			b.WriteString("…")
			break
		}
		n++
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRuneToASCII(r)
		b.WriteString(q[1 : len(q)-1])
	}
	if n == 0 {
		return `""`
	}
	return b.String()
}
