// Package prom asks a Prometheus-compatible server (Prometheus, Thanos, Mimir,
// VictoriaMetrics) for what analysis computes from windows, so that a question
// about a thousand nodes moves figures and not samples.
//
// Data flow: Connect makes a client from a URL and credentials; Summarize cuts
// the span into chunks, lets the server aggregate each (means from counters,
// whole distributions from native histograms, which add up over chunks), and
// assembles an analysis.Result that the same writers print. When the server
// says that a chunk is too much, it is halved.
//
// Concurrency: everything happens on the caller's goroutine.
package prom
