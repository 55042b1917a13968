package analysis

import (
	"fmt"
	"regexp"
	"slices"
)

// check is the computation behind rules.
type check struct {
	thresholds []string // every one must be given
	fills      []string // what it fills into says and remedy, besides who, n and total
	run        func(*inquiry)
}

// checks are the computations that rules can name.
func checks() map[string]check {
	return map[string]check{
		"gpu-unused":      {[]string{"max"}, []string{"gpu_hours"}, checkGPUUnused},
		"gpu-low":         {[]string{"above", "max"}, []string{"mean"}, checkGPULow},
		"gpu-fluctuating": {[]string{"high", "low"}, []string{"high", "low"}, checkGPUFluctuating},
		"gpu-hollow":      {[]string{"util", "active"}, nil, checkGPUHollow},
		"gpu-throttled":   {throttleReasons[:], nil, checkGPUThrottled},
		"gpu-idle-hours":  {[]string{"share"}, []string{"idle_hours", "gpu_hours", "share", "energy"}, checkGPUIdleHours},
		"input-bound":     {[]string{"gpu", "cpu", "share"}, nil, checkInputBound},
		"cpu-low":         {[]string{"above", "max"}, []string{"mean", "cores_used"}, checkCPULow},
		"serial":          {[]string{"low", "high"}, nil, checkSerial},
		"imbalance":       {[]string{"spread", "least"}, []string{"spread"}, checkImbalance},
		"stopped-early":   {[]string{"rate", "active", "share"}, nil, checkStoppedEarly},
		"memory-over":     {[]string{"max", "margin"}, []string{"peak_share", "need"}, checkMemoryOver},
		"memory-leak":     {[]string{"growth", "steady"}, nil, checkMemoryLeak},
		"pressure-cpu":    {[]string{"mean"}, nil, checkPressure("pressure_cpu_some_ratio")},
		"pressure-memory": {[]string{"mean"}, nil, checkPressure("pressure_memory_some_ratio")},
		"io-bound":        {[]string{"pressure", "iowait"}, nil, checkIOBound},
		"network-bound":   {[]string{"link_mbps", "full", "share"}, nil, checkNetworkBound},
	}
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// placeholders reports a {name} in the rule's words that its check does not fill in.
func (c *check) placeholders(texts ...string) error {
	for _, text := range texts {
		for _, p := range placeholder.FindAllString(text, -1) {
			if name := p[1 : len(p)-1]; !slices.Contains(c.fills, name) && !slices.Contains([]string{"who", "n", "total"}, name) {
				return fmt.Errorf("the check does not fill in %s", p)
			}
		}
	}
	return nil
}
