//go:build !cgo

package gpu_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nodemeter/collector/metric"
	"nodemeter/gpu"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "gpu-reader" {
		os.Exit(gpu.ReaderMain(os.Args[2:], os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// TestWithoutCgo: on a machine with a GPU, this binary says why it cannot read it.
func TestWithoutCgo(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n", "sys/bus/pci/devices/0000:01:00.0/class": "0x030200\n", "usr/lib64/libnvidia-ml.so.1": "",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := gpu.New(gpu.Options{Node: &metric.Entity{Kind: metric.Node, ID: "n"}, Root: root, Log: slog.New(slog.DiscardHandler), Wait: 10 * time.Second})
	defer s.Close(context.Background())
	var b metric.Batch
	err := s.Read(context.Background(), &b)
	if err == nil || !strings.Contains(err.Error(), "built without cgo") {
		t.Errorf("error %v", err)
	}
	if p, _ := b.Readings()[0].Get("gpu_state"); p.StateName() != "failed" {
		t.Errorf("state %s", p.StateName())
	}
}
