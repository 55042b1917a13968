//go:build cgo && linux && (amd64 || arm64)

package nvml

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// bind loads the library and resolves every function of the binding, before
// the binding itself opens the library. A process binds once.
func bind(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	// dlerror's text belongs to the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if why := C.nodemeter_nvml_bind(name); why != nil {
		return errors.New(C.GoString(why))
	}
	return nil
}

// present reports whether the bound library has a function.
func present(name string) bool {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.nodemeter_nvml_has(c) != 0
}
