// Package amd is the AMD backend of the GPU reader: the files that the kernel's
// amdgpu driver keeps below /sys/class/drm (kernel documentation, GPU driver
// developer's guide, "AMDGPU thermal and power controls").
//
// Reading such a file asks the device, and may hang like any driver call; it
// runs in the reader process only.
package amd

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"nodemeter/gpu/device"
)

// amdVendor is AMD's number on the PCI bus.
const amdVendor = "0x1002"

type backend struct {
	root  string
	cards map[string]*card // by card directory
	info  device.Library
}

// New returns the backend that reads below root, "/" on a real machine.
func New(root string) device.Backend { return &backend{root: root, cards: map[string]*card{}} }

func (b *backend) Open() (device.Library, error) {
	b.info = device.Library{Backend: "amdgpu", Path: filepath.Join(b.root, "sys/class/drm")}
	if _, err := os.Stat(b.info.Path); err != nil {
		return b.info, &device.Error{Call: b.info.Path, Status: device.DriverNotLoaded, Detail: err.Error()}
	}
	// Drivers outside the kernel's tree have a version of their own.
	b.info.Driver, _ = text(filepath.Join(b.root, "sys/module/amdgpu/version"))
	if b.info.Driver == "" {
		b.info.Driver, _ = text(filepath.Join(b.root, "proc/sys/kernel/osrelease"))
	}
	return b.info, nil
}

var cardName = regexp.MustCompile(`^card[0-9]+$`)

func (b *backend) Devices() (device.Inventory, error) {
	entries, err := os.ReadDir(b.info.Path)
	if err != nil {
		return device.Inventory{}, fmt.Errorf("list amdgpu devices: %w", err)
	}
	var inv device.Inventory
	for _, e := range entries {
		dir := filepath.Join(b.info.Path, e.Name(), "device")
		if !cardName.MatchString(e.Name()) {
			continue // a connector, or a render node
		}
		if vendor, err := text(filepath.Join(dir, "vendor")); err != nil || vendor != amdVendor {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "gpu_busy_percent")); err != nil {
			if _, err := os.Stat(filepath.Join(dir, "mem_info_vram_total")); err != nil {
				continue // an older driver's display, not a GPU that we can read
			}
		}
		inv.Devices = append(inv.Devices, b.card(dir, len(inv.Devices)))
		inv.Count++
	}
	return inv, nil
}

func (*backend) Events([]device.Device, time.Duration) ([]device.XID, bool) { return nil, false }

func (b *backend) card(dir string, index int) *card {
	if c := b.cards[dir]; c != nil {
		return c
	}
	c := &card{dir: dir, info: device.Info{Index: index, Vendor: "amd", Driver: b.info.Driver}}
	c.info.PCI = slot(dir)
	// unique_id is the chip's serial number; older chips have none, and the
	// place on the bus is the stablest name left.
	if id, err := text(filepath.Join(dir, "unique_id")); err == nil && strings.Trim(id, "0x") != "" {
		c.info.UUID = "AMD-" + id
	} else {
		c.info.UUID = "AMD-" + c.info.PCI
	}
	c.info.Name, _ = text(filepath.Join(dir, "product_name"))
	if c.info.Name == "" {
		id, _ := text(filepath.Join(dir, "device"))
		c.info.Name = strings.TrimSpace("AMD GPU " + id)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "hwmon/hwmon*")); len(found) > 0 {
		c.hwmon = found[0]
	}
	b.cards[dir] = c
	return c
}

// slot is the PCI address, from the device's uevent.
func slot(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "uevent"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PCI_SLOT_NAME="); ok {
			return v
		}
	}
	return ""
}

type card struct {
	dir, hwmon string
	info       device.Info
}

func (c *card) Info() device.Info { return c.info }

