//go:build cgo && linux && (amd64 || arm64)

package nvml

import (
	"nodemeter/gpu/device"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// status names a return code of NVML (nvml.h, nvmlReturn_t).
func status(r nvml.Return) device.Status {
	switch r {
	case nvml.SUCCESS:
		return device.OK
	case nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_INVALID_ARGUMENT, nvml.ERROR_ARGUMENT_VERSION_MISMATCH, nvml.ERROR_DEPRECATED:
		// Invalid argument and version mismatch are what older drivers say
		// to questions that they do not know.
		return device.NotSupported
	case nvml.ERROR_FUNCTION_NOT_FOUND:
		return device.FunctionMissing
	case nvml.ERROR_NOT_FOUND, nvml.ERROR_NO_DATA, nvml.ERROR_NOT_READY:
		return device.NoData
	case nvml.ERROR_NO_PERMISSION:
		return device.NoPermission
	case nvml.ERROR_GPU_IS_LOST, nvml.ERROR_GPU_NOT_FOUND:
		return device.Lost
	case nvml.ERROR_RESET_REQUIRED:
		return device.ResetRequired
	case nvml.ERROR_IN_USE:
		return device.InUse
	case nvml.ERROR_TIMEOUT:
		return device.TimedOut
	case nvml.ERROR_UNINITIALIZED:
		return device.Uninitialized
	case nvml.ERROR_DRIVER_NOT_LOADED:
		return device.DriverNotLoaded
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return device.LibraryNotFound
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return device.VersionMismatch
	}
	return device.Failed
}

// failure is the error for a call that did not end well.
func failure(call string, r nvml.Return, detail string) error {
	return &device.Error{Call: call, Status: status(r), Code: int(r), Detail: detail}
}
