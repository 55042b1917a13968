package metric

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Kind says how a metric's values relate over time.
type Kind uint8

const (
	// Gauge is a value at, or over, the tick's interval.
	Gauge Kind = 1
	// Counter only grows, except when whatever counts it restarts.
	Counter Kind = 2
)

// String is the name used in documentation and metadata.
func (k Kind) String() string {
	switch k {
	case Gauge:
		return "gauge"
	case Counter:
		return "counter"
	}
	return fmt.Sprintf("kind-%d", uint8(k))
}

// Type is how a metric's values are stored.
type Type uint8

// The value types. Numbers are written to disk and never reused.
const (
	TypeFloat Type = 1 // ratios, rates, seconds, joules: float64
	TypeInt   Type = 2 // counts and bytes: int64
	TypeState Type = 3 // one of Desc.States
)

// Unit is a base unit in the sense of Prometheus, spelt as it appears in names.
type Unit string

// The units in use.
const (
	Ratio   Unit = "ratio" // 0-1
	Bytes   Unit = "bytes"
	Seconds Unit = "seconds"
	Joules  Unit = "joules"
	Watts   Unit = "watts"
	Celsius Unit = "celsius"
	Hertz   Unit = "hertz"
	Mbps    Unit = "mbps"  // 10^6 bits per second; windows and CSV only, as the notebook names it
	Count   Unit = "count" // a plain number of things
)

// Desc declares a metric, once, beside the code that reads it. The exporter's
// family, the window's column and the report's label all come from it.
// A Desc is declared as a package-level value, never changed, and compared by pointer.
type Desc struct {
	// On is the kind of entity that carries this metric.
	On EntityKind
	// Column is the name in windows, CSV and JSON. Descs of several entity
	// kinds share a column where the number means the same (cpu_util of a
	// node and of a core); unit, kind and type must then agree.
	Column string
	// Metric is the Prometheus family, or "" for a number that is kept in
	// windows only (network_mbps, which is not a base unit).
	Metric string
	// Labels are constant labels that tell several Descs of one family
	// apart, such as mode="user".
	Labels []Label
	// Help says what the number is, one sentence, with its source.
	Help string
	Unit Unit
	Kind Kind
	Type Type
	// Step is the smallest difference kept in windows, for TypeFloat: values
	// are rounded to a multiple of it (0.0001 of a ratio, say). Zero keeps
	// every bit.
	Step float64
	// States are the names of a TypeState metric, in the order of their
	// numbers. Names are only ever appended.
	States []string
	// Absent says what it means when an entity has no value at a tick.
	Absent string
}

// mustBe is small enough to be inlined where points are made.
func (d *Desc) mustBe(t Type) {
	if d.Type != t {
		d.misused(t)
	}
}

func (d *Desc) misused(t Type) {
	panic(fmt.Sprintf("metric %s is of type %d, used as %d", d.Column, d.Type, t))
}

var (
	columnRE = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	metricRE = regexp.MustCompile(`^nodemeter_[a-z][a-z0-9_]{0,100}$`)
)

// Check reports what is wrong with a set of descriptors: names, units that do
// not agree with names, columns shared by metrics of different meaning.
func Check(descs []*Desc) error {
	columns := map[string]*Desc{}
	type identity struct {
		on     EntityKind
		column string
	}
	seen := map[identity]bool{}
	families := map[string]*Desc{}
	for _, d := range descs {
		if err := d.check(); err != nil {
			return fmt.Errorf("metric %q on %s: %w", d.Column, d.On, err)
		}
		if id := (identity{d.On, d.Column}); seen[id] {
			return fmt.Errorf("metric %q on %s: declared twice", d.Column, d.On)
		} else {
			seen[id] = true
		}
		if o := columns[d.Column]; o != nil && (o.Unit != d.Unit || o.Kind != d.Kind || o.Type != d.Type || o.Step != d.Step || !slices.Equal(o.States, d.States)) {
			return fmt.Errorf("column %q: %s and %s disagree on unit, kind, type, step or states", d.Column, o.On, d.On)
		}
		columns[d.Column] = d
		if o := families[d.Metric]; d.Metric != "" && o != nil && (o.On != d.On || o.Kind != d.Kind || o.Unit != d.Unit || o.Help != d.Help) {
			return fmt.Errorf("family %s: columns %q and %q disagree on entity, kind, unit or help", d.Metric, o.Column, d.Column)
		}
		families[d.Metric] = d
	}
	return nil
}

func (d *Desc) check() error {
	switch {
	case !d.On.Valid():
		return fmt.Errorf("no entity kind")
	case !columnRE.MatchString(d.Column):
		return fmt.Errorf("column name must match %s", columnRE)
	case d.Metric != "" && !metricRE.MatchString(d.Metric):
		return fmt.Errorf("family %q must match %s", d.Metric, metricRE)
	case d.Kind != Gauge && d.Kind != Counter:
		return fmt.Errorf("kind must be gauge or counter")
	case d.Metric != "" && (d.Kind == Counter) != strings.HasSuffix(d.Metric, "_total"):
		return fmt.Errorf("family %q: _total belongs to counters and to them alone", d.Metric)
	case d.Help == "" || d.Absent == "":
		return fmt.Errorf("help and absent must say something")
	case d.Unit == "":
		return fmt.Errorf("no unit")
	case (d.Unit == Bytes) != (d.Type == TypeInt) && d.Unit != Count:
		return fmt.Errorf("bytes are integers; ratios, seconds and rates are not")
	case (d.Type == TypeState) != (len(d.States) > 0):
		return fmt.Errorf("states belong to TypeState and to it alone")
	case d.Metric != "" && !d.Unit.endsName(d.Metric):
		return fmt.Errorf("family %q does not end in its unit %s", d.Metric, d.Unit)
	}
	return nil
}

func (u Unit) endsName(family string) bool {
	family = strings.TrimSuffix(family, "_total")
	switch u {
	case Count:
		return true
	case Mbps:
		return false
	}
	return strings.HasSuffix(family, "_"+string(u))
}
