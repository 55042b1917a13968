// Package e2e runs the built binaries against real components: stress-ng and
// iperf3 as known loads, pandas on the notebook's own code, DuckDB and Polars on
// the windows, a real Prometheus. Its tests have the build tag e2e and expect
// bin/ to be built and the components to be installed (.ci/run does both).
package e2e
