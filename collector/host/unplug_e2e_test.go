//go:build e2e

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

// ip runs ip(8); making links needs root.
func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// TestLinkIsUnplugged takes a real link away and plugs another in under the
// same name: an open file of sysfs must not go on about the first, and the
// network source must see each change at its next read.
func TestLinkIsUnplugged(t *testing.T) {
	name, peer := fmt.Sprintf("nm%d", os.Getpid()%1e6), fmt.Sprintf("nx%d", os.Getpid()%1e6)
	plug := func() { ip(t, "link", "add", name, "type", "veth", "peer", "name", peer) }
	dir := "/sys/class/net/" + name
	plug()
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", name).Run() })
	index := newFile(dir+"/ifindex", 64)
	first := mustWord(t, &index)
	if index.kept == nil {
		t.Fatal("a file of sysfs is not kept open")
	}
	n := NewNetwork(Config{Node: &metric.Entity{Kind: metric.Node, ID: "n1"}})
	if !gives(t, n, name) {
		t.Error("the link is not there")
	}

	ip(t, "link", "del", name)
	if _, err := index.read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link is gone, but its file gives %v", err)
	}
	if gives(t, n, name) {
		t.Error("the link is gone, but the source gives it")
	}

	plug()
	if second := mustWord(t, &index); second == first {
		t.Errorf("the file still says %s, of the link that is gone", second)
	}
	if !gives(t, n, name) {
		t.Error("the link is back, but the source does not give it")
	}

	// Both at once, between two reads: what was kept open is of the first.
	old := mustWord(t, &index)
	ip(t, "link", "del", name)
	plug()
	if again := mustWord(t, &index); again == old {
		t.Errorf("the file still says %s, of the link before", again)
	}
}

func mustWord(t *testing.T, f *file) string {
	t.Helper()
	data, err := f.read()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// gives reports whether the source has the link.
func gives(t *testing.T, n *Network, name string) bool {
	t.Helper()
	var b metric.Batch
	if err := n.Read(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Readings() {
		if r.Entity.ID == name {
			return true
		}
	}
	return false
}
