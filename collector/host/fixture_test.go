package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nodemeter/collector/metric"
)

// The fixtures are steps of one machine: proc0 is whole, proc1 holds the files
// that are different a second later. The machine has four CPUs, a bond of one
// card, a bridge, two RDMA ports and three disks, one of them never used.

// overlay copies a fixture into root, over what is there.
func overlay(t testing.TB, root, name string) {
	t.Helper()
	from := os.DirFS(filepath.Join("testdata", name))
	err := fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(root, path), 0o755)
		}
		data, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(root, path), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, root, path, text string) {
	t.Helper()
	path = filepath.Join(root, path)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

// edit replaces text in a fixture's file; the text must be there.
func edit(t testing.TB, root, path, old, with string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("no %q in %s: %v", old, path, err)
	}
	write(t, root, path, strings.Replace(string(data), old, with, 1))
}

func fixture(t testing.TB) (root string, cfg Config) {
	t.Helper()
	root = t.TempDir()
	overlay(t, root, "proc0")
	return root, Config{Root: root, Node: &metric.Entity{Kind: metric.Node, ID: "n1"}, PerCore: true}
}

// second lets a second pass in a synctest bubble.
func second() { <-time.After(time.Second) }

// read returns a source's points as "kind id column" -> value.
func read(t testing.TB, s Source) (map[string]float64, error) {
	t.Helper()
	var b metric.Batch
	err := s.Read(context.Background(), &b)
	if b.Rejected() > 0 {
		t.Errorf("%d points refused", b.Rejected())
	}
	return flatten(t, &b), err
}

func flatten(t testing.TB, b *metric.Batch) map[string]float64 {
	t.Helper()
	points := map[string]float64{}
	for _, r := range b.Readings() {
		for _, p := range r.Points {
			key := fmt.Sprintf("%s %s %s", r.Entity.Kind, r.Entity.ID, p.Desc.Column)
			if _, twice := points[key]; twice {
				t.Errorf("%s is there twice", key)
			}
			if p.Desc.On != r.Entity.Kind {
				t.Errorf("%s is a metric of %s", key, p.Desc.On)
			}
			points[key] = p.Float()
		}
	}
	return points
}

func mustRead(t testing.TB, s Source) map[string]float64 {
	t.Helper()
	points, err := read(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return points
}

// want compares some points; an absent one is wanted as "absent".
func want(t testing.TB, got map[string]float64, want map[string]any) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(want)) {
		v, ok := got[key]
		switch w := want[key].(type) {
		case string:
			if ok {
				t.Errorf("%s = %v, want none", key, v)
			}
		case float64:
			if !ok || v < w-1e-9 || v > w+1e-9 {
				t.Errorf("%s = %v (there: %v), want %v", key, v, ok, w)
			}
		default:
			t.Fatalf("%s: want a float64 or a string", key)
		}
	}
}

const absent = "absent"

// TestSteps reads both steps, a second apart, and compares every point with a
// golden file; NODEMETER_GOLDEN=write writes them anew. The figures that are
// computed are stated by hand in the tests of each source.
func TestSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, cfg := fixture(t)
		sources := Sources(cfg)
		for i, step := range []string{"proc0", "proc1"} {
			if i > 0 {
				second()
				overlay(t, root, step)
			}
			var out strings.Builder
			var descs []*metric.Desc
			for _, s := range sources {
				descs = append(descs, s.Source.Descs()...)
				points := mustRead(t, s.Source)
				for _, key := range slices.Sorted(maps.Keys(points)) {
					fmt.Fprintf(&out, "%s: %s = %.6f\n", s.Name, key, points[key])
				}
			}
			if err := metric.Check(descs); err != nil {
				t.Error(err)
			}
			golden(t, filepath.Join("testdata", step+".golden"), out.String())
		}
	})
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("NODEMETER_GOLDEN") == "write" {
		write(t, ".", path, got)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantLines, gotLines := strings.Split(string(data), "\n"), strings.Split(got, "\n")
	for i := range max(len(wantLines), len(gotLines)) {
		var w, g string
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if w != g {
			t.Fatalf("%s line %d:\n got %q\nwant %q", path, i+1, g, w)
		}
	}
}

// TestEveryPointIsDeclared holds that a source gives nothing that its Descs lack.
func TestEveryPointIsDeclared(t *testing.T) {
	root, cfg := fixture(t)
	for _, s := range Sources(cfg) {
		declared := map[*metric.Desc]bool{}
		for _, d := range s.Source.Descs() {
			declared[d] = true
		}
		for _, step := range []string{"proc0", "proc1"} {
			overlay(t, root, step)
			var b metric.Batch
			if err := s.Source.Read(context.Background(), &b); err != nil {
				t.Fatal(err)
			}
			for _, r := range b.Readings() {
				for _, p := range r.Points {
					if !declared[p.Desc] {
						t.Errorf("%s gives %s on %s, which it does not declare", s.Name, p.Desc.Column, r.Entity.Kind)
					}
				}
			}
		}
	}
}

// batchOf reads once without judging what is refused.
func batchOf(t testing.TB, s Source) *metric.Batch {
	t.Helper()
	var b metric.Batch
	if err := s.Read(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return &b
}
