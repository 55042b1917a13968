package tasks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Draft writes the beginnings of a runs.yaml for the pcs-* directories of QTau under
// dir. It fills in what the directories show: the engine by the names of the pilot
// directories (DASK-..., RAY-...), and, as comments, when each file's tasks ran. Nodes,
// cores and GPUs stand nowhere, and are left for the reader: worker_config.json holds
// what was declared last, not what a pilot had.
func Draft(ctx context.Context, dir string, opt Options) (string, error) {
	files, err := metricsFiles(dir)
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("draft a manifest: no metrics.csv under %s; name the directory that holds the pcs-* directories", dir)
	}
	var b strings.Builder
	b.WriteString("# Which file belongs to which configuration. Fill in nodes, cores and gpus (totals over\n" +
		"# all nodes) and the engine where it is missing. Runs of equal engine, nodes and cores (or\n" +
		"# of equal label) are repeats of one configuration. zone is what times without a zone are in.\n")
	fmt.Fprintf(&b, "zone: %s\nruns:\n", zoneText(opt.Zone))
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		rel, err := filepath.Rel(dir, f)
		if err != nil {
			rel = f
		}
		fmt.Fprintf(&b, "  - file: %s\n%s", strconv.Quote(filepath.ToSlash(rel)), about(ctx, f, opt))
		fmt.Fprintf(&b, "    engine: %s\n    nodes:\n    cores:\n    gpus:\n", engineOf(filepath.Dir(f)))
	}
	return b.String(), nil
}

func zoneText(z *time.Location) string {
	if z == nil || z == time.Local {
		return "local"
	}
	return z.String()
}

// about describes a file in comments, by which its reader can tell it from others.
func about(ctx context.Context, path string, opt Options) string {
	set, err := Load(ctx, &Manifest{Runs: []Run{{File: path}}}, opt)
	if err != nil {
		return fmt.Sprintf("    # cannot be read: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	text := fmt.Sprintf("    # %s", countNoun(set.Len(), "task"))
	if n := set.Files[0].Rejected; n > 0 {
		text += fmt.Sprintf(" and %s", countNoun(n, "unreadable record"))
	}
	rows := make([]int32, set.Len())
	for i := range rows {
		rows[i] = int32(i)
	}
	if from, to, ok := set.Span(rows); ok {
		zone := time.Local
		if opt.Zone != nil {
			zone = opt.Zone
		}
		text += fmt.Sprintf(", %s to %s", from.In(zone).Format(time.DateTime), to.In(zone).Format(time.DateTime))
	}
	if layouts := set.Files[0].Layouts; len(layouts) > 0 {
		text += ", written by " + list(layouts)
	}
	return text + "\n"
}

// engineOf tells the engine by the pilot directories beside a metrics.csv; empty where
// there are none or of both kinds.
func engineOf(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var found []string
	for _, e := range entries {
		for prefix, engine := range map[string]string{"DASK-": "dask", "RAY-": "ray"} {
			if e.IsDir() && strings.HasPrefix(e.Name(), prefix) && !slices.Contains(found, engine) {
				found = append(found, engine)
			}
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}
