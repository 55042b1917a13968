// Package nvml is the NVIDIA backend of the GPU reader, over go-nvml.
//
// It runs in the reader process only. Its calls may hang or crash; package
// reader is built for that. Where the program is built without cgo, New returns
// a backend that cannot be opened and says so.
package nvml
