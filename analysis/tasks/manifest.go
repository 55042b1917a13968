package tasks

import "time"

// Manifest says which file belongs to which configuration, because a metrics.csv
// says neither engine nor nodes nor cores.
type Manifest struct {
	Runs []Run
}

// Run is one file of tasks. Nodes, Cores and GPUs are totals over all nodes; 0 is
// unknown. Runs with the same label (or, without one, the same engine, nodes
// and cores) are repeats of one configuration.
type Run struct {
	File               string
	Engine, Label      string
	Nodes, Cores, GPUs float64
	Zone               *time.Location
}
