package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const long = `nodemeterd samples the utilization of the node it runs on: processors, memory,
network, disks, pressure and GPUs. It serves the latest sample to Prometheus and
records every sample in windows on disk, which 'nodemeter summary' and
'nodemeter report' turn into answers. It needs no configuration and no root.`

const examples = `  nodemeterd                                sample every second, record under ~/.local/state
  nodemeterd --once                         print one sample as JSON and exit
  nodemeterd --interval=100ms --windows.dir=run1
  nodemeterd --web.listen-address=:9911     let Prometheus reach it from other machines
  nodemeterd --config.file=/etc/nodemeter/nodemeterd.yml
  NODEMETER_LOG_LEVEL=debug nodemeterd      every flag is an environment variable too`

const helpEnd = `
Every flag can also be set by an environment variable (--web.listen-address is
NODEMETER_WEB_LISTEN_ADDRESS) and in the --config.file, a YAML file with the same
names, dotted or nested. A flag wins over the environment, the environment over
the file. Durations: 500ms, 1s, 2h, 30d. Sizes: 500MB, 10GB, 10GiB.

Signals: SIGTERM and SIGINT take a last sample, seal the open window and exit;
SIGHUP reads the configuration again; SIGUSR1 hands the GPUs back (for a reset or a
MIG change), SIGUSR2 takes them again.
`

// help prints the flags by group.
func help(cmd *cobra.Command, groups []group) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s\n\nUsage:\n  %s\n\nExamples:\n%s\n", cmd.Long, cmd.Use, cmd.Example)
	for _, g := range groups {
		fmt.Fprintf(out, "\n%s:\n", g.title)
		g.flags.VisitAll(func(f *pflag.Flag) { flagHelp(out, f) })
	}
	fmt.Fprint(out, helpEnd)
}

// What --help is laid out by: flags that fit in flagWidth have their text
// beside them, the others below.
const (
	flagWidth = 34
	textWidth = 62
)

func flagHelp(out io.Writer, f *pflag.Flag) {
	name := "  --" + f.Name + flagValue(f)
	if f.Shorthand != "" {
		name = "  -" + f.Shorthand + ", --" + f.Name
	}
	_, text := pflag.UnquoteUsage(f)
	lines := wrap(text, textWidth)
	if len(name) > flagWidth-2 {
		fmt.Fprintln(out, name)
		name = ""
	}
	for _, line := range lines {
		fmt.Fprintf(out, "%-*s%s\n", flagWidth, name, line)
		name = ""
	}
}

// flagValue is what follows the flag's name: its default, or what to put there.
func flagValue(f *pflag.Flag) string {
	placeholder, _ := pflag.UnquoteUsage(f)
	switch def := strings.Trim(f.DefValue, "[]"); {
	case f.Value.Type() == "bool" && def == "false":
		return ""
	case def != "":
		return "=" + def
	default:
		return "=" + strings.ToUpper(placeholder)
	}
}

// wrap breaks text into lines of at most width bytes, at spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
