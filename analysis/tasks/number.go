package tasks

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"nodemeter/analysis"
)

// Number is a float64 that JSON shows as null where it does not exist.
type Number = analysis.Number

// known says whether there is a finite number.
func known(n Number) bool { return !n.IsNaN() }

// none is the Number that JSON shows as null.
func none() Number { return Number(math.NaN()) }

func numbers(xs []float64) []Number {
	out := make([]Number, len(xs))
	for i, x := range xs {
		out[i] = Number(x)
	}
	return out
}

// ConfigID names a configuration: a number where every id of the file is one, a
// text otherwise, as pandas reads the column.
type ConfigID struct {
	Text    string
	value   float64
	numeric bool
}

// NumberedConfig is a ConfigID that is a number.
func NumberedConfig(n int) ConfigID {
	return ConfigID{Text: strconv.Itoa(n), value: float64(n), numeric: true}
}

// NamedConfig is a ConfigID that is a text.
func NamedConfig(name string) ConfigID { return ConfigID{Text: name} }

// String is the id as it stands in the file.
func (c ConfigID) String() string { return c.Text }

// MarshalJSON writes a number or a string.
func (c ConfigID) MarshalJSON() ([]byte, error) {
	if c.numeric {
		return Number(c.value).MarshalJSON()
	}
	return json.Marshal(c.Text)
}

// compareIDs orders as pandas sorts the column: numbers by value, texts by bytes.
func compareIDs(a, b ConfigID) int {
	if a.numeric && b.numeric {
		return compareFloats(a.value, b.value)
	}
	switch {
	case a.Text < b.Text:
		return -1
	case a.Text > b.Text:
		return 1
	}
	return 0
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// list joins words as a sentence does.
func list(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

// significant formats x with n significant digits, without an exponent for the sizes
// that durations and rates have.
func significant(x float64, n int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "-"
	}
	a := math.Abs(x)
	if a == 0 {
		return "0"
	}
	if a < 1e-6 || a >= 1e9 {
		return strconv.FormatFloat(x, 'g', n, 64)
	}
	decimals := n - 1 - int(math.Floor(math.Log10(a)))
	return strconv.FormatFloat(x, 'f', max(decimals, 0), 64)
}
