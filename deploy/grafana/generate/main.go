// Command generate writes the dashboards into deploy/grafana/dashboards. It runs
// in deploy/grafana (go generate).
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"nodemeter/deploy/grafana"
)

func main() {
	for _, d := range grafana.Dashboards() {
		b, err := d.JSON()
		if err == nil {
			err = os.WriteFile(filepath.Join("dashboards", d.UID+".json"), b, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}
