package grafana

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFilesAreInStep holds the checked-in JSON against this code.
func TestFilesAreInStep(t *testing.T) {
	files, err := filepath.Glob("dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(Dashboards()) {
		t.Errorf("%d files for %d dashboards: %q", len(files), len(Dashboards()), files)
	}
	for _, d := range Dashboards() {
		want, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("dashboards", d.UID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("dashboards/%s.json is not what the code makes (go generate ./deploy/grafana): %s", d.UID, diff)
		}
	}
}

// TestEveryPanelExplainsItself wants a title, a sentence, a unit, an expression
// and a place on each panel.
func TestEveryPanelExplainsItself(t *testing.T) {
	for _, d := range Dashboards() {
		for _, r := range d.Rows {
			width, widths := 0, r.widths()
			for i, p := range r.Panels {
				width += widths[i]
				at := d.Title + " / " + p.Title
				if p.Title == "" || p.Unit == "" || len(p.Queries) == 0 || p.Thresholds == nil && p.Type == "stat" {
					t.Errorf("%s: needs a title, a unit, an expression, and a figure thresholds", at)
				}
				if !strings.HasSuffix(p.Description, ".") || len(p.Description) < 20 {
					t.Errorf("%s: description %q is not a sentence", at, p.Description)
				}
				if widths[i] < 3 {
					t.Errorf("%s: %d columns wide", at, widths[i])
				}
				for _, q := range p.Queries {
					checkExpression(t, at, q)
				}
			}
			if width != 24 {
				t.Errorf("%s / %s: panels take %d of 24 columns", d.Title, r.Title, width)
			}
		}
	}
}

var (
	selector = regexp.MustCompile(`[A-Za-z:_0-9]+\{[^}]*\}`)
	variable = regexp.MustCompile(`\$\{?([a-z_]+)`)
)

// checkExpression wants every selector narrowed by the variables, so that no
// panel shows another cluster's nodes.
func checkExpression(t *testing.T, at string, q Query) {
	t.Helper()
	selectors := selector.FindAllString(q.Expr, -1)
	if len(selectors) == 0 {
		t.Errorf("%s: %s selects nothing", at, q.Expr)
	}
	for _, s := range selectors {
		if !strings.Contains(s, `cluster=~"$cluster",job=~"$job"`) {
			t.Errorf("%s: %s is not narrowed by cluster and job", at, s)
		}
	}
	known := map[string]bool{"__range": true, "__rate_interval": true, "__interval": true}
	for _, v := range variables() {
		known[v.Name] = true
	}
	for _, m := range variable.FindAllStringSubmatch(q.Expr, -1) {
		if !known[m[1]] {
			t.Errorf("%s: no variable %s", at, m[1])
		}
	}
}

// TestPanelsDoNotOverlap looks at what Grafana is told.
func TestPanelsDoNotOverlap(t *testing.T) {
	for _, d := range Dashboards() {
		taken := map[[2]int]any{}
		ids := map[any]bool{}
		for _, p := range d.panels() {
			m := p.(object)
			if ids[m["id"]] {
				t.Errorf("%s: id %v twice", d.UID, m["id"])
			}
			ids[m["id"]] = true
			g := m["gridPos"].(object)
			for x := g["x"].(int); x < g["x"].(int)+g["w"].(int); x++ {
				for y := g["y"].(int); y < g["y"].(int)+g["h"].(int); y++ {
					if other := taken[[2]int{x, y}]; other != nil || x >= 24 {
						t.Errorf("%s: %v overlaps %v at %d,%d", d.UID, m["title"], other, x, y)
					}
					taken[[2]int{x, y}] = m["title"]
				}
			}
		}
	}
}
