package manual

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func TestPage(t *testing.T) {
	p := New("prog-sub", "1", "do a thing", "prog sub [flags]")
	p.Section("description")
	p.Text("One\n.two\n\nThree:\n  a  b\\c\nfour")
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.StringP("out", "o", "x", "write to `file`")
	fs.Bool("dry", false, "write nothing")
	fs.Bool("hidden", false, "")
	fs.Lookup("hidden").Hidden = true
	p.Section("options")
	p.Flags(fs)
	p.SeeAlso("prog(1)", "progd(8)")
	want := `.TH PROG\-SUB 1 "" nodemeter nodemeter
.nh
.ad l
.SH NAME
prog\-sub \- do a thing
.SH SYNOPSIS
.B prog sub [flags]
.SH DESCRIPTION
.PP
One
\&.two
.PP
Three:
.RS 4
.nf
a  b\ec
.fi
.RE
four
.SH OPTIONS
.TP
.B \-\-dry
write nothing
.TP
.B \-o, \-\-out=FILE
write to file (default x)
.SH SEE ALSO
.BR prog (1),
.BR progd (8)
`
	if d := cmp.Diff(want, p.String()); d != "" {
		t.Error(d)
	}
}
