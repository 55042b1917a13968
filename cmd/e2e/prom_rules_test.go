//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestRules runs promtool on everything in deploy/prometheus.
func TestRules(t *testing.T) {
	promtool := need(t, "promtool")
	for _, c := range []struct {
		args []string
		glob string
	}{
		{[]string{"check", "config"}, "prometheus.yml"},
		{[]string{"check", "rules"}, "rules/*.yml"},
		{[]string{"test", "rules"}, "tests/*.yml"},
	} {
		files, err := filepath.Glob(filepath.Join("../../deploy/prometheus", c.glob))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %q, %v", c.glob, files, err)
		}
		if out, err := exec.Command(promtool, append(c.args, files...)...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", c.args, err, out)
		}
	}
}
