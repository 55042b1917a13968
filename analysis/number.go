package analysis

import (
	"encoding/json"
	"math"
)

// Number is a float64 that JSON shows as null where it is NaN or infinite:
// a figure that does not exist, which is not zero.
type Number float64

// NaN is the figure that does not exist.
func NaN() Number { return Number(math.NaN()) }

// IsNaN reports whether the figure does not exist.
func (n Number) IsNaN() bool { return math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) }

// MarshalJSON writes the shortest text that reads back as the same float64.
func (n Number) MarshalJSON() ([]byte, error) {
	if n.IsNaN() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON is the inverse: null is NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = NaN()
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}
