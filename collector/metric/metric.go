// Package metric holds the nouns of nodemeter: what is measured (Entity), what
// is known about a number (Desc), one number (Point), and everything read at
// one tick (Sample).
//
// Data flows one way: sources fill a Batch, the tick loop turns the batches of
// one tick into a Sample, and the exporter, the window writer and --once read
// that Sample. A published Sample is immutable and may be shared by any number
// of goroutines; a Batch belongs to one goroutine at a time.
//
// The package imports the standard library only.
package metric

import (
	"fmt"
	"math"
)

// EntityKind says what sort of thing an entity is.
type EntityKind uint8

// The entity kinds. Numbers are written to disk and never reused.
const (
	Node   EntityKind = 1
	CPU    EntityKind = 2
	NIC    EntityKind = 3
	Disk   EntityKind = 4
	GPU    EntityKind = 5
	MIG    EntityKind = 6
	Worker EntityKind = 7
)

var entityKindNames = [...]string{Node: "node", CPU: "cpu", NIC: "nic", Disk: "disk", GPU: "gpu", MIG: "mig", Worker: "worker"}

// Valid reports whether k is one of the kinds above.
func (k EntityKind) Valid() bool { return k >= Node && k <= Worker }

// String is the name that windows, CSV and the command line use.
func (k EntityKind) String() string {
	if !k.Valid() {
		return fmt.Sprintf("entity-kind-%d", uint8(k))
	}
	return entityKindNames[k]
}

// ParseEntityKind is the inverse of String.
func ParseEntityKind(s string) (EntityKind, error) {
	for k := Node; k <= Worker; k++ {
		if entityKindNames[k] == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("unknown entity kind %q (known: node, cpu, nic, disk, gpu, mig, worker)", s)
}

// Label is the name of the Prometheus label that tells entities of a kind
// apart; the node needs none, because the scrape's instance is the node.
func (k EntityKind) Label() string {
	switch k {
	case CPU:
		return "cpu"
	case NIC, Disk:
		return "device"
	case GPU, MIG:
		return "uuid"
	case Worker:
		return "worker"
	}
	return ""
}

// Label is one name and value of identity.
type Label struct {
	Name, Value string
}

// Entity is what is measured. It is immutable once used in a Sample: when its
// Info changes (a new driver, a renamed link) the source makes a new Entity
// with the same Kind and ID.
type Entity struct {
	Kind EntityKind
	// ID is stable over restarts: a GPU's UUID rather than its index, a
	// link's or a disk's kernel name, a core's number, the node's name.
	ID string
	// Worker is the worker_id of the entity's rows. Empty means the node.
	Worker string
	// Info is identity worth keeping once per window and exporting as an
	// _info metric: model, driver, link type. Sorted by name, no duplicates.
	Info []Label
}

// Key identifies an entity within a node.
type Key struct {
	Kind EntityKind
	ID   string
}

// Key returns the identity of e.
func (e *Entity) Key() Key { return Key{e.Kind, e.ID} }

// Point is one number of one metric: a float64, an int64 or a state, as its
// Desc says. The zero Point is invalid; make one with Float, Int or State.
type Point struct {
	Desc *Desc
	bits uint64
}

// Float makes a point of a Float metric. It panics when d is of another type,
// which is a programming error; a NaN or an infinity is refused by Batch, not here.
func Float(d *Desc, v float64) Point {
	d.mustBe(TypeFloat)
	return Point{d, math.Float64bits(v)}
}

// Int makes a point of an Int metric: a count or bytes.
func Int(d *Desc, v int64) Point {
	d.mustBe(TypeInt)
	return Point{d, uint64(v)}
}

// State makes a point of a State metric; v indexes d.States.
func State(d *Desc, v int) Point {
	d.mustBe(TypeState)
	return Point{d, uint64(v)}
}

// Float returns the value as a float64, converting an integer or a state's index.
func (p Point) Float() float64 {
	if p.Desc.Type == TypeFloat {
		return math.Float64frombits(p.bits)
	}
	return float64(int64(p.bits))
}

// Int returns the value of an Int or State point; for a Float point it truncates.
func (p Point) Int() int64 {
	if p.Desc.Type == TypeFloat {
		return int64(math.Float64frombits(p.bits))
	}
	return int64(p.bits)
}

// StateName returns the name of a State point's value.
func (p Point) StateName() string {
	i := int(p.bits)
	if p.Desc.Type != TypeState || i < 0 || i >= len(p.Desc.States) {
		return ""
	}
	return p.Desc.States[i]
}

// plain reports that a point is valid at a glance, as nearly all are: an
// integer or a finite number that is not negative and, if a ratio, not above 1.
// The bits of such floats are in the order of their values.
func (p Point) plain() bool {
	switch p.Desc.Type {
	case TypeInt:
		return int64(p.bits) >= 0
	case TypeFloat:
		return p.bits < infinity && (p.Desc.Kind == Counter || p.bits <= one || p.Desc.Unit != Ratio)
	}
	return false
}

// The bits of two floats.
const (
	infinity = 0x7ff << 52
	one      = 0x3ff << 52
)

// valid reports why a point must not enter a Sample, or "" when it may.
func (p Point) valid() string {
	switch p.Desc.Type {
	case TypeFloat:
		v := p.Float()
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			return "not a finite number"
		case p.Desc.Unit == Ratio && (v < 0 || v > 1):
			return "a ratio outside 0-1"
		case p.Desc.Kind == Counter && v < 0:
			return "a negative counter"
		}
	case TypeInt:
		if p.Desc.Kind == Counter && int64(p.bits) < 0 {
			return "a negative counter"
		}
	case TypeState:
		if int64(p.bits) < 0 || int(p.bits) >= len(p.Desc.States) {
			return "an unknown state"
		}
	}
	return ""
}
