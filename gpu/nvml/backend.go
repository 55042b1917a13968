//go:build cgo && linux && (amd64 || arm64)

package nvml

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"nodemeter/gpu/device"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Available says why NVML is not in this binary, or "" where it is.
const Available = ""

// backend is NVML. The enumerating goroutine calls Open and Devices, another
// calls Events; they share what mu guards and no device.
type backend struct {
	path string
	lib  nvml.Interface
	info device.Library

	mu   sync.Mutex
	gpus map[string]*gpu // by UUID; MIG instances too

	set    nvml.EventSet
	noted  map[string]bool // UUIDs registered with set
	events bool

	// What the library has, asked once for what is called at each tick.
	memory2, eventReasons bool
}

// New returns the backend of the library at path, or of libnvidia-ml.so.1
// where the dynamic linker finds it when path is "". One process can use one
// library: go-nvml keeps the first.
func New(path string) device.Backend {
	if path == "" {
		path = "libnvidia-ml.so.1"
	}
	return &backend{path: path, gpus: map[string]*gpu{}, noted: map[string]bool{}}
}

// required are the functions without which there is no point in going on;
// each lists its versions.
var required = []string{"nvmlInit nvmlInit_v2", "nvmlDeviceGetCount nvmlDeviceGetCount_v2",
	"nvmlDeviceGetHandleByIndex nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID"}

func (b *backend) Open() (device.Library, error) {
	b.info = device.Library{Backend: "nvml", Path: b.path}
	if err := bind(b.path); err != nil {
		return b.info, &device.Error{Call: "dlopen", Status: device.LibraryNotFound, Code: int(nvml.ERROR_LIBRARY_NOT_FOUND), Detail: err.Error()}
	}
	for _, versions := range required {
		if !b.has(versions) {
			return b.info, &device.Error{Call: versions, Status: device.FunctionMissing, Code: int(nvml.ERROR_FUNCTION_NOT_FOUND), Detail: "in " + b.path}
		}
	}
	b.lib = nvml.New(nvml.WithLibraryPath(b.path))
	if r := b.lib.Init(); r != nvml.SUCCESS {
		return b.info, failure("nvmlInit", r, "")
	}
	if err := b.agree(); err != nil {
		return b.info, err
	}
	b.info.Driver, _ = b.lib.SystemGetDriverVersion()
	b.info.Version, _ = b.lib.SystemGetNVMLVersion()
	if v, r := b.lib.SystemGetCudaDriverVersion(); r == nvml.SUCCESS && v > 0 {
		b.info.CUDA = fmt.Sprintf("%d.%d", v/1000, v%1000/10)
	}
	b.events = b.has("nvmlEventSetCreate") && b.has("nvmlEventSetWait nvmlEventSetWait_v2") && b.has("nvmlDeviceRegisterEvents")
	b.memory2, b.eventReasons = b.has("nvmlDeviceGetMemoryInfo_v2"), b.has("nvmlDeviceGetCurrentClocksEventReasons")
	b.info.Missing = b.missing()
	return b.info, nil
}

// agree holds our own look into the library against go-nvml's.
func (b *backend) agree() error {
	if err := b.lib.Extensions().LookupSymbol("nvmlDeviceGetUUID"); err != nil {
		return fmt.Errorf("look up functions of %s: %w", b.path, err)
	}
	return nil
}

// missing lists the functions that calls of ours need and the library lacks.
func (b *backend) missing() []string {
	var missing []string
	for _, c := range (&gpu{b: b}).questions() {
		for _, versions := range c.needs {
			if !b.has(versions) {
				missing = append(missing, c.Name)
				break // the name stands for the call, whichever function it lacks
			}
		}
	}
	return missing
}

