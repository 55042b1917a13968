// Package worker says whose load it is: it finds the jobs, workers and process
// trees of a node and gives each the processor time, memory, I/O and GPU share
// that is its own, as entities of kind worker.
//
// Data flow: a table of resolvers (resolve.go) finds workers, by processes
// (config-file patterns, Dask, Ray) or by control groups (Slurm, systemd
// sessions). A worker of processes is an account in the ledger (ledger.go), to
// which every process of its tree belongs; a worker of a control group reads
// the group's counters and leaves to workers found inside what is theirs. A
// process or group belongs to one worker, so workers may be added up.
//
// Cost: looking for workers is done every few seconds and looks only at
// processes that are new, and at a few old ones in turn. A tick reads the
// processes that belong to somebody, and nothing of the others.
//
// Concurrency: a Source belongs to one goroutine.
package worker
