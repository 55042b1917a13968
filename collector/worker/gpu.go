package worker

import "os"

// GPUProcess is a process on a GPU, as the driver tells.
type GPUProcess struct {
	UUID string // of the device, or of the MIG instance
	PID  int    // in the namespace of the agent's /proc
	// MemoryBytes is the device memory it holds; negative when the driver does not say.
	MemoryBytes int64
	// Util is the share of the device's time it used lately; negative when the
	// driver does not say.
	Util float64
}

// initialPIDs names the machine's own process numbers (PROC_PID_INIT_INO).
const initialPIDs = "pid:[4026531836]"

// namespaced reports whether the agent sees other process numbers than the
// driver, which counts from outside of containers: a number would be taken for
// somebody else's.
func (f *files) namespaced() bool {
	numbers, err := os.Readlink(f.path("proc", "self", "ns", "pid"))
	return err == nil && numbers != initialPIDs
}

// gpuUse is what a worker has on GPUs.
type gpuUse struct {
	known     bool // GPUs are read
	devices   map[string]bool
	memory    int64
	hasMemory bool
	util      float64
	hasUtil   bool
}

// attributeGPUs gives each process on a GPU to its worker. A process whose
// number is not in /proc, or is of a container with numbers of its own, is
// nobody's.
func (s *Source) attributeGPUs() {
	var list []GPUProcess
	if s.o.GPUs != nil {
		list = s.o.GPUs()
	}
	for _, w := range s.workers {
		w.gpu = gpuUse{known: list != nil}
	}
	for _, p := range list {
		w := s.workerOf(p.PID)
		if w == nil {
			continue
		}
		if w.gpu.devices == nil {
			w.gpu.devices = map[string]bool{}
		}
		w.gpu.devices[p.UUID] = true
		if p.MemoryBytes >= 0 {
			w.gpu.memory += p.MemoryBytes
			w.gpu.hasMemory = true
		}
		if p.Util >= 0 {
			w.gpu.util += p.Util
			w.gpu.hasUtil = true
		}
	}
}

// workerOf finds whose a process is: its tree's, or its control group's.
func (s *Source) workerOf(pid int) *worker {
	if p := s.ledger.byPID[pid]; p != nil {
		return s.trees[p.owner]
	}
	return s.groupOf(pid)
}
