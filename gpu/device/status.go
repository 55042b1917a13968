package device

import "fmt"

// Status is how a call to a driver ended, in our own words: the numbers of
// NVML and of errno stay inside their backends.
type Status uint8

// The statuses. The numbers cross the pipe between reader and agent, which are
// the same binary, and are not stored.
const (
	OK              Status = iota
	NotSupported           // this device cannot answer, now or later
	FunctionMissing        // the library has no such function
	NoData                 // nothing new to say at this moment
	NoPermission           // the driver refuses this user
	Lost                   // the GPU has fallen off the bus or is otherwise inaccessible
	ResetRequired          // the GPU answers again only after a reset
	InUse                  // the GPU is being reset or reconfigured by somebody
	TimedOut               // the driver itself gave up waiting
	Uninitialized          // the library has forgotten its initialization
	DriverNotLoaded        // library without kernel driver
	LibraryNotFound        // no library
	VersionMismatch        // library and kernel driver differ: an update without a reboot
	Garbage                // an answer that cannot be true
	Failed                 // anything else
)

var statusNames = [...]string{
	OK: "ok", NotSupported: "not supported", FunctionMissing: "function missing in the library", NoData: "no data",
	NoPermission: "no permission", Lost: "gpu is lost", ResetRequired: "gpu needs a reset", InUse: "gpu is in use by a reset or reconfiguration",
	TimedOut: "driver timed out", Uninitialized: "library not initialized", DriverNotLoaded: "driver not loaded",
	LibraryNotFound: "library not found", VersionMismatch: "library and kernel driver versions differ",
	Garbage: "impossible value", Failed: "failed",
}

// String is the status in words.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status-%d", uint8(s))
}

// Permanent reports whether asking again is pointless while the same library
// serves the same device.
func (s Status) Permanent() bool {
	return s == NotSupported || s == FunctionMissing || s == NoPermission
}

// Error is a status with the call that ended so.
type Error struct {
	Call   string
	Status Status
	// Code is the driver's own number, for people who search the web for it.
	Code int
	// Detail adds what the driver or the loader said; may be empty.
	Detail string
}

// Error says call, status and number.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s (code %d)", e.Call, e.Status, e.Code)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// State is the condition of a device as published.
type State uint8

// The device states.
const (
	StateOK          State = iota
	StateHung              // a call has not returned within its deadline
	StateLost              // the driver has lost the device, or it is no longer there
	StateResetting         // the driver wants or is doing a reset or a reconfiguration
	StateUnsupported       // the device answers, but can say nothing of its utilization
	StateFailed            // calls return errors of another kind
	StateReleased          // handles were given back on request
	states
)

var stateNames = [...]string{"ok", "hung", "lost", "resetting", "unsupported", "failed", "released"}

// Valid reports whether s is one of the states above.
func (s State) Valid() bool { return s < states }

// String is the state's name.
func (s State) String() string {
	if s.Valid() {
		return stateNames[s]
	}
	return fmt.Sprintf("state-%d", uint8(s))
}

// Condition turns how a call ended into what that says about its device.
// Statuses that concern the call alone say nothing: the second result is false.
func (s Status) Condition() (State, bool) {
	switch s {
	case Lost:
		return StateLost, true
	case ResetRequired, InUse:
		return StateResetting, true
	case Uninitialized, DriverNotLoaded, VersionMismatch, TimedOut, Failed:
		return StateFailed, true
	}
	return StateOK, false
}
