package main

import (
	"bytes"
	"cmp"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"nodemeter/deploy/package/manual"
)

//go:generate go test -run TestManual -manuals

var manuals = flag.Bool("manuals", false, "rewrite the manual pages and completions in deploy/package")

// packaged is where the pages and completions are that packages install.
const packaged = "../../deploy/package"

// generated holds a file against what the command line says today.
func generated(t *testing.T, path, want string) {
	t.Helper()
	path = filepath.Join(packaged, path)
	if *manuals {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: run go generate ./cmd/nodemeter", path)
	}
}

// TestManual holds the manual pages, one a command, against the commands.
func TestManual(t *testing.T) {
	root := newRoot(nil, nil, io.Discard, io.Discard)
	known := map[string]bool{}
	var page func(cmd *cobra.Command)
	page = func(cmd *cobra.Command) {
		name := pageName(cmd) + ".1"
		known[name] = true
		generated(t, "man/"+name, manualPage(cmd))
		for _, sub := range cmd.Commands() {
			page(sub)
		}
	}
	page(root)
	there, err := filepath.Glob(filepath.Join(packaged, "man/*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if !known[filepath.Base(path)] {
			t.Errorf("%s: there is no such command", path)
		}
	}
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manualPage is the page of one command.
func manualPage(cmd *cobra.Command) string {
	synopsis := cmd.UseLine()
	if cmd.HasSubCommands() {
		synopsis = cmd.CommandPath() + " COMMAND"
	}
	p := manual.New(pageName(cmd), "1", cmd.Short, synopsis)
	p.Section("description")
	p.Text(cmp.Or(cmd.Long, cmd.Short+"."))
	others := []string{"nodemeterd(8)"}
	if cmd.HasParent() {
		others = append(others, pageName(cmd.Parent())+"(1)")
	}
	if cmd.HasSubCommands() {
		p.Section("commands")
		for _, sub := range cmd.Commands() {
			p.Item(sub.Use, sub.Short)
			others = append(others, pageName(sub)+"(1)")
		}
	}
	cmd.InitDefaultHelpFlag()
	p.Section("options")
	p.Flags(cmd.Flags())
	if cmd.Example != "" {
		p.Section("examples")
		p.Text(cmd.Example)
	}
	if cmd.Name() != "run" { // whose own text has it
		p.Section("exit status")
		p.Text("0 when it did what was asked, 1 when it failed or found what it was told to look for, 2 when the command line is wrong.")
	}
	slices.Sort(others)
	p.SeeAlso(others...)
	return p.String()
}

// TestManualCompletions holds the shells' completions, which ask the program itself.
func TestManualCompletions(t *testing.T) {
	root := newRoot(nil, nil, io.Discard, io.Discard)
	var bash, zsh, fish bytes.Buffer
	for _, err := range []error{root.GenBashCompletionV2(&bash, true), root.GenZshCompletion(&zsh), root.GenFishCompletion(&fish, true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	generated(t, "completions/nodemeter.bash", bash.String())
	generated(t, "completions/nodemeter.zsh", zsh.String())
	generated(t, "completions/nodemeter.fish", fish.String())
}