func (b *backend) Devices() (device.Inventory, error) {
	n, r := b.lib.DeviceGetCount()
	if r != nvml.SUCCESS {
		return device.Inventory{}, failure("nvmlDeviceGetCount", r, "")
	}
	inv := device.Inventory{Count: n}
	if n < 0 || n > maxGPUs {
		return inv, errors.New("nvmlDeviceGetCount: impossible number of devices")
	}
	for i := range n {
		g, err := b.open(i)
		if err != nil {
			inv.Problems = append(inv.Problems, fmt.Sprintf("gpu %d: %v", i, err))
			continue
		}
		inv.Devices = append(inv.Devices, g)
	}
	return inv, nil
}

// maxGPUs bounds what one node may have; HGX systems have 8, the largest
// known chassis 16 to 20.
const maxGPUs = 64

func (b *backend) open(i int) (*gpu, error) {
	h, r := b.lib.DeviceGetHandleByIndex(i)
	if r != nvml.SUCCESS {
		return nil, failure("nvmlDeviceGetHandleByIndex", r, "")
	}
	uuid, r := h.GetUUID()
	if r != nvml.SUCCESS {
		return nil, failure("nvmlDeviceGetUUID", r, "")
	}
	if g := b.known(uuid, h); g != nil {
		return g, nil
	}
	g := &gpu{b: b, h: h, info: device.Info{UUID: uuid, Index: i, Vendor: "nvidia", Driver: b.info.Driver, CUDA: b.info.CUDA}}
	if b.has("nvmlDeviceGetName") {
		g.info.Name, _ = h.GetName()
	}
	if p, r := h.GetPciInfo(); r == nvml.SUCCESS {
		g.info.PCI = pciAddress(p)
	}
	b.remember(g)
	return g, nil
}

// pciAddress is the address as sysfs spells it: domain:bus:device.function.
func pciAddress(p nvml.PciInfo) string {
	return fmt.Sprintf("%04x:%02x:%02x.0", p.Domain, p.Bus, p.Device)
}

func (b *backend) known(uuid string, h nvml.Device) *gpu {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g := b.gpus[uuid]; g != nil && g.h == h {
		return g
	}
	return nil
}

func (b *backend) remember(g *gpu) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gpus[g.info.UUID] = g
}

// has reports whether the library has one of the space-separated functions.
func (b *backend) has(versions string) bool {
	for name := range strings.FieldsSeq(versions) {
		if present(name) {
			return true
		}
	}
	return false
}

func (b *backend) Events(devices []device.Device, timeout time.Duration) ([]device.XID, bool) {
	if !b.events {
		return nil, false
	}
	if b.set == nil {
		set, r := b.lib.EventSetCreate()
		if r != nvml.SUCCESS {
			return nil, false
		}
		b.set = set
	}
	b.register(devices)
	data, r := b.lib.EventSetWait(b.set, uint32(timeout.Milliseconds()))
	switch r {
	case nvml.SUCCESS:
	case nvml.ERROR_TIMEOUT:
		return nil, true
	default:
		// A wait that fails at once must not become a busy loop; the calls to
		// the devices tell what is wrong.
		<-time.After(timeout)
		return nil, true
	}
	if data.EventType != nvml.EventTypeXidCriticalError {
		return nil, true
	}
	return []device.XID{{UUID: b.uuidOf(data.Device), Code: data.EventData, Time: time.Now()}}, true
}

// register asks for the critical errors of devices not asked for before. One
// that refuses has none, and is not asked again.
func (b *backend) register(devices []device.Device) {
	for _, d := range devices {
		g, ok := d.(*gpu)
		if !ok || g.info.Parent != "" || b.noted[g.info.UUID] {
			continue
		}
		b.noted[g.info.UUID] = true
		g.h.RegisterEvents(nvml.EventTypeXidCriticalError, b.set)
	}
}

// uuidOf finds the device of an event without asking the driver, which may be
// stuck on that very device.
func (b *backend) uuidOf(h nvml.Device) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for uuid, g := range b.gpus {
		if g.h == h && g.info.Parent == "" {
			return uuid
		}
	}
	return ""
}
