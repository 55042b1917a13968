package deploy

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// documents parses a file of YAML documents; a key that stands twice is an error.
func documents(t *testing.T, path string) []any {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []any
	for d := yaml.NewDecoder(f); ; {
		var v any
		switch err := d.Decode(&v); {
		case err != nil && err.Error() == "EOF":
			return out
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, v)
	}
}

// at follows keys and list places through a document.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[p] == nil {
				t.Fatalf("no %s in %v", p, path)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				t.Fatalf("no place %d in %v", p, path)
			}
			v = l[p]
		}
	}
	return v
}

func TestYAMLParses(t *testing.T) {
	n := 0
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ".yml") {
			n++
			if len(documents(t, path)) == 0 {
				t.Errorf("%s is empty", path)
			}
		}
		return err
	})
	if err != nil || n < 8 {
		t.Errorf("%d files: %v", n, err)
	}
}

// TestDaemonSet holds what makes the agent see the node, and what it must not have.
func TestDaemonSet(t *testing.T) {
	docs := documents(t, "kubernetes/nodemeterd.yml")
	set := docs[len(docs)-1]
	if kind := at(t, set, "kind"); kind != "DaemonSet" {
		t.Fatalf("a %v", kind)
	}
	template := at(t, set, "spec", "template")
	for k, v := range at(t, set, "spec", "selector", "matchLabels").(map[string]any) {
		if got := at(t, template, "metadata", "labels", k); got != v {
			t.Errorf("the selector wants %s=%v, the template has %v", k, v, got)
		}
	}
	pod := at(t, template, "spec")
	if at(t, pod, "hostPID") != true || at(t, pod, "hostNetwork") != true {
		t.Error("the agent does not see the node")
	}
	agent := at(t, pod, "containers", 0)
	limits := at(t, agent, "securityContext")
	if at(t, limits, "runAsNonRoot") != true || at(t, limits, "readOnlyRootFilesystem") != true || at(t, limits, "allowPrivilegeEscalation") != false {
		t.Errorf("the agent has %v", limits)
	}
	volumes := map[any]bool{}
	for _, v := range at(t, pod, "volumes").([]any) {
		volumes[at(t, v, "name")] = true
	}
	for _, m := range at(t, agent, "volumeMounts").([]any) {
		if !volumes[at(t, m, "name")] {
			t.Errorf("no volume for %v", m)
		}
	}
	configuration := read(t, "../docs/configuration.md")
	for _, a := range at(t, agent, "args").([]any) {
		name, _, _ := strings.Cut(a.(string), "=")
		if !strings.Contains(configuration, "| `"+name+"` |") {
			t.Errorf("nodemeterd has no flag %s", name)
		}
	}
}

// TestAnsibleSettings holds the role's settings against those that there are.
func TestAnsibleSettings(t *testing.T) {
	configuration := read(t, "../docs/configuration.md")
	defaults := documents(t, "ansible/roles/nodemeter/defaults/main.yml")[0]
	for key := range at(t, defaults, "nodemeter_settings").(map[string]any) {
		if !strings.Contains(configuration, "| `--"+key+"` |") {
			t.Errorf("nodemeterd has no setting %s", key)
		}
	}
}

// TestScriptsParse has the shell read every script without running it.
func TestScriptsParse(t *testing.T) {
	scripts, err := filepath.Glob("slurm/*.sh")
	if err != nil || len(scripts) < 2 {
		t.Fatalf("%v %v", scripts, err)
	}
	for _, s := range append(scripts, "quickstart.sh") {
		shell := "sh"
		if s == "quickstart.sh" {
			shell = "bash"
		}
		if out, err := exec.Command(shell, "-n", s).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", s, err, out)
		}
	}
}
