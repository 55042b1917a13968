package analysis

import (
	"testing"

	"nodemeter/collector/metric"
)

// "No GPU", "not supported" and "read failed" must stay different in words.
func TestWhyThereIsNoGPUFigure(t *testing.T) {
	for want, states := range map[string][]map[string]float64{
		"no sample has a GPU value": {nil},
		"there is no GPU":           {{"none": 10}, {"none": 3}},
		"the GPUs do not tell their utilization (not supported, or MIG)": {{"ok": 10}, {"none": 10}},
		"the GPUs could not be read (gpu_state: failed)":                 {{"failed": 10}},
		"the GPUs could not be read (gpu_state: hung, ok)":               {{"ok": 10, "hung": 2}},
		"the GPUs could not be read (gpu_state: released)":               {{"released": 4, "none": 1}},
	} {
		var r Result
		for i, s := range states {
			e := &EntityResult{Entity: Entity{Node: string(rune('a' + i)), Kind: metric.Node}}
			if s != nil {
				e.States = map[string]map[string]float64{"gpu_state": s}
			}
			r.Entities = append(r.Entities, e)
		}
		if got := r.whyNoGPU(); got != want {
			t.Errorf("%v: %q, want %q", states, got, want)
		}
	}
}
