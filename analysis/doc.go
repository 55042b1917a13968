// Package analysis turns recordings, windows or the notebook's CSV, into the
// figures that explain a run.
//
// Its layers, each of which knows only those before it:
//
//	units       number.go, units.go: how a figure is written
//	format      csv.go, frame.go, inputs.go: bytes on disk become window.Chunk streams
//	grouping    entity.go, sessions.go, series.go: rows become entities, spans, time bins
//	statistics  distribution.go, usage.go, notebook.go, findings*.go, compare.go
//	table       table.go, render*.go: text, JSON, CSV
//
// Data flows one way: Analyze decodes files on all cores, feeds their chunks in
// a fixed order to one accumulating goroutine, and returns a Result that
// nothing changes any more. Memory depends on how many entities there are,
// never on how long they were recorded. Only the decoders run concurrently;
// they own what they decode until they hand it over.
package analysis
