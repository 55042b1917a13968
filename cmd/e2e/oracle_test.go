//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOracleOnOtherData varies the oracle's inputs, has pandas and scipy compute
// what the notebook makes of them, and holds the analyzer against each.
func TestOracleOnOtherData(t *testing.T) {
	script, err := filepath.Abs(filepath.Join("..", "..", "testdata", "oracle", "cases.py"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run(t, "/usr/bin/python3", "-B", "-W", "ignore", script, dir)
	cases, err := os.ReadDir(dir)
	if err != nil || len(cases) < 9 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			cmd := exec.Command("go", "test", "-count=1", "-run", "TestOracle", "../../analysis/oracle")
			cmd.Env = append(os.Environ(), "NODEMETER_ORACLE="+filepath.Join(dir, c.Name()))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
