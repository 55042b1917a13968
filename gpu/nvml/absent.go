//go:build !cgo || !linux || !(amd64 || arm64)

package nvml

import (
	"time"

	"nodemeter/gpu/device"
)

// Available says why NVML is not in this binary, or "" where it is.
const Available = "this binary was built without cgo, or for a platform without NVML (it needs linux on amd64 or arm64 and CGO_ENABLED=1)"

type backend struct{}

// New returns a backend that cannot be opened.
func New(string) device.Backend { return backend{} }

func (backend) Open() (device.Library, error) {
	return device.Library{Backend: "nvml"}, &device.Error{Call: "nvml", Status: device.LibraryNotFound, Detail: Available}
}

func (backend) Devices() (device.Inventory, error) { return device.Inventory{}, nil }

func (backend) Events([]device.Device, time.Duration) ([]device.XID, bool) { return nil, false }
