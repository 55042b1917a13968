package analysis

import (
	"math"
	"strings"
)

// sparkLevels are eighths of a full cell.
var sparkLevels = [...]rune{'▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'}

// Sparkline draws values of 0-top as n characters, each the mean of its share
// of the values; "·" is a gap. The scale is fixed, so lines can be compared.
func Sparkline(values []float64, top float64, n int) string {
	n = min(n, len(values))
	var b strings.Builder
	for i := range n {
		var m rowMean
		for _, v := range values[i*len(values)/n : (i+1)*len(values)/n] {
			m.add(v)
		}
		v := float64(m.mean())
		if math.IsNaN(v) || top <= 0 {
			b.WriteRune('·')
			continue
		}
		level := int(v / top * float64(len(sparkLevels)))
		b.WriteRune(sparkLevels[min(max(level, 0), len(sparkLevels)-1)])
	}
	return b.String()
}

// Bar draws a share of 0-1 as a bar of n characters.
func Bar(share float64, n int) string {
	if math.IsNaN(share) {
		return strings.Repeat("·", n)
	}
	full := int(math.Round(min(max(share, 0), 1) * float64(n)))
	return strings.Repeat("█", full) + strings.Repeat("░", n-full)
}
