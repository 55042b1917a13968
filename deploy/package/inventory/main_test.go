package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInventoryOfThisProgram reads a program that is at hand: the test itself.
func TestInventoryOfThisProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sbom, licenses := filepath.Join(dir, "s"), filepath.Join(dir, "l")
	if err := run([]string{"1.2.3", "1700000000", sbom, licenses, self}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(sbom)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{"SPDXRef-DOCUMENT": true}
	for _, p := range d.Packages {
		if ids[p.ID] {
			t.Errorf("%s is there twice", p.ID)
		}
		ids[p.ID] = true
	}
	if len(ids) < 3 {
		t.Errorf("%d packages: where are Go's library and the program?", len(ids)-1)
	}
	for _, r := range d.Relationships {
		if !ids[r.Of] || !ids[r.To] {
			t.Errorf("%s %s %s: no such package", r.Of, r.Type, r.To)
		}
	}
	if d.Creation.Created != "2023-11-14T22:13:20Z" {
		t.Errorf("created %s", d.Creation.Created)
	}
}

func TestEveryModuleHasALicense(t *testing.T) {
	dirs, err := moduleDirs()
	if err != nil {
		t.Fatal(err)
	}
	p := program{modules: []module{}}
	for m, dir := range dirs {
		if dir != "" && m.version != "" && strings.HasPrefix(m.path, "github.com/spf13/") {
			p.modules = append(p.modules, m)
		}
	}
	text, err := licenses([]program{p}, dirs)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.modules) < 2 || !strings.Contains(string(text), "==== github.com/spf13/cobra v") {
		t.Errorf("%d modules:\n%.300s", len(p.modules), text)
	}
	p.modules = append(p.modules, module{"example.org/unknown", "v1.0.0"})
	if _, err := licenses([]program{p}, dirs); err == nil || !strings.Contains(err.Error(), "example.org/unknown") {
		t.Errorf("a module without a license: %v", err)
	}
}
