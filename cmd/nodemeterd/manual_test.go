package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"nodemeter/deploy/package/manual"
)

// TestDocsManual holds nodemeterd(8) against the command line.
func TestDocsManual(t *testing.T) {
	cmd := commandLine()
	p := manual.New("nodemeterd", "8", "sample, export and record the utilization of an HPC node", cmd.Use)
	p.Section("description")
	p.Text(cmd.Long)
	p.Section("options")
	for _, g := range new(settings).flags() {
		p.Subsection(g.title)
		p.Flags(g.flags)
	}
	settings, signals, _ := strings.Cut(strings.Trim(helpEnd, "\n"), "\n\nSignals: ")
	p.Section("configuration and environment")
	p.Text(settings)
	p.Section("signals")
	p.Text(signals)
	p.Section("files")
	p.Item("/etc/nodemeter/nodemeterd.yml", "settings of the packaged service")
	p.Item("/etc/nodemeter/nodemeterd.env", "its environment; a variable wins over the file above")
	p.Item("/var/lib/nodemeter/windows", "the windows of the packaged service; members of group nodemeter may read them")
	p.Item("/usr/share/nodemeter/systemd", "examples of drop-ins for the service")
	p.Section("exit status")
	p.Text("0 stopped in order, 1 failed (a wrong configuration file included), 2 wrong command line or environment.")
	p.Section("examples")
	p.Text(cmd.Example)
	p.SeeAlso("nodemeter(1)", "systemctl(1)")
	golden(t, "../../deploy/package/man/nodemeterd.8", p.String())
}

// TestDocsCompletions holds the shells' completions, which ask the program itself.
func TestDocsCompletions(t *testing.T) {
	cmd := commandLine()
	var bash, zsh, fish bytes.Buffer
	for _, err := range []error{cmd.GenBashCompletionV2(&bash, true), cmd.GenZshCompletion(&zsh), cmd.GenFishCompletion(&fish, true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "../../deploy/package/completions/nodemeterd.bash", bash.String())
	golden(t, "../../deploy/package/completions/nodemeterd.zsh", zsh.String())
	golden(t, "../../deploy/package/completions/nodemeterd.fish", fish.String())
}

func commandLine() *cobra.Command {
	return command(func(string) (string, bool) { return "", false }, io.Discard, io.Discard, nil)
}
