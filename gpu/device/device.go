// Package device is the narrow interface between the GPU reader and the
// drivers: what a device is (Info), what can be asked of it (Call), and what it
// answered (Reading). NVML and amdgpu's files stand behind it.
//
// Data flows from a Call into the Reading of its device. All calls of one lane
// (a GPU and the MIG instances cut from it) are made by one goroutine, one
// after another, so backends need no locks for per-device state; any call may
// block for ever.
package device

import "time"

// Tier says how often a call is made.
type Tier uint8

// The tiers, by cost.
const (
	Fast   Tier = iota // each tick: microseconds
	Medium             // some seconds apart: hundreds of microseconds
	Slow               // tens of seconds apart: milliseconds and more
	Tiers
)

// Call is one question to one device.
type Call struct {
	// Name is the driver's function or file, as its documentation spells it.
	Name string
	Tier Tier
	// Columns are the columns that stay empty when the device answers
	// NotSupported; they are listed in the device's "unsupported" label.
	Columns []string
	// Vital calls decide on the device's state: their failure means that the
	// device is not well, where another call's failure is that call's alone.
	Vital bool
	// Read asks and adds what was answered to r.
	Read func(r *Reading) Status
}

// Info is what a device is. It does not change while the device is open,
// except that a new enumeration may bring a new Info for the same UUID.
type Info struct {
	UUID   string
	Index  int
	Name   string
	Vendor string // nvidia or amd
	Driver string // version of the kernel driver
	PCI    string // domain:bus:device.function, lower case
	CUDA   string // highest CUDA version the driver serves, "" when there is none
	// Parent is the UUID of the GPU a MIG instance is cut from, "" for a whole GPU.
	Parent  string
	Profile string // of a MIG instance: 1g.10gb and so on
	GI, CI  int    // of a MIG instance: GPU and compute instance numbers
}

// Device is one open GPU or MIG instance.
type Device interface {
	Info() Info
	// Calls lists what can be asked, in the order to ask it.
	Calls() []Call
}

// Divisible is a GPU that can be cut into MIG instances.
type Divisible interface {
	Device
	// Parts lists the instances there are. It asks the driver, so the GPU's
	// lane calls it. An instance met before is the same Device.
	Parts() []Device
}

// Library is what a backend found at its start.
type Library struct {
	Backend string // nvml or amdgpu
	Path    string // of the library, or of the directory read
	Version string // of the library itself, "" when there is none
	Driver  string
	CUDA    string
	// Missing are functions that we would use and the library lacks.
	Missing []string
}

// Inventory is one enumeration.
type Inventory struct {
	Devices []Device
	// Count is how many GPUs the driver speaks of, including those that could
	// not be opened.
	Count int
	// Problems says which could not be opened, and why.
	Problems []string
}

// XID is one critical error reported by NVIDIA's driver.
type XID struct {
	UUID string // of the GPU; "" when the driver could not say
	Code uint64
	Time time.Time
}

// Backend is one vendor's driver. Any method may block for ever.
type Backend interface {
	// Open loads and initializes the driver's library.
	Open() (Library, error)
	// Devices enumerates whole GPUs. One met before is the same Device.
	Devices() (Inventory, error)
	// Events waits at most timeout for critical errors of the given devices
	// and returns those that happened. A backend without events returns
	// ok == false at once and is not asked again.
	Events(devices []Device, timeout time.Duration) (events []XID, ok bool)
}

// Process is one process on a device.
type Process struct {
	PID int `json:"pid"`
	// MemoryBytes is the device memory it holds; -1 when the driver does not say.
	MemoryBytes int64 `json:"memory_bytes"`
	// Util is the share (0-1) of the device's time it used lately; -1 when the
	// driver does not say.
	Util float64 `json:"util"`
	// MIG is the UUID of the MIG instance it runs in, "" for a whole GPU.
	MIG string `json:"mig,omitempty"`
}
