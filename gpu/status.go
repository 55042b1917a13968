package gpu

import (
	"cmp"
	"slices"
	"time"

	"nodemeter/gpu/device"
	"nodemeter/gpu/wire"
)

// Status is a snapshot of the GPU path for people and for the agent's own
// metrics. It shares no memory with the Source.
type Status struct {
	// State is the node's state, as in gpu_state.
	State string
	// Failure says why no reader serves; "" when one does or none is needed.
	Failure   string
	Libraries []device.Library
	Devices   []DeviceStatus
	// Calls says how each driver call has fared since the reader started.
	Calls []wire.Call
	// Processes are those on the devices, as of each list's time, some seconds ago
	// at most; nothing while no reader serves.
	Processes []wire.ProcessList
	// ReadersStarted and ReadersLost count since the agent's start.
	ReadersStarted, ReadersLost int
	// ReadersStuck were told to leave and are still there.
	ReadersStuck int
	// ReaderPID is the serving reader's; 0 without one.
	ReaderPID int
}

// CallSum is one driver call, summed over devices.
type CallSum struct {
	Name          string
	Count, Failed uint64
	// Total is the time spent in it, Max the longest single call.
	Total, Max time.Duration
}

// ByCall sums the calls over devices, by name: the series to export. They
// start anew with each reader.
func (st *Status) ByCall() []CallSum {
	at := map[string]int{}
	var sums []CallSum
	for _, c := range st.Calls {
		i, ok := at[c.Name]
		if !ok {
			i = len(sums)
			at[c.Name] = i
			sums = append(sums, CallSum{Name: c.Name})
		}
		s := &sums[i]
		s.Count += c.Count
		s.Failed += c.Failed
		s.Total += c.Total
		s.Max = max(s.Max, c.Max)
	}
	slices.SortFunc(sums, func(a, b CallSum) int { return cmp.Compare(a.Name, b.Name) })
	return sums
}

// DeviceStatus is a device and its condition.
type DeviceStatus struct {
	wire.DeviceInfo
	State device.State
	// Why is the reason of a state other than ok.
	Why   string
	Since time.Time
}

// facts is what replies say besides values.
type facts struct {
	libraries     []device.Library
	detail        *wire.Detail
	started, lost int
}

func (f *facts) note(r *reply) {
	if r.hello != nil {
		f.libraries = r.hello.Libraries
	}
	if r.detail != nil {
		f.detail = r.detail
	}
}

// Status returns the present condition.
func (s *Source) Status() Status {
	stuck := s.stuck()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{State: s.state().String(), Libraries: append([]device.Library(nil), s.facts.libraries...),
		ReadersStarted: s.facts.started, ReadersLost: s.facts.lost, ReadersStuck: stuck}
	if s.failure != nil {
		st.Failure = s.failure.Error()
	}
	if d := s.facts.detail; d != nil {
		st.Calls = append(st.Calls, d.Calls...)
	}
	if s.serving != nil {
		st.ReaderPID = s.serving.cmd.Process.Pid
		if d := s.facts.detail; d != nil {
			st.Processes = append(st.Processes, d.Processes...)
		}
	}
	for _, a := range s.ledger.order {
		st.Devices = append(st.Devices, DeviceStatus{DeviceInfo: a.info, State: a.state, Why: a.why, Since: a.since})
	}
	return st
}