// Calls lists the files; the names are those below the device's directory.
func (c *card) Calls() []device.Call {
	calls := []device.Call{
		{Name: "gpu_busy_percent", Tier: device.Fast, Vital: true, Columns: []string{"gpu_util", "gpu_util_min", "gpu_util_max", "gpu_busy_seconds"}, Read: c.busy},
		{Name: "mem_info_vram_used", Tier: device.Fast, Vital: true, Columns: []string{"gpu_memory_used_bytes", "gpu_memory_total_bytes", "gpu_memory_free_bytes", "gpu_memory_util"}, Read: c.memory},
		{Name: "power1_average", Tier: device.Fast, Columns: []string{"gpu_power_watts", "gpu_energy_joules"}, Read: c.power},
		{Name: "temp1_input", Tier: device.Fast, Columns: []string{"gpu_temperature_celsius"}, Read: c.temperature(1, device.Temperature)},
		{Name: "temp3_input", Tier: device.Medium, Columns: []string{"gpu_memory_temperature_celsius"}, Read: c.temperature(3, device.MemoryTemperature)},
		{Name: "freq1_input", Tier: device.Fast, Columns: []string{"gpu_sm_clock_hertz"}, Read: c.clock(1, device.SMClock)},
		{Name: "freq2_input", Tier: device.Fast, Columns: []string{"gpu_memory_clock_hertz"}, Read: c.clock(2, device.MemoryClock)},
		{Name: "mem_busy_percent", Tier: device.Medium, Columns: []string{"gpu_memory_controller_util"}, Read: c.memoryController},
	}
	return calls
}

func (c *card) busy(r *device.Reading) device.Status {
	v, s := c.number("gpu_busy_percent")
	if s == device.OK && r.Percent(device.Util, v) {
		r.Percent(device.UtilMin, v)
		r.Percent(device.UtilMax, v)
		r.Float(device.BusyDelta, v/100*r.Elapsed.Seconds())
	}
	return s
}

func (c *card) memory(r *device.Reading) device.Status {
	used, s := c.number("mem_info_vram_used")
	if s != device.OK {
		return s
	}
	total, s := c.number("mem_info_vram_total")
	if s != device.OK {
		return s
	}
	if used < 0 || used > total {
		r.Reject()
		return device.Garbage
	}
	r.Int(device.MemoryTotal, uint64(total))
	r.Int(device.MemoryUsed, uint64(used))
	r.Int(device.MemoryFree, uint64(total-used))
	return device.OK
}

// watts reads the power: power1_average, or power1_input on chips that have no
// average. The files are in microwatts.
func (c *card) watts() (float64, device.Status) {
	v, s := c.sensor("power1_average")
	if s == device.NotSupported {
		v, s = c.sensor("power1_input")
	}
	return v / 1e6, s
}

func (c *card) power(r *device.Reading) device.Status {
	w, s := c.watts()
	if s == device.OK && r.Float(device.Power, w) {
		r.Float(device.EnergyDelta, w*r.Elapsed.Seconds())
	}
	return s
}

// temperature reads a sensor in millidegrees; 1 is the edge, 3 the memory.
func (c *card) temperature(n int, q device.Quantity) func(*device.Reading) device.Status {
	return func(r *device.Reading) device.Status {
		v, s := c.sensor(fmt.Sprintf("temp%d_input", n))
		if s == device.OK {
			r.Float(q, v/1000)
		}
		return s
	}
}

func (c *card) clock(n int, q device.Quantity) func(*device.Reading) device.Status {
	return func(r *device.Reading) device.Status {
		v, s := c.sensor(fmt.Sprintf("freq%d_input", n))
		if s == device.OK {
			r.Float(q, v)
		}
		return s
	}
}

func (c *card) memoryController(r *device.Reading) device.Status {
	v, s := c.number("mem_busy_percent")
	if s == device.OK {
		r.Percent(device.MemoryControllerUtil, v)
	}
	return s
}

func (c *card) sensor(name string) (float64, device.Status) {
	if c.hwmon == "" {
		return 0, device.NotSupported
	}
	return number(filepath.Join(c.hwmon, name))
}

func (c *card) number(name string) (float64, device.Status) {
	v, s := number(filepath.Join(c.dir, name))
	if s == device.NotSupported {
		// Files go with their device: a file that is missing in a directory
		// that is missing says that the GPU is gone.
		if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
			return 0, device.Lost
		}
	}
	return v, s
}

// number reads one decimal number, and says by status why there is none.
func number(path string) (float64, device.Status) {
	s, err := text(path)
	if err != nil {
		return 0, status(err)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, device.Garbage
	}
	return v, device.OK
}

// status names the errors that amdgpu's files give (drivers/gpu/drm/amd/pm).
func status(err error) device.Status {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EINVAL):
		return device.NotSupported
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		return device.Lost
	case errors.Is(err, fs.ErrPermission):
		// EPERM is what the driver says while the GPU is being reset, or sleeps.
		if errors.Is(err, syscall.EPERM) {
			return device.InUse
		}
		return device.NoPermission
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EAGAIN):
		return device.NoData
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, syscall.ETIME):
		return device.TimedOut
	}
	return device.Failed
}

func text(path string) (string, error) {
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}
