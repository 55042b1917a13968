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
	"reflect"
	"runtime"
	"unsafe"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
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

// gpmBuffer is the question that GPM answers, in C's memory.
type gpmBuffer struct{ c *C.nodemeter_gpm }

// newGPMBuffer makes one, which lives as long as the process.
func newGPMBuffer() gpmBuffer {
	b := gpmBuffer{(*C.nodemeter_gpm)(C.calloc(1, C.sizeof_nodemeter_gpm))}
	b.c.version, b.c.count = nvml.GPM_METRICS_GET_VERSION, C.uint(len(gpmMetrics))
	for i, m := range gpmMetrics {
		b.c.metrics[i].id = C.uint(m.id)
	}
	return b
}

// compare asks for what happened between two samples.
func (b gpmBuffer) compare(older, newer gpmSample) nvml.Return {
	b.c.sample1, b.c.sample2 = older.c, newer.c
	return nvml.Return(C.nodemeter_gpm_get(b.c))
}

// gpmSample is go-nvml's sample and the library's pointer within it.
type gpmSample struct {
	nvml.GpmSample
	c unsafe.Pointer
}

func newGPMSample(s nvml.GpmSample) gpmSample { return gpmSample{s, handle(s)} }

// metric is the answer to the i-th of gpmMetrics.
func (b gpmBuffer) metric(i int) (float64, bool) {
	m := &b.c.metrics[i]
	return float64(m.value), nvml.Return(m.code) == nvml.SUCCESS
}

// handle is the library's pointer within go-nvml's device or sample, whose
// types are not exported but their only field is.
func handle(v any) unsafe.Pointer {
	return reflect.ValueOf(v).FieldByName("Handle").UnsafePointer()
}

// ring is one of a device's sample buffers, in C's memory.
type ring struct {
	c      *C.nodemeter_samples
	device unsafe.Pointer
}

// newRing makes one, which lives as long as the process.
func newRing(d nvml.Device, kind nvml.SamplingType) ring {
	r := ring{(*C.nodemeter_samples)(C.calloc(1, C.sizeof_nodemeter_samples)), handle(d)}
	r.c.kind = C.int(kind)
	return r
}

// read asks for the samples newer than since, in microseconds.
func (r ring) read(since uint64) nvml.Return {
	return nvml.Return(C.nodemeter_samples_get(r.c, r.device, C.ulonglong(since)))
}

// len is how many the last read brought; at returns the i-th.
func (r ring) len() int { return int(r.c.count) }

// full reports whether the last read brought all that the driver keeps.
func (r ring) full() bool { return r.c.count > 0 && r.c.count == r.c.room }

func (r ring) at(i int) (stampMicros uint64, value float64, ok bool) {
	s := &r.c.samples[i]
	value, ok = number(nvml.ValueType(r.c._type), *(*[8]byte)(unsafe.Pointer(&s.value)))
	return uint64(s.stamp), value, ok
}

// present reports whether the bound library has a function.
func present(name string) bool {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.nodemeter_nvml_has(c) != 0
}
