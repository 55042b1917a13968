package plot

import "math"

// extent collects a range of data; NaN and infinities are left out.
type extent struct {
	min, max float64
	any      bool
}

func (e *extent) add(vs ...float64) {
	for _, v := range vs {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		if !e.any || v < e.min {
			e.min = v
		}
		if !e.any || v > e.max {
			e.max = v
		}
		e.any = true
	}
}

func (e *extent) lo() float64 {
	if !e.any {
		return math.Inf(1)
	}
	return e.min
}

func (e *extent) hi() float64 {
	if !e.any {
		return math.Inf(-1)
	}
	return e.max
}

// span is a half-open range of indices.
type span struct{ from, to int }

// runs are the stretches without a NaN in x or y.
func runs(x, y []float64) []span {
	var out []span
	from := -1
	n := min(len(x), len(y))
	for i := range n {
		ok := !math.IsNaN(x[i]) && !math.IsNaN(y[i]) && !math.IsInf(y[i], 0)
		if ok && from < 0 {
			from = i
		}
		if !ok && from >= 0 {
			out = append(out, span{from, i})
			from = -1
		}
	}
	if from >= 0 {
		out = append(out, span{from, n})
	}
	return out
}
