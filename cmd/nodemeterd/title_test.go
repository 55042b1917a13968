package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// What QTau and ray stop kill by is in nobody's arguments: not in a flag's name
// or default, nor in a subcommand that the agent starts itself with. The other
// program has the same test.
func TestNothingOfOursIsWhatOthersKill(t *testing.T) {
	ours := []string{"nodemeterd", readerCommand, sealCommand}
	var s settings
	for _, g := range s.flags() {
		g.flags.VisitAll(func(f *pflag.Flag) { ours = append(ours, "--"+f.Name+"="+f.DefValue) })
	}
	if len(ours) < 20 {
		t.Fatalf("only %q", ours)
	}
	for _, text := range ours {
		for _, p := range []string{
			"dask worker", "dask scheduler", "dask cuda", "bootstrap_dask", "dask_v2.agent", "ray_v2.agent", "pilot.plugins",
			"raylet", "plasma_store", "gcs_server", "ray::", "monitor.py", "reporter.py", "log_monitor.py", "default_worker.py",
			"dashboard/agent.py", "dashboard/dashboard.py", "setup_worker.py", "runtime_env/agent/main.py", "ray_client_server", "client/server",
		} {
			if strings.Contains(text, p) {
				t.Errorf("%q contains %q", text, p)
			}
		}
	}
}
