package main

import (
	"io"
	"strconv"
	"strings"
	"unicode"
)

// printable is a terminal that names of files and what is in them cannot steer:
// control characters, except for the ends of lines and tabs, and invisible ones that
// change direction appear as Go escapes. Each Write is of whole characters.
type printable struct{ w io.Writer }

func (p printable) Write(b []byte) (int, error) {
	if _, err := io.WriteString(p.w, inPrint(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

func inPrint(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(r)):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i]), 16)) // a byte that is no UTF-8
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
