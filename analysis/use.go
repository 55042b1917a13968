package analysis

import (
	"math"

	"nodemeter/collector/metric"
	"nodemeter/collector/window"
)

// JointUse is what needs several columns of one row at once.
type JointUse struct {
	// CoreSecondsUsed and CoreSeconds are busy and available core seconds of a node.
	CoreSecondsUsed, CoreSeconds float64
	// MemoryPeak and MemoryTotal are bytes of a node; zero where unknown.
	MemoryPeak, MemoryTotal float64
	// MemoryPeakAt is nanoseconds since the epoch.
	MemoryPeakAt int64
	// GPUIdleJoules is what a GPU took while its utilization read zero.
	GPUIdleJoules float64
	// Cores is the most cores a node had.
	Cores float64
}

func (u *JointUse) add(c *window.Chunk, weights []float64) {
	switch c.Kind {
	case metric.Node:
		u.addCores(c, weights)
		u.addMemory(c)
	case metric.GPU:
		u.addGPU(c, weights)
	}
}

func (u *JointUse) addCores(c *window.Chunk, weights []float64) {
	util, count := c.Column("cpu_util"), c.Column("cpu_count")
	if util == nil || count == nil {
		return
	}
	for i := range c.Len() {
		n, ok := count.At(i)
		if !ok {
			continue
		}
		u.Cores = max(u.Cores, n)
		if v, ok := util.At(i); ok && !math.IsNaN(v) {
			u.CoreSecondsUsed += v * n * weights[i]
			u.CoreSeconds += n * weights[i]
		}
	}
}

func (u *JointUse) addMemory(c *window.Chunk) {
	total, available := c.Column("memory_total_bytes"), c.Column("memory_available_bytes")
	if total == nil || available == nil {
		return
	}
	for i := range c.Len() {
		t, ok1 := total.At(i)
		a, ok2 := available.At(i)
		if !ok1 || !ok2 {
			continue
		}
		u.MemoryTotal = max(u.MemoryTotal, t)
		if used := t - a; used > u.MemoryPeak {
			u.MemoryPeak, u.MemoryPeakAt = used, c.Time[i]
		}
	}
}

func (u *JointUse) addGPU(c *window.Chunk, weights []float64) {
	util, watts := c.Column("gpu_util"), c.Column("gpu_power_watts")
	if util == nil || watts == nil {
		return
	}
	for i := range c.Len() {
		v, ok1 := util.At(i)
		w, ok2 := watts.At(i)
		if ok1 && ok2 && v == 0 {
			u.GPUIdleJoules += w * weights[i]
		}
	}
}

// Use is what a recording used of what it had. Fields are NaN where the
// recording does not say.
type Use struct {
	CoreHoursUsed  Number `json:"core_hours_used"`
	CoreHours      Number `json:"core_hours"`
	Cores          Number `json:"cores"`             // of all nodes
	CoresUsedMean  Number `json:"cores_used_mean"`   // busy cores, weighted by time
	CoresUsedP95   Number `json:"cores_used_p95"`    // sum over nodes of each node's 95th percentile
	CoresUsedMax   Number `json:"cores_used_max"`    // sum over nodes of each node's maximum
	MemoryPeak     Number `json:"memory_peak_bytes"` // of one node
	MemoryPeakNode string `json:"memory_peak_node"`
	MemoryTotal    Number `json:"memory_total_bytes"` // of that node
	GPUs           int    `json:"gpus"`
	GPUHours       Number `json:"gpu_hours"`      // GPUs x time seen
	GPUHoursUsed   Number `json:"gpu_hours_used"` // weighted by utilization
	GPUHoursIdle   Number `json:"gpu_hours_idle"` // utilization exactly zero
	GPUJoules      Number `json:"gpu_energy_joules"`
	GPUIdleJoules  Number `json:"gpu_idle_energy_joules"`
}

// use adds up the entities' use.
func (r *Result) use() Use {
	n := NaN()
	u := Use{CoreHoursUsed: n, CoreHours: n, Cores: n, CoresUsedMean: n, CoresUsedP95: n, CoresUsedMax: n, MemoryPeak: n, MemoryTotal: n, GPUHours: n, GPUHoursUsed: n, GPUHoursIdle: n, GPUJoules: n, GPUIdleJoules: n}
	for _, e := range r.Entities {
		switch e.Entity.Kind {
		case metric.Node:
			u.addNode(e)
		case metric.GPU:
			u.addGPU(e)
		}
	}
	return u
}

// plus adds to a figure that may not exist yet.
func plus(n Number, v float64) Number {
	if n.IsNaN() {
		return Number(v)
	}
	return n + Number(v)
}

func (u *Use) addNode(e *EntityResult) {
	if x := e.Use; x.CoreSeconds > 0 {
		u.CoreHours = plus(u.CoreHours, x.CoreSeconds/3600)
		u.CoreHoursUsed = plus(u.CoreHoursUsed, x.CoreSecondsUsed/3600)
		u.Cores = plus(u.Cores, x.Cores)
		u.CoresUsedMean = plus(u.CoresUsedMean, x.CoreSecondsUsed/x.CoreSeconds*x.Cores)
		if s := e.Stats["cpu_util"]; s != nil {
			u.CoresUsedP95 = plus(u.CoresUsedP95, float64(s.P95)*x.Cores)
			u.CoresUsedMax = plus(u.CoresUsedMax, float64(s.Max)*x.Cores)
		}
	}
	if peak := e.Use.MemoryPeak; peak > 0 && !(Number(peak) <= u.MemoryPeak) {
		u.MemoryPeak, u.MemoryTotal, u.MemoryPeakNode = Number(peak), Number(e.Use.MemoryTotal), e.Entity.Label()
	}
}

func (u *Use) addGPU(e *EntityResult) {
	u.GPUs++
	if s := e.Stats["gpu_util"]; s != nil {
		u.GPUHours = plus(u.GPUHours, float64(s.Seconds)/3600)
		u.GPUHoursUsed = plus(u.GPUHoursUsed, float64(s.Mean)*float64(s.Seconds)/3600)
		u.GPUHoursIdle = plus(u.GPUHoursIdle, float64(s.IdleSeconds)/3600)
	}
	power := e.Stats["gpu_power_watts"]
	switch inc, ok := e.Increase["gpu_energy_joules"]; {
	case ok && inc.Total > 0:
		u.GPUJoules = plus(u.GPUJoules, inc.Total)
	case power != nil:
		u.GPUJoules = plus(u.GPUJoules, float64(power.Mean)*float64(power.Seconds))
	}
	if power != nil {
		u.GPUIdleJoules = plus(u.GPUIdleJoules, e.Use.GPUIdleJoules)
	}
}
