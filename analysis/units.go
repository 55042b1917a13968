package analysis

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"nodemeter/collector/metric"
)

// FormatValue writes a figure for people: ratios as percent, bytes in binary
// units, rates with their unit. A figure that does not exist is "-".
func FormatValue(n Number, u metric.Unit) string {
	v := float64(n)
	if n.IsNaN() {
		return "-"
	}
	switch u {
	case metric.Ratio:
		return fmt.Sprintf("%.1f%%", v*100)
	case metric.Bytes:
		return FormatBytes(v)
	case metric.Mbps:
		return FormatShort(v) + " Mbit/s"
	case metric.Seconds:
		return FormatDuration(time.Duration(v * float64(time.Second)))
	case metric.Joules:
		return FormatEnergy(v)
	case metric.Watts:
		return FormatShort(v) + " W"
	case metric.Celsius:
		return FormatShort(v) + " °C"
	case metric.Hertz:
		return FormatShort(v/1e6) + " MHz"
	case metric.Bytes + "/s":
		return FormatBytes(v) + "/s"
	}
	return FormatShort(v)
}

// FormatShort writes a number with about three digits and no exponent below 10^9.
func FormatShort(v float64) string {
	a := math.Abs(v)
	switch {
	case a >= 1e9:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case a >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.01:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// FormatBytes writes bytes in binary units.
func FormatBytes(v float64) string {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return FormatShort(v) + " " + units[i]
}

// FormatEnergy writes joules as kWh, Wh or J.
func FormatEnergy(j float64) string {
	switch {
	case math.Abs(j) >= 3.6e6:
		return FormatShort(j/3.6e6) + " kWh"
	case math.Abs(j) >= 3600:
		return FormatShort(j/3600) + " Wh"
	}
	return FormatShort(j) + " J"
}

// FormatDuration writes a span with its two largest units, down to milliseconds.
func FormatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "-" + FormatDuration(-d)
	case d >= 365*day:
		return fmt.Sprintf("%.1f years", d.Hours()/24/365.25)
	case d >= day:
		return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return FormatShort(d.Seconds()) + " s"
}

// countOf writes "1 row", "1,234 rows".
func countOf(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return FormatCount(n) + " " + noun
}

// FormatCount writes a whole number with thousands apart.
func FormatCount(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rateUnit is the unit of a counter's growth a second.
func rateUnit(u metric.Unit) metric.Unit {
	switch u {
	case metric.Joules:
		return metric.Watts
	case metric.Seconds, metric.Count:
		return metric.Count // seconds a second: how many at once
	}
	return u + "/s"
}
