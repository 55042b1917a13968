package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nodemeter/collector/metric"
)

func TestDisksCountOnce(t *testing.T) {
	root, cfg := fixture(t)
	d := NewDisk(cfg)
	got := mustRead(t, d)
	want(t, got, map[string]any{
		"disk sda disk_read_bytes": 2152266.0 * 512, "disk nvme0n1 disk_io_seconds": 0.35, "disk sdb disk_reads": 0.0,
		"node n1 disk_read_bytes": (2152266.0 + 16000) * 512, "node n1 disk_reads": 39176.0 + 1000, "node n1 disk_writes": 34106.0 + 2000,
	})
	for key := range got {
		for _, name := range []string{"sda1", "loop0", "md0", "dm-0", "nvme0c0n1"} {
			if strings.HasPrefix(key, "disk "+name+" ") {
				t.Errorf("%s is no whole physical disk", name)
			}
		}
	}
	overlay(t, root, "proc1")
	want(t, mustRead(t, d), map[string]any{"node n1 disk_reads": 39276.0 + 1010, "node n1 disk_io_seconds": 10.912 + 0.354})
}

func TestDiskIdentity(t *testing.T) {
	_, cfg := fixture(t)
	d := NewDisk(cfg)
	entity := func() *metric.Entity {
		var b metric.Batch
		if err := d.Read(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Readings() {
			if r.Entity.ID == "nvme0n1" {
				return r.Entity
			}
		}
		return nil
	}
	e := entity()
	if e == nil || e != entity() {
		t.Fatal("an entity must be the same pointer at each tick")
	}
	if len(e.Info) != 2 || e.Info[0].Value != "Dell Ent NVMe" || e.Info[1] != (metric.Label{Name: "rotational", Value: "false"}) {
		t.Errorf("identity %v", e.Info)
	}
}

// Between two reads a disk may be taken out and another get its name.
func TestDiskUnderAnOldNameIsLookedAt(t *testing.T) {
	root, cfg := fixture(t)
	d := NewDisk(cfg)
	model := func() string {
		for _, r := range batchOf(t, d).Readings() {
			if r.Entity.ID == "nvme0n1" {
				return r.Entity.Info[0].Value
			}
		}
		return ""
	}
	model()
	write(t, root, "sys/block/nvme0n1/device/model", "Another\n")
	if got := model(); got != "Dell Ent NVMe" {
		t.Errorf("model %q while its counters go on", got)
	}
	edit(t, root, "proc/diskstats", " 259       0 nvme0n1 1000", " 259       0 nvme0n1 5")
	if got := model(); got != "Another" {
		t.Errorf("model %q of the disk that came", got)
	}
}

func TestDiskHotPlugAddsNoJump(t *testing.T) {
	root, cfg := fixture(t)
	d := NewDisk(cfg)
	mustRead(t, d)
	edit(t, root, "proc/diskstats", " 259       0 nvme0n1 1000", " 259       0 nvme0n1 5") // a new disk under an old name
	edit(t, root, "proc/diskstats", "  8      16 sdb 0", "  8      16 sdb 7")
	want(t, mustRead(t, d), map[string]any{"disk nvme0n1 disk_reads": 5.0, "node n1 disk_reads": 39176.0 + 1000 + 7})
	data, err := os.ReadFile(filepath.Join(root, "proc/diskstats"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(data), " 259 ")
	write(t, root, "proc/diskstats", first)
	want(t, mustRead(t, d), map[string]any{"disk nvme0n1 disk_reads": absent, "node n1 disk_reads": 39176.0 + 1000 + 7})
	if len(d.devices) != 6 {
		t.Errorf("%d devices kept", len(d.devices))
	}
}

func TestDisklessNode(t *testing.T) {
	root, cfg := fixture(t)
	write(t, root, "proc/diskstats", "")
	_, err := read(t, NewDisk(cfg))
	checkErr(t, "block devices, but an empty diskstats", err, "proc/diskstats: empty")
	if err := os.RemoveAll(filepath.Join(root, "sys/block")); err != nil {
		t.Fatal(err)
	}
	_, err = read(t, NewDisk(cfg))
	checkErr(t, "no sysfs", err, "proc/diskstats: empty")
	if err := os.Mkdir(filepath.Join(root, "sys/block"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, NewDisk(cfg)); len(got) > 0 {
		t.Errorf("a machine without block devices gives %v", got)
	}
	write(t, root, "sys/block/loop0/size", "0\n")
	write(t, root, "proc/diskstats", " 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n")
	if got := mustRead(t, NewDisk(cfg)); len(got) > 0 {
		t.Errorf("a machine without disks gives %v", got)
	}
}

func TestDisksNeedSysfs(t *testing.T) {
	root, cfg := fixture(t)
	if err := os.RemoveAll(filepath.Join(root, "sys/block")); err != nil {
		t.Fatal(err)
	}
	_, err := read(t, NewDisk(cfg))
	checkErr(t, "no sysfs", err, "sys/block: does not exist")
}

func TestDiskWithASlashInItsName(t *testing.T) {
	root, cfg := fixture(t)
	write(t, root, "proc/diskstats", " 104 0 cciss/c0d0 10 0 80 1 20 0 160 2 0 3 3\n 104 1 cciss/c0d0p1 1 1 1 1 1 1 1 1 1 1 1\n")
	write(t, root, "sys/block/cciss!c0d0/device/model", "Smart Array\n")
	want(t, mustRead(t, NewDisk(cfg)), map[string]any{"disk cciss/c0d0 disk_written_bytes": 160 * 512.0, "node n1 disk_reads": 10.0})
}

func TestDiskThatIsThereTwice(t *testing.T) {
	root, cfg := fixture(t)
	d := NewDisk(cfg)
	all := mustRead(t, d)
	edit(t, root, "proc/diskstats", "sdb 0", "sda 0")
	got, err := read(t, d)
	checkErr(t, "twice", err, "proc/diskstats: line")
	checkErr(t, "twice", err, "(sda): is there twice")
	if len(got) > 0 {
		t.Errorf("also %v", got)
	}
	edit(t, root, "proc/diskstats", "sda 0", "sdb 0")
	if got := mustRead(t, d); len(got) != len(all) {
		t.Errorf("%d points once repaired, want %d", len(got), len(all))
	}
}

func TestParseDiskstats(t *testing.T) {
	const row = "8 0 sda 1 2 3 4 5 6 7 8 9 10 11"
	for _, c := range []struct{ name, data, err string }{
		{"14 fields", row + "\n", ""},
		{"18 fields", row + " 1 2 3 4\n", ""},
		{"20 fields", row + " 1 2 3 4 5 6\n", ""},
		{"a later kernel's", row + " 1 2 3 4 5 6 7\n", ""},
		{"15 fields", row + " 1\n", "15 fields"},
		{"short", "8 0 sda 1 2 3\n", "6 fields"},
		{"blank line", row + "\n\n" + row + "\n", "0 fields"},
		{"uneven", row + "\n8 1 sdb 1 2 3 4 5 6 7 8 9 10 11 1 2 3 4\n", "as many"},
		{"letters", strings.Replace(row, " 5 ", " five ", 1) + "\n", "not a number"},
		{"negative", strings.Replace(row, " 5 ", " -5 ", 1) + "\n", "not a number"},
		{"too large", strings.Replace(row, " 4 ", " 9223372036854775808 ", 1) + "\n", "too large"},
		{"too many sectors", strings.Replace(row, " 3 ", " 9223372036854775807 ", 1) + "\n", "too large"},
	} {
		_, err := parseDiskstats([]byte(c.data), nil)
		checkErr(t, c.name, err, c.err)
	}
}
